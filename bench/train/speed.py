"""Cost of fits against all peers: CPU seconds, binning and set-up included, alternating.

    python speed.py --driver build/bench/bench/train/bench_learner --out speed.csv [--seconds 280]
                    [--tables fraud,income,cards] [--adult FILE] [--cards FILE] [--sizes 10000,100000,1000000]
                    [--threads 1,2] [--depths 10,15] [--members 'Slipway|XGBoost-RF|...'] [--repeats 3] [--slow-trees 10]
    python speed.py --out speed.csv --show

Forests of 100 trees at each depth, boosting of 200 rounds (peers.py has the settings), on the made fraud-like table (tables.py;
--sizes are numbers of training rows), the census and two weeks of card transactions. The members take turns, so that what else
runs on the machine falls on all. Every fit is a line of --out; what is there already is not measured again, so that a run which
--seconds has stopped is taken up by the same command. scikit-learn and YDF grow --slow-trees trees and are scaled up to 100, which
the column `trees` says. --show prints medians and ratios to Slipway in the same turns. Requirements: requirements.txt.
"""
import argparse
import csv
import itertools
import pathlib
import statistics
import time

import numpy as np
import peers
import tables
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

# Learners whose cost is compared; the others of peers.py are variants for quality.
MEMBERS = [name for name in peers.FORESTS + peers.BOOSTERS if name not in ("Slipway, leaves of 100", "LightGBM")]
CASE = ("table", "rows", "columns", "threads", "depth")
COLUMNS = (*CASE, "member", "turn", "trees", "cpu_seconds", "seconds", "average_precision")


def kept(file):
    if not pathlib.Path(file).exists():
        return []
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def keep(file, line):
    new = not pathlib.Path(file).exists()
    with open(file, "a", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(line)


def split(table, rows, arguments):
    """((features, truth) to train, (features, truth) to test)."""
    if table == "cards":
        features, truth, pairs = tables.card_weeks(arguments.cards)
        train, test = pairs[0]
        return (features[train], truth[train]), (features[test], truth[test])
    features, truth = tables.adult(arguments.adult) if table == "income" else tables.fraud(int(rows * 1.25))
    train_x, test_x, train_y, test_y = train_test_split(
        features, truth, train_size=rows if table == "fraud" else 0.8, random_state=1, stratify=truth)
    return (train_x, train_y), (test_x[:500_000], test_y[:500_000])


def measure(arguments, members):
    """False: the time was up."""
    end = time.monotonic() + arguments.seconds
    done = {tuple(line[name] for name in (*CASE, "member", "turn")) for line in kept(arguments.out)}
    sizes = [int(size) for size in arguments.sizes.split(",")]
    for table in arguments.tables.split(","):
        for rows in sizes if table == "fraud" else [0]:
            train, test = split(table, rows, arguments)
            for threads, depth in itertools.product(map(int, arguments.threads.split(",")), arguments.depths.split(",")):
                bench = peers.Bench(arguments.driver, threads)
                # Boosting does not look at the depth: it is measured beside the first.
                mine = [one for one in members if one in peers.FORESTS or depth == arguments.depths.split(",")[0]]
                for turn, member in itertools.product(range(1, arguments.repeats + 1), mine):
                    case = {"table": table, "rows": len(train[1]), "columns": train[0].shape[1], "threads": threads,
                            "depth": depth if member in peers.FORESTS else "", "member": member, "turn": turn}  # fmt: skip
                    if tuple(str(value) for value in case.values()) in done:
                        continue
                    if time.monotonic() > end:
                        return False
                    trees = arguments.slow_trees if member in peers.SLOW else 100
                    cpu, wall, scores = bench.fit(member, train, test, 2, int(depth), trees=trees)
                    keep(arguments.out, case | {"trees": trees, "cpu_seconds": f"{cpu * 100 / trees:.3f}",
                                                "seconds": f"{wall * 100 / trees:.3f}",
                                                "average_precision": f"{average_precision_score(test[1], scores):.4f}"})  # fmt: skip
                    print(*case.values(), f"{cpu * 100 / trees:.2f} CPU s", flush=True)
    return True


def show(lines):
    cases = sorted({tuple(line[name] for name in CASE) for line in lines},
                   key=lambda case: (case[0], int(case[1]), int(case[3]), case[4]))  # fmt: skip
    for case in cases:
        of_case = [line for line in lines if tuple(line[name] for name in CASE) == case]
        table, rows, columns, threads, depth = case
        print(f"\n{table}, {int(rows):,} x {columns}, {threads} threads, {f'forests of depth {depth}' if depth else 'boosting'}\n")
        print("| | CPU s | ratio | seconds | average precision |\n|---|---|---|---|---|")
        base = {line["turn"]: float(line["cpu_seconds"]) for line in of_case if line["member"] in ("Slipway", "Slipway boosting")}
        for member in MEMBERS:
            mine = [line for line in of_case if line["member"] == member]
            if not mine:
                continue
            ratios = [float(line["cpu_seconds"]) / base[line["turn"]] for line in mine if line["turn"] in base]
            ratio = f"{statistics.median(ratios):.1f}x" if ratios else ""
            scaled = "" if mine[0]["trees"] == "100" else f" (from {mine[0]['trees']} trees)"
            print(f"| {member}{scaled} | {statistics.median(float(line['cpu_seconds']) for line in mine):.2f} | {ratio} | "
                  f"{statistics.median(float(line['seconds']) for line in mine):.2f} | "
                  f"{np.mean([float(line['average_precision']) for line in mine]):.3f} |")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", help="the bench_learner program")
    parser.add_argument("--out", required=True, help="CSV of every single fit; lines are added")
    parser.add_argument("--show", action="store_true", help="print the tables of --out and end")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no fit after so many")
    parser.add_argument("--tables", default="fraud")
    parser.add_argument("--adult", help="the census table as CSV, for income")
    parser.add_argument("--cards", help="the card transactions as Parquet, for cards")
    parser.add_argument("--sizes", default="227845", help="numbers of training rows of the made table")
    parser.add_argument("--depths", default="10,15")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--members", help="only these, separated by |; names as in peers.py")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slow-trees", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.show:
        return show(kept(arguments.out))
    if not arguments.driver:
        parser.error("--driver is needed to measure")
    if not measure(arguments, [name for name in MEMBERS if not arguments.members or name in arguments.members.split("|")]):
        print("The time was up: the same command goes on from here.")


if __name__ == "__main__":
    main()
