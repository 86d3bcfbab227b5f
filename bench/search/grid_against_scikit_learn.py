"""The 27-point, 5-fold grid search of examples/fraud against scikit-learn's GridSearchCV on the same prepared rows.

Slipway runs the whole line; its search time is what `slipway run --json` reports. scikit-learn's cost is extrapolated: the
time per tree of RandomForestClassifier is measured for each max_depth on the training rows of one fold (a few trees on all
threads), and multiplied by the trees that GridSearchCV fits (27 candidates x 5 folds; scoring and the final refit are left
out, in scikit-learn's favour). Both use the same number of threads, in the same run.

usage: python bench/search/grid_against_scikit_learn.py [--rows 1000000] [--threads 2] [--trees 10] [--slipway FILE]
needs: pip install scikit-learn==1.9.* pandas pyarrow
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

ROOT = pathlib.Path(__file__).resolve().parents[2]
ESTIMATORS, DEPTHS, SPLITS, FOLDS = [100, 200, 300], [5, 10, 15], [2, 5, 10], 5


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def features(table):
    table = table.copy()
    table["amount_per_transaction"] = table.amount / (table.num_transactions + 1)
    for name in ["state", "channel", "card_type"]:
        table[name] = table[name].fillna("missing")
    return table[["amount", "num_transactions", "amount_per_transaction", "state", "channel", "card_type"]]


def encoder():
    return ColumnTransformer([
        ("numbers", "passthrough", ["amount", "num_transactions", "amount_per_transaction"]),
        ("state", TargetEncoder(), ["state"]),
        ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["channel", "card_type"]),
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--trees", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slipway", default=str(ROOT / "build/release/slipway"))
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data").mkdir()
        run(options.slipway, "sample", "fraud", "--rows", options.rows, "--seed", 1, "--out", folder / "data/transactions.csv")
        (folder / "slipway.yaml").write_text((ROOT / "examples/fraud/slipway.yaml").read_text())
        searches, fits = [], []
        for _ in range(options.repeats):
            result = run(options.slipway, "run", folder / "slipway.yaml", "--threads", options.threads, "--no-cache", "--json")
            searches.append(result["seconds"]["search"])
            fits.append(result["seconds"]["fit"])
        run(options.slipway, "prepare", folder / "slipway.yaml", "--out", folder / "prepared.parquet")
        table = pd.read_parquet(folder / "prepared.parquet")

    x, y = features(table), table.is_fraud.to_numpy()
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42, stratify=y)
    inside, _ = next(StratifiedKFold(FOLDS, shuffle=True, random_state=42).split(x_train, y_train))
    fold = encoder().fit_transform(x_train.iloc[inside], y_train[inside]).astype(np.float32)
    seconds_per_tree = {}
    for depth in DEPTHS:
        times = []
        for repeat in range(options.repeats):
            forest = RandomForestClassifier(options.trees, max_depth=depth, n_jobs=options.threads, random_state=repeat)
            begin = time.perf_counter()
            forest.fit(fold, y_train[inside])
            times.append((time.perf_counter() - begin) / options.trees)
        seconds_per_tree[depth] = statistics.median(times)
        print(f"scikit-learn {sklearn.__version__}, depth {depth:2}: {seconds_per_tree[depth]:.3f} s a tree "
              f"({len(fold):,} x {fold.shape[1]} rows, {options.threads} threads)", flush=True)
    peer = sum(FOLDS * len(SPLITS) * sum(ESTIMATORS) * seconds for seconds in seconds_per_tree.values())
    ours = statistics.median(searches)

    # Quality, on scikit-learn's own split of the same rows.
    whole = encoder()
    best = RandomForestClassifier(100, max_depth=10, min_samples_split=10, n_jobs=options.threads, random_state=0)
    best.fit(whole.fit_transform(x_train, y_train).astype(np.float32), y_train)
    scores = best.predict_proba(whole.transform(x_test).astype(np.float32))[:, 1]

    print(f"\nSlipway: search {ours:.1f} s (median of {[round(s, 1) for s in searches]}; features fitted in every fold and "
          f"scoring included), last fit {statistics.median(fits):.2f} s")
    print(f"scikit-learn: {peer:,.0f} s extrapolated for the fits of GridSearchCV alone ({peer / 3600:.1f} h)")
    print(f"ratio: {peer / ours:.0f}x")
    print(f"test rows: Slipway average precision {result['metrics']['average_precision']:.4f}, "
          f"ROC AUC {result['metrics']['roc_auc']:.4f}; scikit-learn (100 trees, depth 10) "
          f"{average_precision_score(y_test, scores):.4f}, {roc_auc_score(y_test, scores):.4f}")


if __name__ == "__main__":
    main()
