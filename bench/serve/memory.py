"""Whether the server's memory stays flat: requests of every protocol at a fixed rate, its resident memory sampled.

usage: python bench/serve/memory.py PROGRAM BUNDLE ROW_JSON [--minutes M] [--rate R] [--every SECONDS]
A durable prediction log is written to a temporary folder, and the model is loaded again once a minute. Prints a sample a
line, then the medians of the third and the last quarter of the run; exit code 1 if memory rose by more than 1 % from the one
to the other, or if a request failed.
"""

import argparse
import http.client
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time


def requests_of(row, name):
    values = list(row.values())
    kinds = {float: "FP32", int: "FP32", str: "BYTES"}
    tensors = [{"name": key, "datatype": kinds[type(value)], "shape": [1], "data": [value]} for key, value in row.items()]
    return [
        ("POST", "/score", row, 200),
        ("POST", "/score?reasons=3", [row] * 10, 200),
        ("POST", f"/v2/models/{name}/infer", {"inputs": tensors}, 200),
        ("POST", f"/v1/models/{name}:predict", {"instances": [values]}, 200),
        ("POST", f"/v1/models/{name}:classify", {"examples": [row]}, 200),
        ("POST", "/invocations", {"dataframe_records": [row]}, 200),
        ("POST", "/score", {**row, "no_such_field": 1}, 400),
        ("POST", "/v1/models/no-such:predict", {"instances": []}, 404),
        ("GET", "/metrics", None, 200),
        ("GET", f"/v2/models/{name}", None, 200),
    ]


def resident_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def main():
    parser = argparse.ArgumentParser()
    for argument in ("program", "bundle", "row"):
        parser.add_argument(argument)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--every", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [options.program, "serve", options.bundle, "--http", "127.0.0.1:0", "--admin", "--log", f"{folder}/log",
             "--log-segment-mib", "1", "--log-keep-mib", "2"], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        address = re.search(r"http://([\d.:]+)", server.stdout.readline())[1]

        def call(connection, method, path, body):
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            answer.read()
            return answer.status

        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("GET", "/v2/models")
        name = json.loads(connection.getresponse().read())["models"][0]
        mix = requests_of(json.loads(options.row), name)
        begun, sent, failed, samples, loaded = time.monotonic(), 0, 0, [], 0
        while (now := time.monotonic() - begun) < options.minutes * 60:
            method, path, body, expected = mix[sent % len(mix)]
            if sent % 100 == 0:  # connections come and go
                connection.close()
            failed += call(connection, method, path, body) != expected
            sent += 1
            if now >= 60 * (loaded + 1):
                failed += call(connection, "POST", f"/admin/models/{name}/load", None) != 200
                loaded += 1
            if now >= options.every * len(samples):
                samples.append((now, resident_kib(server)))
                print(f"{now:7.0f} s  {samples[-1][1]} KiB  {sent} requests", flush=True)
            time.sleep(max(0.0, begun + sent / options.rate - time.monotonic()))
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    kib = [size for _, size in samples]
    third, last = (statistics.median(kib[len(kib) * part // 4 : len(kib) * (part + 1) // 4]) for part in (2, 3))
    print(f"{sent} requests, {failed} failed, {loaded} loads; first {kib[0]} KiB, highest {max(kib)}, "
          f"median of the third quarter {third:.0f}, of the last {last:.0f}")  # fmt: skip
    return 1 if failed or last > 1.01 * third else 0


if __name__ == "__main__":
    sys.exit(main())
