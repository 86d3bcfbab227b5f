#!/usr/bin/env python3
"""CSV and Parquet to a prepared table, and rolling windows: slipway prepare against plain DuckDB, pandas and Polars.

usage: bench/data/prepare.py [--program build/release/slipway] [--rows 2000000] [--repeat 3] [--tasks csv parquet rolling]

Needs the packages duckdb, pandas, polars and pyarrow. Every contender is a process of its own that reads the file, keeps rows with an
amount above zero and a state, drops repeated transaction numbers and writes Parquet with Zstandard; `rolling` counts and averages
over 1, 7 and 30 days per card instead. CPU seconds (user and system) and seconds on the clock, medians of the repeats in turn.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

TASKS = ["csv", "parquet", "rolling"]
DAYS = [1, 7, 30]

DUCKDB = """
import duckdb
source = "read_csv('{file}')" if '{file}'.endswith('.csv') else "read_parquet('{file}')"
duckdb.sql("set threads = {threads}")
duckdb.sql(f"copy (select distinct on (transaction_id) * from {{source}} where amount > 0 and state is not null) to '{out}' (format parquet, compression zstd)")
"""
PANDAS = """
import pandas
rows = pandas.read_csv('{file}', parse_dates=['timestamp']) if '{file}'.endswith('.csv') else pandas.read_parquet('{file}')
rows = rows[(rows.amount > 0) & rows.state.notna()].drop_duplicates('transaction_id')
rows.to_parquet('{out}', compression='zstd')
"""
POLARS = """
import polars
rows = polars.read_csv('{file}', try_parse_dates=True) if '{file}'.endswith('.csv') else polars.read_parquet('{file}')
rows = rows.filter((polars.col('amount') > 0) & polars.col('state').is_not_null()).unique('transaction_id', keep='first', maintain_order=True)
rows.write_parquet('{out}', compression='zstd')
"""
WINDOWS = ", ".join(
    f"count(*) over w{days} as count_{days}, avg(amount) over w{days} as mean_{days}" for days in DAYS
) + " from {source} window " + ", ".join(
    f"w{days} as (partition by card_id order by timestamp range between interval {days} days preceding and current row)" for days in DAYS
)  # fmt: skip
DUCKDB_ROLLING = """
import duckdb
duckdb.sql("set threads = {threads}")
duckdb.sql("copy (select *, {windows}) to '{out}' (format parquet, compression zstd)")
"""
PANDAS_ROLLING = """
import pandas
rows = pandas.read_parquet('{file}').sort_values(['card_id', 'timestamp'], kind='stable')
for days in (1, 7, 30):
    rolling = rows.set_index('timestamp').groupby('card_id', sort=False).amount.rolling(f'{{days}}D')
    rows[f'count_{{days}}'] = rolling.count().to_numpy()
    rows[f'mean_{{days}}'] = rolling.mean().to_numpy()
rows.to_parquet('{out}', compression='zstd')
"""
POLARS_ROLLING = """
import polars
rows = polars.read_parquet('{file}').sort('card_id', 'timestamp', maintain_order=True)
for days in (1, 7, 30):
    one = rows.rolling('timestamp', period=f'{{days}}d', closed='both', group_by='card_id').agg(polars.col('amount').count().alias(f'count_{{days}}'), polars.col('amount').mean().alias(f'mean_{{days}}'))
    rows = rows.with_columns(one[f'count_{{days}}'], one[f'mean_{{days}}'])
rows.write_parquet('{out}', compression='zstd')
"""


def run(words, cwd):
    """CPU seconds, seconds and megabytes of one process."""
    start = time.perf_counter()
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, str(cwd / "said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])  # fmt: skip
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(" ".join(words) + "\n" + (cwd / "said").read_text())
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="build/release/slipway")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    arguments = parser.parse_args()
    program = str(pathlib.Path(arguments.program).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # One sample twice: the Parquet file has the CSV's rows.
        for ending in ("csv", "parquet"):
            run([program, "sample", "fraud", "--rows", str(arguments.rows), "--seed", "1", "--out", str(folder / f"tx.{ending}")], folder)
        steps = "prepare: [{keep: amount > 0}, {drop_missing: [state]}, {drop_duplicates: {by: transaction_id}}]\n"
        tail = "schema: {target: is_fraud}\n"
        for ending in ("csv", "parquet"):
            (folder / f"{ending}.yaml").write_text(f"name: t\nsource: {{tx: tx.{ending}, pin_types: false}}\n" + steps + tail)
        (folder / "rolling.yaml").write_text(
            "name: t\nsource:\n  tx: tx.parquet\n  pin_types: false\n  sql: select *, " + WINDOWS.format(source="tx") + "\n" + tail
        )
        print(f"{arguments.rows} rows, CSV of {(folder / 'tx.csv').stat().st_size / 1e6:.0f} MB, {arguments.threads} threads")
        print(f"{'task':9} {'contender':10} {'CPU s':>7} {'clock s':>8} {'MB':>6}  CPU against slipway")
        for task in arguments.tasks:
            file = folder / ("tx.csv" if task == "csv" else "tx.parquet")
            values = {"file": file, "out": folder / "out.parquet", "threads": arguments.threads}
            rolling = task == "rolling"
            values["windows"] = WINDOWS.format(source=f"'{file}'")
            scripts = {
                "duckdb": (DUCKDB_ROLLING if rolling else DUCKDB),
                "pandas": (PANDAS_ROLLING if rolling else PANDAS),
                "polars": (POLARS_ROLLING if rolling else POLARS),
            }
            commands = {name: [sys.executable, "-c", script.format(**values)] for name, script in scripts.items()}
            commands = {
                "slipway": [program, "prepare", str(folder / f"{task}.yaml"), "--out", str(folder / "out.parquet"), "--threads", str(arguments.threads)],
                **commands,
            }  # fmt: skip
            measured = {name: [] for name in commands}
            for _ in range(arguments.repeat):
                for name, words in commands.items():
                    measured[name].append(run(words, folder))
            medians = {name: [statistics.median(values) for values in zip(*runs)] for name, runs in measured.items()}
            for name, (cpu, clock, memory) in medians.items():
                print(f"{task:9} {name:10} {cpu:7.2f} {clock:8.2f} {memory:6.0f}  {cpu / medians['slipway'][0]:.2f}")


if __name__ == "__main__":
    main()
