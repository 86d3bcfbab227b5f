"""Requests per second, CPU time per request and latencies of `slipway serve` and its peers on one model.

usage: python bench/serve/compare.py PROGRAM SERVE_LOAD --peers FOLDER [--seconds S] [--rates 500,2000,5000]
PROGRAM is a built slipway, SERVE_LOAD the load generator (cmake -DSLIPWAY_BUILD_BENCH=ON, target serve_load). FOLDER holds one
environment for each peer, made there at the first time: their requirements contradict each other. CPU time is the server's
and its children's, user and system, from /proc.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROW = {"amount": 120.5, "num_transactions": 3, "state": "NY", "channel": "online", "card_type": "credit"}


def cpu_seconds(pid):
    """Of a process's threads that live and of its children's, to the nanosecond: a clock tick is 10 ms."""
    tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9 + sum(cpu_seconds(child) for child in children)


def environment(folder, peer):
    """The Python of a peer's own environment."""
    place = folder / peer
    if not (place / "made").exists():
        requirements = pathlib.Path(__file__).resolve().parent / f"requirements-{peer}.txt"
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        (place / "made").touch()
    return place / "bin/python"


def v2_body():
    """The row as a V2 request in JSON."""
    inputs = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP32", "data": [value]}
        for name, value in ROW.items()
    ]
    return json.dumps({"inputs": inputs})


def mlserver_folder(place):
    """Settings of MLServer for the model of mlserver_server.py."""
    place.mkdir()
    settings = {"http_port": 18099, "grpc_port": 18098, "metrics_port": 18097, "parallel_workers": 0, "debug": False}
    (place / "settings.json").write_text(json.dumps(settings))
    model = {"name": "peer", "implementation": "mlserver_server.Scorer"}
    (place / "model-settings.json").write_text(json.dumps(model))
    return place


def measure_peers(folder, place, measured, rates):
    """Each peer in turn: its CPU seconds for a row, by name."""
    here = pathlib.Path(__file__).resolve().parent
    port = "18099"
    (place / "bento.json").write_text(json.dumps({"row": ROW}))
    peers = {
        "fastapi": (
            "FastAPI + ONNX Runtime", ["-m", "uvicorn", "fastapi_server:app", "--port", port, "--no-access-log", "--log-level", "error"],
            "/openapi.json", "/score", "row.json",
        ),
        "mlserver": ("MLServer + ONNX Runtime", ["-c", "from mlserver.cli import main; main()", "start", mlserver_folder(place / "mlserver")],
                     "/v2/health/ready", "/v2/models/peer/infer", "v2.json"),
        "bentoml": ("BentoML + ONNX Runtime", ["-m", "bentoml", "serve", "bentoml_server:Scorer", "--port", port], "/readyz", "/score", "bento.json"),
    }  # fmt: skip
    costs = {}
    for peer, (name, words, ready, path, body) in peers.items():
        variables = {"MODEL": str(place / "fraud/model.onnx"), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(here)}
        server = subprocess.Popen(
            [environment(folder, peer), *words], cwd=here, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_for(f"http://127.0.0.1:{port}{ready}")
            asked = ["http", f"127.0.0.1:{port}", "POST", path, place / body]
            several = [measured.run(f"{name}, one row", server.pid, asked, 0) for _ in range(3)]
            costs[name] = sorted(several)[1]
            for rate in rates[:1]:
                measured.run(f"{name}, one row", server.pid, asked, rate)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
    return costs


def v2_message(model):
    """A ModelInferRequest with one row, written by hand: fields 1 (model_name), 5 (inputs)."""

    def field(number, payload):
        size, length = len(payload), b""
        while True:
            length += bytes([size & 127 | (128 if size > 127 else 0)])
            size >>= 7
            if not size:
                return bytes([number << 3 | 2]) + length + payload

    import struct

    message = field(1, model.encode())
    for name, value in ROW.items():
        text = isinstance(value, str)
        contents = field(8, value.encode()) if text else field(6, struct.pack("<f", value))
        message += field(5, field(1, name.encode()) + field(2, b"BYTES" if text else b"FP32") + field(3, b"\x01") + field(5, contents))
    return message


class Measured:
    def __init__(self, load, seconds):
        self.load, self.seconds, self.rows = load, seconds, []

    def run(self, name, pid, words, rate, connections=8):
        """`words`: protocol, address, and what is asked, without connections, rate and seconds."""
        before = cpu_seconds(pid)
        done = subprocess.run([self.load, *words, str(connections), str(rate), str(self.seconds)], capture_output=True, text=True, check=True)
        result = json.loads(done.stdout)
        cpu = (cpu_seconds(pid) - before) / max(1, result["requests"]) * 1e6
        self.rows.append((name, rate or "most", result, cpu))
        print(
            f"{name:<34} {rate or 'most':>6} {result['rate']:>8.0f}/s {cpu:>8.1f} us CPU  p50 {result['p50']:>8.0f}  "
            f"p99 {result['p99']:>8.0f}  p99.9 {result['p999']:>8.0f} us  errors {result['errors']}",
            flush=True,
        )
        return cpu


def wait_for(url):
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{url} does not answer")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("load")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rates", default="500,2000")
    parser.add_argument("--peers", type=pathlib.Path, required=True)
    options = parser.parse_args()
    program, load = pathlib.Path(options.program).resolve(), str(pathlib.Path(options.load).resolve())
    rates = [int(rate) for rate in options.rates.split(",")]
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)

        def slipway(*words):
            subprocess.run([program, *words, "--quiet"], cwd=place, check=True, stdout=subprocess.DEVNULL)

        slipway("sample", "fraud", "--rows", "50000", "--out", "all.csv")
        with open(place / "all.csv") as source, open(place / "tx.csv", "w") as target:
            names = source.readline().strip().split(",")
            keep = [names.index(name) for name in [*ROW, "is_fraud"]]
            target.write(",".join(names[i] for i in keep) + "\n")
            for line in source:
                cells = line.rstrip("\n").split(",")
                target.write(",".join(cells[i] for i in keep) + "\n")
        slipway("train", "tx.csv", "--target", "is_fraud", "--set", "n_estimators=300", "--set", "max_depth=9", "--out", "fraud")
        (place / "row.json").write_text(json.dumps(ROW))
        (place / "v2.json").write_text(v2_body())
        measured = Measured(load, options.seconds)

        begun = time.monotonic()
        server = subprocess.Popen(
            [program, "serve", "fraud", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--threads", "1"],
            cwd=place, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = server.stdout.readline()
        http, grpc = re.search(r"http://([\d.:]+), gRPC on ([\d.:]+)", line).groups()
        urllib.request.urlopen(urllib.request.Request(f"http://{http}/score", json.dumps(ROW).encode()))
        print(f"slipway: {1000 * (time.monotonic() - begun):.0f} ms from its start to the first score")
        name = json.load(urllib.request.urlopen(f"http://{http}/v2/models"))["models"][0]
        (place / "row.pb").write_bytes(v2_message(name))
        try:
            score = ["http", http, "POST", "/score", place / "row.json"]
            empty = ["http", http, "GET", "/ping", "-"]
            infer = ["grpc", grpc, "/inference.GRPCInferenceService/ModelInfer", place / "row.pb"]
            nothing = ["grpc", grpc, "/inference.GRPCInferenceService/ServerLive", os.devnull]
            v2 = ["http", http, "POST", f"/v2/models/{name}/infer", place / "v2.json"]
            for label, full, bare in (("HTTP", score, empty), ("HTTP V2", v2, empty), ("gRPC", infer, nothing)):
                ratios = []
                for _ in range(3):  # alternating, so that another load on the machine meets both
                    base = measured.run(f"slipway {label}, empty request", server.pid, bare, 0)
                    ratios.append(measured.run(f"slipway {label}, one row", server.pid, full, 0) / base)
                print(f"slipway {label}: a scored row costs {sorted(ratios)[1]:.2f}x of an empty request's CPU time")
                for rate in rates:
                    measured.run(f"slipway {label}, one row", server.pid, full, rate)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()

        peers = measure_peers(options.peers.resolve(), place, measured, rates)
        ours = sorted(cost for name, rate, _, cost in measured.rows if name == "slipway HTTP, one row" and rate == "most")[1]
        for name, cost in peers.items():
            print(f"{name} takes {cost / ours:.1f}x the CPU time of slipway over HTTP")


if __name__ == "__main__":
    main()
