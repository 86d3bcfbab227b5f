"""What reloads under load cost: p99 at a fixed rate with and without 100 reloads, alternating, and failed requests.

usage: python bench/serve/reload.py PROGRAM SERVE_LOAD BUNDLE ROW_JSON [--rate R] [--reloads N] [--runs N]
"""

import argparse
import json
import re
import signal
import subprocess
import threading
import time
import urllib.request


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "load", "bundle", "row"):
        parser.add_argument(name)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    server = subprocess.Popen(
        [options.program, "serve", options.bundle, "--http", "127.0.0.1:0", "--admin"], stdout=subprocess.PIPE, text=True
    )
    http = re.search(r"http://([\d.:]+)", server.stdout.readline())[1]
    name = json.load(urllib.request.urlopen(f"http://{http}/v2/models"))["models"][0]

    def reload():
        for _ in range(options.reloads):
            begun = time.monotonic()
            request = urllib.request.Request(f"http://{http}/admin/models/{name}/load", b"", method="POST")
            urllib.request.urlopen(request, timeout=60).read()
            time.sleep(max(0.0, options.seconds / options.reloads - (time.monotonic() - begun)))

    def load():
        words = ["http", http, "POST", "/score", options.row, "4", str(options.rate), str(options.seconds)]
        return json.loads(subprocess.run([options.load, *words], capture_output=True, text=True, check=True).stdout)

    ratios = []
    try:
        for _ in range(options.runs):
            quiet = load()
            reloader = threading.Thread(target=reload)
            reloader.start()
            busy = load()
            reloader.join()
            ratios.append(busy["p99"] / quiet["p99"])
            print(f"p50 {quiet['p50']:.0f} -> {busy['p50']:.0f} us, p99 {quiet['p99']:.0f} -> {busy['p99']:.0f} us, "
                  f"p99.9 {quiet['p999']:.0f} -> {busy['p999']:.0f} us, failed {busy['errors']} of {busy['requests']}", flush=True)  # fmt: skip
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    print(f"{options.reloads} reloads: p99 {sorted(ratios)[len(ratios) // 2]:.2f}x (median of {options.runs})")


if __name__ == "__main__":
    main()
