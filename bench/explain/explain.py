"""SHAP values of Slipway, XGBoost, LightGBM and shap on the same models and rows, one thread.

    python explain.py --driver build/bench/bench/explain/bench_explain --slipway build/release/slipway [--repeats 3]

Needs numpy, scikit-learn, shap, lightgbm and xgboost. Three models of a made table of 100,000 x 30: XGBoost 300 x depth 6,
LightGBM 300 x 31 leaves, scikit-learn's forest of 300 trees x 329 nodes (which XGBoost gets as a file of its own). Every peer
explains the models it can read; all times are CPU seconds of the process, medians of alternating repeats. The peers'
times leave out what does not grow with the rows as far as their interfaces allow (DMatrix and explainer are made first).
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import lightgbm
import numpy as np
import shap
import sklearn.ensemble
import xgboost

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/conformance"))
import forest_as_xgboost  # noqa: E402

COLUMNS = 30


def made_table(rows, seed=7):
    random = np.random.default_rng(seed)
    values = random.standard_normal((rows, COLUMNS)).astype(np.float32)
    signal = values[:, 0] + values[:, 1] * values[:, 2] + np.abs(values[:, 3]) + 0.5 * values[:, 4:12].sum(axis=1)
    return values, (signal + 1.5 * random.standard_normal(rows) > 2).astype(int)


def cpu_seconds(function):
    begin = time.process_time()
    function()
    return time.process_time() - begin


def rows_per_second(explain, values, repeats, enough=1.0):
    """Medians over repeats; as many rows as take about `enough` seconds."""
    rows = 8
    while rows < len(values) and (seconds := cpu_seconds(lambda: explain(values[:rows]))) < enough / 2:
        rows = min(len(values), int(rows * min(8, max(2, enough / max(seconds, 1e-3)))))
    return statistics.median(rows / cpu_seconds(lambda: explain(values[:rows])) for _ in range(repeats))


def models(values, labels):
    boosted = xgboost.XGBClassifier(n_estimators=300, max_depth=6, learning_rate=0.05, n_jobs=1).fit(values, labels)
    leaves = lightgbm.LGBMClassifier(n_estimators=300, learning_rate=0.05, n_jobs=1, verbose=-1).fit(values, labels)
    forest = sklearn.ensemble.RandomForestClassifier(
        300, max_depth=15, max_leaf_nodes=165, max_samples=10_000, random_state=1, n_jobs=1
    ).fit(values, labels)
    return {"boosted 300 x depth 6": boosted, "boosted 300 x 31 leaves": leaves, "forest 300 trees": forest}


def save(model, folder):
    """The model as a file that `slipway import` reads."""
    file = folder / ("model.txt" if isinstance(model, lightgbm.LGBMClassifier) else "model.json")
    if isinstance(model, sklearn.ensemble.RandomForestClassifier):
        forest_as_xgboost.write(model, [f"f{i}" for i in range(COLUMNS)], file)
    else:
        (model.booster_ if file.suffix == ".txt" else model.get_booster()).save_model(file)
    return file


def peers_of(model, file):
    """Name -> function of rows."""
    trees = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    # shap hands whole models to their own library; this makes it use its own code.
    trees.model.model_type = "internal"
    peers = {"shap": lambda rows: trees.shap_values(rows, check_additivity=False)}
    if isinstance(model, lightgbm.LGBMClassifier):
        return {"LightGBM": lambda rows: model.booster_.predict(rows, pred_contrib=True, num_threads=1), **peers}
    booster = xgboost.Booster(model_file=file)
    booster.set_param({"nthread": 1})
    return {"XGBoost": lambda rows: booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True, validate_features=False), **peers}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--driver", required=True)
    arguments.add_argument("--slipway", required=True)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments = arguments.parse_args()
    values, labels = made_table(100_000)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        values[:20_000].tofile(folder / "rows.f32")
        for name, model in models(values, labels).items():
            file = save(model, folder)
            bundle = folder / name.replace(" ", "_")
            subprocess.run([arguments.slipway, "import", file, "--name", "peer", "--out", bundle], check=True, capture_output=True)
            peers = peers_of(model, file)
            runs, rates = [], {peer: [] for peer in peers}
            for _ in range(arguments.repeats):
                done = subprocess.run([arguments.driver, bundle, folder / "rows.f32"], check=True, capture_output=True, text=True)
                runs.append(json.loads(done.stdout))
                for peer, explain in peers.items():
                    rates[peer].append(rows_per_second(explain, values, 1))
            own = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            result = {"slipway": own, "peers": {}}
            print(f"{name}\n  Slipway   {own['rows_per_second']:9,.0f} rows/s; one row {own['one_row_us']:.0f} us; against "
                  f"1 / 8 / 64 baselines {own['against_1_us']:.0f} / {own['against_8_us']:.0f} / {own['against_64_us']:.0f} us")
            for peer, several in rates.items():
                rate = statistics.median(several)
                result["peers"][peer] = rate
                print(f"  {peer:9} {rate:9,.1f} rows/s ({own['rows_per_second'] / rate:.0f}x)", flush=True)
            found[name] = result
    print(json.dumps({"xgboost": xgboost.__version__, "lightgbm": lightgbm.__version__, "shap": shap.__version__, **found}))


if __name__ == "__main__":
    main()
