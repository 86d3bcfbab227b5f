"""Quality of forests and boosting against the peers on the same rows, paired over ten splits.

    python quality.py --driver build/bench/bench/train/bench_learner [--adult FILE] [--cards FILE] [--tables fraud,...]
                      [--slow-splits 3] [--members 'Slipway|XGBoost|...'] [--out FILE]
    python quality.py --out FILE --show

`fraud` (made, forests of depth 10) and the two of `--adult` (income, and hours_per_week as a number): five repetitions of two stratified
halves, depth 15. `cards`: ten pairs of weeks, no limit of depth. Prints the mean of each measure and the mean difference to Slipway with its standard
error (halves: corrected for rows shared by training sets, Nadeau and Bengio 2003, factor 1/10 + 1; weeks: the plain one);
`*` marks what a two-sided t test with n - 1 degrees calls significant at 5 %. --out holds every single measure and is written after
each fit: what is there is not fitted again, so that the same command goes on where it was stopped. Requirements: requirements.txt.
"""
import argparse
import json
import os
import pathlib

import numpy as np
import peers
import tables
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold

# 97.5 % quantiles of Student's t by degrees of freedom.
STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


def halves(features, truth, classes):
    pairs = []
    for repetition in range(5):
        maker = (KFold if classes == 1 else StratifiedKFold)(2, shuffle=True, random_state=repetition)
        pairs += list(maker.split(features, truth))
    return pairs


def measures(truth, scores, classes):
    if classes == 1:
        return {"RMSE": float(np.sqrt(np.mean((scores - truth) ** 2)))}
    clipped = np.clip(scores, 2**-24, 1 - 2**-24)
    return {"AP": average_precision_score(truth, scores), "ROC AUC": roc_auc_score(truth, scores), "log loss": log_loss(truth, clipped)}


def kept(file):
    return json.loads(pathlib.Path(file).read_text(encoding="utf-8")) if file and pathlib.Path(file).exists() else {}


def keep(file, content):
    """Whole or not at all."""
    beside = pathlib.Path(f"{file}.new")
    beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(beside, file)


def report(name, results, overlap):
    base = {"forest": "Slipway", "boosting": "Slipway boosting"}
    for group, members in (("forest", peers.FORESTS), ("boosting", peers.BOOSTERS)):
        ours = results.get(base[group])
        if not ours:
            continue
        print(f"\n{name}, {group}: mean, and difference to Slipway (standard error)")
        for member in members:
            theirs = results.get(member)
            if not theirs:
                continue
            cells = []
            for measure in theirs[0]:
                values = np.array([fold[measure] for fold in theirs])
                text = f"{measure} {values.mean():.4f}"
                n = min(len(ours), len(theirs))
                if member != base[group] and n > 1:
                    gap = values[:n] - np.array([fold[measure] for fold in ours[:n]])
                    error = float(gap.std(ddof=1) * np.sqrt(1 / n + overlap))
                    mark = "*" if abs(gap.mean()) > STUDENT[n - 1] * error else ""
                    text += f" ({gap.mean():+.4f} ± {error:.4f}{mark})"
                cells.append(text)
            print(f"  {member:28} {'  '.join(cells)}  [{len(theirs)} splits]", flush=True)


def table_of(name, arguments):
    """features, truth, (train, test) rows of the splits, classes, depth of forests, share of rows that training sets have in common."""
    if name == "cards":
        return *tables.card_weeks(arguments.cards), 2, None, 0.0
    if name == "fraud":
        features, truth = tables.fraud(arguments.rows)
    else:
        features, truth = tables.adult(arguments.adult, name if name == "income" else "hours_per_week")
    classes = 1 if name == "hours" else 2
    return features, truth, halves(features, truth, classes), classes, 10 if name == "fraud" else 15, 1.0


def wanted(member, rows, split, arguments):
    if member == "Slipway boosting, sampled" and rows < 100_000:
        return False  # it is for large tables
    return split < arguments.slow_splits or rows <= 50_000 or member not in peers.SLOW


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", help="the bench_learner program")
    parser.add_argument("--show", action="store_true", help="print the tables of --out and end")
    parser.add_argument("--adult", help="the census table as CSV")
    parser.add_argument("--cards", help="the card transactions as Parquet")
    parser.add_argument("--tables", default="fraud,income,hours,cards")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--slow-splits", type=int, default=3, help="of the slow peers where rows are many")
    parser.add_argument("--rows", type=int, default=284_807, help="of the made table")
    parser.add_argument("--members", help="only these, separated by |; names as in peers.py")
    parser.add_argument("--out", help="every single measure, as JSON")
    arguments = parser.parse_args()
    everything = kept(arguments.out)
    if arguments.show:
        for table in everything.values():
            report(table["title"], table["measures"], table["overlap"])
        return
    if not arguments.driver:
        parser.error("--driver is needed to fit")

    members = [one for one in peers.FORESTS + peers.BOOSTERS if not arguments.members or one in arguments.members.split("|")]
    bench = peers.Bench(arguments.driver)
    for name in arguments.tables.split(","):
        if (name == "cards" and not arguments.cards) or (name in ("income", "hours") and not arguments.adult):
            continue
        features, truth, pairs, classes, depth, overlap = table_of(name, arguments)
        title = f"{name} ({len(pairs[0][0]):,} training rows x {features.shape[1]})"
        table = everything.setdefault(name, {"title": title, "overlap": overlap, "measures": {}})
        for number, (train, test) in enumerate(pairs[: arguments.splits]):
            for member in members:
                done = table["measures"].setdefault(member, [])
                if len(done) != number or not wanted(member, len(train), number, arguments):
                    continue
                scores = bench.fit(member, (features[train], truth[train]), (features[test], truth[test]), classes, depth)[2]
                done.append(measures(truth[test], scores, classes))
                if arguments.out:
                    keep(arguments.out, everything)
            print(f"{name}: split {number + 1}", flush=True)
        report(title, table["measures"], overlap)


if __name__ == "__main__":
    main()
