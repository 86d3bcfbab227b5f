"""Random forests of Slipway, XGBoost and scikit-learn on the same rows: one fit, and the 27-point grid in five folds.

    python grid.py --driver build/bench/bench/train/bench_forest [--csv FILE --target COLUMN] [--rows N]

Requirements: requirements.txt. Without --csv the made table of tables.py: 284,807 x 30, 0.17 % positive. All times are CPU
seconds of one process with one thread, so that other work on the machine distorts them little; Slipway's grid is also run on
--threads threads for its wall time. Only Slipway runs the whole grid: the peers' 27 x 5 + 1 fits are extrapolated from the measured
time per tree at each depth on the first fold's rows, which is what refitting each point costs them.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import peers
import tables
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, train_test_split

TREES = (100, 200, 300)
DEPTHS = (5, 10, 15)
SPLITS = (2, 5, 10)
FOLDS = 5


def read_table(file, target):
    """All columns must be numbers; the target 0 or 1."""
    with open(file, newline="") as lines:
        reader = csv.reader(lines)
        names = next(reader)
        values = np.array(list(reader), dtype=np.float64)
    column = names.index(target)
    return np.delete(values, column, axis=1).astype(np.float32), values[:, column].astype(np.int32)


def run(driver, *arguments):
    return json.loads(subprocess.run([driver, *map(str, arguments)], check=True, capture_output=True, text=True).stdout)


def timed(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def peer(name, trees, depth, columns, seed=1):
    return peers.Bench(None).peer(name, 2, depth, seed, trees, 0, columns)


def one_fit(arguments, train, test, files):
    print(f"One forest, {TREES[0]} trees, {train[0].shape[0]:,} x {train[0].shape[1]}, CPU seconds (average precision), binning included")
    columns = train[0].shape[1]
    for depth in DEPTHS[1:]:
        ours = run(arguments.driver, "fit", *files, TREES[0], depth, 1, arguments.repeats)
        print(f"  depth {depth:2}: Slipway {ours['cpu_seconds']:.2f} ({ours['average_precision']:.3f}), "
              f"{ours['nodes_per_tree']:.0f} nodes a tree")
        for name in ("XGBoost-RF", "XGBoost-RF, min child 0"):
            seconds, fitted = min((timed(lambda: peer(name, TREES[0], depth, columns).fit(*train))
                                   for _ in range(arguments.repeats)), key=lambda pair: pair[0])
            precision = average_precision_score(test[1], fitted.predict_proba(test[0])[:, 1])
            print(f"            {name}: {seconds:.2f} ({precision:.3f}), ratio {seconds / ours['cpu_seconds']:.1f}")
        few = arguments.sklearn_trees
        seconds, fitted = timed(lambda: peer("scikit-learn", few, depth, columns).fit(*train))
        precision = average_precision_score(test[1], fitted.predict_proba(test[0])[:, 1])
        seconds *= TREES[0] / few
        print(f"            scikit-learn: {seconds:.0f}, extrapolated from {few} trees ({precision:.3f} with those), ratio {seconds / ours['cpu_seconds']:.0f}")


def grid(arguments, features, labels, file):
    print(f"Grid: {len(TREES) * len(DEPTHS) * len(SPLITS)} points, {FOLDS} folds, {features.shape[0]:,} x {features.shape[1]}, and a refit of the best")
    ours = run(arguments.driver, "grid", file, 1, 3)
    print(f"  Slipway, 1 thread: {ours['cpu_seconds']:.1f} CPU s ({ours['seconds']:.1f} s wall): fits {ours['fit_seconds']:.1f}, scores "
          f"{ours['score_seconds']:.1f}, refit {ours['refit_seconds']:.1f} s wall; {ours['fits']} fits; best {ours['best']} ({ours['average_precision']:.4f})")
    print(f"    {ours['equal']} of {ours['checked']} points refitted on their own score the same to the last bit; "
          f"they took {ours['cpu_seconds_alone']:.1f} CPU s")
    if arguments.threads > 1:
        wide = run(arguments.driver, "grid", file, arguments.threads)
        print(f"  Slipway, {arguments.threads} threads: {wide['seconds']:.1f} s wall, {wide['cpu_seconds']:.1f} CPU s")
    first, _ = next(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, labels))
    rows = features[first], labels[first]
    for name, trees in (("XGBoost-RF", arguments.xgboost_trees), ("scikit-learn", arguments.sklearn_trees)):
        per_tree = {depth: timed(lambda: peer(name, trees, depth, features.shape[1]).fit(*rows))[0] / trees for depth in DEPTHS}
        folds = FOLDS * len(SPLITS) * sum(TREES) * sum(per_tree.values())
        refit = TREES[-1] * per_tree[DEPTHS[-1]] * features.shape[0] / len(first)
        print(f"  {name}: {folds + refit:,.0f} CPU s, extrapolated from {trees} trees at each depth ("
              + ", ".join(f"{depth}: {seconds * 1e3:.0f} ms a tree" for depth, seconds in per_tree.items())
              + f"), scoring not counted; ratio {(folds + refit) / ours['cpu_seconds']:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True, help="the bench_forest program")
    parser.add_argument("--csv", help="a prepared table of numbers with a header")
    parser.add_argument("--target", help="its 0/1 column")
    parser.add_argument("--rows", type=int, default=284_807, help="rows of the made table")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2, help="of each timed fit; the best counts")
    parser.add_argument("--sklearn-trees", type=int, default=10)
    parser.add_argument("--xgboost-trees", type=int, default=50)
    parser.add_argument("--only", choices=["fit", "grid"], help="half of it")
    arguments = parser.parse_args()
    if (arguments.csv is None) != (arguments.target is None):
        parser.error("--csv and --target go together")

    features, labels = read_table(arguments.csv, arguments.target) if arguments.csv else tables.fraud(arguments.rows)
    train_x, test_x, train_y, test_y = train_test_split(features, labels, test_size=0.2, random_state=1, stratify=labels)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if arguments.only != "grid":
            files = [tables.write(folder / "train", train_x, train_y, 2), tables.write(folder / "test", test_x, test_y, 2)]
            one_fit(arguments, (train_x, train_y), (test_x, test_y), files)
        if arguments.only != "fit":
            grid(arguments, features, labels, tables.write(folder / "all", features, labels, 2))


if __name__ == "__main__":
    main()
