"""Cost of fits against all peers: CPU seconds, binning and set-up included, medians of alternating runs.

    python speed.py --driver build/bench/bench/train/bench_learner [--sizes 10000,100000,1000000] [--threads 1,2]
                    [--members 'Slipway|XGBoost-RF|...'] [--repeats 3] [--slow-trees 10]

The made fraud-like table (tables.py), 80 % of --rows for the fit, forests of 100 trees at depth 10 and 15, boosting of 200 rounds.
scikit-learn and YDF grow --slow-trees trees and are scaled up, which is said. Ratios are to Slipway in the same run.
With --sizes, the same at each number of rows, at depth 10, to see how cost grows. Requirements: requirements.txt.
"""
import argparse
import statistics

import numpy as np
import peers
import tables
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

# Learners whose cost is compared; the others of peers.py are variants for quality.
MEMBERS = [name for name in peers.FORESTS + peers.BOOSTERS if name not in ("Slipway, leaves of 100", "LightGBM")]


def measure(bench, members, train, test, depth, arguments):
    """Prints one line per member; the members take turns, so that what else runs on the machine falls on all."""
    cpu = {name: [] for name in members}
    wall = {name: [] for name in members}
    precision = {}
    scaled = {name: arguments.slow_trees < 100 and name in peers.SLOW for name in members}
    for _ in range(arguments.repeats):
        for name in members:
            trees = arguments.slow_trees if scaled[name] else 100
            seconds, elapsed, scores = bench.fit(name, train, test, 2, depth, trees=trees)
            cpu[name].append(seconds * 100 / trees)
            wall[name].append(elapsed * 100 / trees)
            precision[name] = average_precision_score(test[1], scores)
    for group, base in ((peers.FORESTS, "Slipway"), (peers.BOOSTERS, "Slipway boosting")):
        if base not in members:
            continue
        ours = statistics.median(cpu[base])
        for name in members:
            if name not in group:
                continue
            seconds = statistics.median(cpu[name])
            print(f"    {name:28} {seconds:9.2f} CPU s  {statistics.median(wall[name]):9.2f} s  {seconds / ours:7.1f}x  "
                  f"average precision {precision[name]:.3f}{f'  (from {arguments.slow_trees} trees)' if scaled[name] else ''}",
                  flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True, help="the bench_learner program")
    parser.add_argument("--rows", type=int, default=284_807)
    parser.add_argument("--sizes", default="", help="numbers of training rows, instead of --rows")
    parser.add_argument("--depths", default="10,15")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--members", help="only these, separated by |; names as in peers.py")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slow-trees", type=int, default=10)
    arguments = parser.parse_args()
    members = [name for name in MEMBERS if not arguments.members or name in arguments.members.split("|")]
    sizes = [int(size) for size in arguments.sizes.split(",") if size]
    for rows in sizes or [int(arguments.rows * 0.8)]:
        features, truth = tables.fraud(int(rows * 1.25))
        train_x, test_x, train_y, test_y = train_test_split(features, truth, train_size=rows, random_state=1, stratify=truth)
        for threads in map(int, arguments.threads.split(",")):
            bench = peers.Bench(arguments.driver, threads)
            for depth in [10] if sizes else [int(depth) for depth in arguments.depths.split(",")]:
                print(f"{rows:,} x {features.shape[1]}, {threads} threads, forests of depth {depth}")
                ours = [name for name in members if depth == 10 or name in peers.FORESTS]
                measure(bench, ours, (train_x, train_y), (test_x, np.asarray(test_y)), depth, arguments)


if __name__ == "__main__":
    main()
