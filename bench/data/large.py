#!/usr/bin/env python3
"""A CSV file larger than memory through slipway prepare: time, peak memory, bytes spilled.

usage: bench/data/large.py [--program build/release/slipway] [--gigabytes 20] [--memory 4GB] [--folder DIR] [--file FILE]

Makes the file (slipway sample), drops rows without an amount above zero or a state and repeated transaction numbers, and writes
Parquet. The folder needs room for the file three times. `--file` takes one that is there.
"""

import argparse
import os
import pathlib
import resource
import sys
import tempfile
import threading
import time

BYTES_PER_ROW = 83.5
STEPS = "prepare: [{keep: amount > 0}, {drop_missing: [state]}, {drop_duplicates: {by: transaction_id}}]\n"


def size_of(folder):
    total = 0
    for name in folder.rglob("*"):
        try:
            total += name.stat().st_blocks * 512 if name.is_file() else 0
        except FileNotFoundError:  # gone meanwhile
            pass
    return total


def run(words, folder):
    """Runs a command with its temporary files in `folder`: seconds, CPU seconds, peak resident memory, most bytes in the folder."""
    folder.mkdir()
    most, ended = [0], threading.Event()

    def watch():
        while not ended.wait(1):
            most[0] = max(most[0], size_of(folder))

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    pid = os.posix_spawn(words[0], words, {**os.environ, "TMPDIR": str(folder)})
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    left = list(folder.iterdir())
    if status != 0 or left:
        sys.exit(f"{' '.join(words)}: status {status}, left behind: {left}")
    folder.rmdir()
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, most[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="build/release/slipway")
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", help="where the files lie while it runs; by default among the temporary ones")
    parser.add_argument("--file", help="a CSV of `slipway sample fraud` that exists")
    arguments = parser.parse_args()
    program = str(pathlib.Path(arguments.program).resolve())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = pathlib.Path(name)
        file = pathlib.Path(arguments.file).resolve() if arguments.file else folder / "tx.csv"
        if not arguments.file:
            rows = str(int(arguments.gigabytes * 1e9 / BYTES_PER_ROW))
            report("sample", *run([program, "sample", "fraud", "--rows", rows, "--out", str(file)], folder / "temporary"))
        print(f"{file.stat().st_size / 1e9:.1f} GB", flush=True)
        (folder / "t.yaml").write_text(f"name: t\nsource: {{tx: {file}, pin_types: false}}\n{STEPS}schema: {{target: is_fraud}}\n")
        words = [program, "prepare", str(folder / "t.yaml"), "--out", str(folder / "out.parquet"), "--memory", arguments.memory]
        report("prepare", *run([*words, "--threads", str(arguments.threads)], folder / "temporary"))
        print(f"{(folder / 'out.parquet').stat().st_size / 1e9:.2f} GB of Parquet")


def report(what, seconds, cpu, memory, spilled):
    print(f"{what:8} {seconds:7.0f} s, {cpu:7.0f} s of CPU, peak {memory / 1e9:.2f} GB, {spilled / 1e9:.1f} GB in temporary files", flush=True)


if __name__ == "__main__":
    main()
