"""Slipway and its peers behind one call each, on one or more threads: fit(name, ...) gives CPU seconds, wall seconds and the
scores of the test rows (of two classes the positive one's).

Forests have 100 trees, all of them on a bootstrap of the rows (XGBoost: a subsample of 0.8 of them) and the square root of
the features per node (all of them, or a third where a library insists, in regression). Boosting has 200 rounds of
rate 0.05. `depth` None is no limit; XGBoost gets 30 then, LightGBM 255 leaves more than it can use.
"""
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np

import tables
from threadpoolctl import threadpool_limits

FORESTS = ("Slipway", "Slipway, leaves of 100", "Slipway extra trees", "scikit-learn", "scikit-learn extra trees",
           "scikit-learn-intelex", "XGBoost-RF", "XGBoost-RF, min child 0", "LightGBM-RF", "YDF-RF")  # fmt: skip
BOOSTERS = ("Slipway boosting", "Slipway boosting, depth 6", "Slipway boosting, sampled", "LightGBM",
            "LightGBM, guarded", "LightGBM, quantised", "XGBoost", "CatBoost", "scikit-learn HistGB", "YDF-GBT")  # fmt: skip
SLOW = ("scikit-learn", "scikit-learn extra trees", "YDF-RF")  # where rows are many


class Bench:
    def __init__(self, driver, threads=1, repeats=1):
        self.driver, self.threads, self.repeats = driver, threads, repeats
        self.folder = tempfile.TemporaryDirectory()

    def file(self, name):
        return pathlib.Path(self.folder.name) / name

    def fit(self, name, train, test, classes, depth=None, seed=1, trees=100, rounds=200):
        """train, test: (features, truth). Returns (cpu seconds, wall seconds, scores)."""
        if name.startswith("Slipway"):
            return self.slipway(name, train, test, classes, depth, seed, trees, rounds)
        model = self.peer(name, classes, depth, seed, trees, rounds, train[0].shape[1])
        cpu, wall = time.process_time(), time.perf_counter()
        with threadpool_limits(self.threads):  # scikit-learn's histograms take all threads otherwise
            if name.startswith("YDF"):
                model = model.train({"x": train[0], "y": train[1]})
            else:
                model.fit(*train)
        seconds = time.process_time() - cpu, time.perf_counter() - wall
        if name.startswith("YDF"):
            scores = model.predict({"x": test[0]})
        elif classes == 1:
            scores = model.predict(test[0])
        else:
            scores = model.predict_proba(test[0])[:, 1]
        return *seconds, np.asarray(scores, dtype=np.float64)

    def slipway(self, name, train, test, classes, depth, seed, trees, rounds):
        settings = []
        if "boosting" in name:
            learner, settings = "gradient_boosting", [f"n_estimators={rounds}", "learning_rate=0.05"]
            if "depth" in name:
                settings += ["grow_policy=level_wise", "max_depth=6"]
            if "sampled" in name:
                settings += ["subsample=0.1", "sampling_method=gradient_based"]
        else:
            learner = "extra_trees" if "extra" in name else "random_forest"
            settings = [f"n_estimators={trees}", f"max_depth={depth or 'none'}"]
            if "leaves of 100" in name:
                settings.append("min_samples_leaf=100")
        arguments = [self.driver, learner, tables.write(self.file("train"), *train, classes),
                     tables.write(self.file("test"), *test, classes), self.file("scores"), self.threads, self.repeats, seed,
                     *settings]  # fmt: skip
        run = subprocess.run([*map(str, arguments)], check=True, capture_output=True, text=True)
        said = json.loads(run.stdout)
        scores = np.fromfile(self.file("scores"), dtype=np.float32).reshape(len(test[1]), -1)[:, -1]
        return said["cpu_seconds"], said["seconds"], scores.astype(np.float64)

    def peer(self, name, classes, depth, seed, trees, rounds, columns):
        number = classes == 1
        share = 1.0 if number else max(1, int(columns**0.5)) / columns
        jobs = self.threads
        if name in ("scikit-learn", "scikit-learn extra trees"):
            import sklearn.ensemble as ensemble

            kind = ("ExtraTrees" if "extra" in name else "RandomForest") + ("Regressor" if number else "Classifier")
            return getattr(ensemble, kind)(n_estimators=trees, max_depth=depth, n_jobs=jobs, random_state=seed)
        if name == "scikit-learn-intelex":
            import sklearnex.ensemble as ensemble

            kind = "RandomForestRegressor" if number else "RandomForestClassifier"
            return getattr(ensemble, kind)(n_estimators=trees, max_depth=depth, n_jobs=jobs, random_state=seed)
        if name == "scikit-learn HistGB":
            import sklearn.ensemble as ensemble

            kind = "HistGradientBoostingRegressor" if number else "HistGradientBoostingClassifier"
            return getattr(ensemble, kind)(max_iter=rounds, learning_rate=0.05, early_stopping=False, random_state=seed)
        if name.startswith("XGBoost-RF"):
            import xgboost

            least = 0 if "min child 0" in name else 1  # 0 is the others' meaning: a leaf may be a single row of a rare class
            return (xgboost.XGBRFRegressor if number else xgboost.XGBRFClassifier)(
                n_estimators=trees, max_depth=depth or 30, tree_method="hist", n_jobs=jobs, random_state=seed, subsample=0.8,
                colsample_bynode=share, reg_lambda=0, min_child_weight=least)  # fmt: skip
        if name == "XGBoost":
            import xgboost

            return (xgboost.XGBRegressor if number else xgboost.XGBClassifier)(
                n_estimators=rounds, learning_rate=0.05, max_depth=6, tree_method="hist", n_jobs=jobs, random_state=seed)
        if name.startswith("LightGBM"):
            import lightgbm

            settings = {"n_jobs": jobs, "random_state": seed, "verbose": -1}
            if name == "LightGBM-RF":
                settings |= {"boosting_type": "rf", "n_estimators": trees, "bagging_fraction": 0.632, "bagging_freq": 1,
                             "max_depth": depth or -1, "num_leaves": min(2**depth if depth else 4096, 4096),
                             "feature_fraction_bynode": share, "min_child_samples": 1}  # fmt: skip
            else:
                settings |= {"n_estimators": rounds, "learning_rate": 0.05, "num_leaves": 31}
                if name != "LightGBM":
                    settings |= {"min_sum_hessian_in_leaf": 1.0, "reg_lambda": 1.0}
                if "quantised" in name:
                    settings |= {"use_quantized_grad": True}
            return (lightgbm.LGBMRegressor if number else lightgbm.LGBMClassifier)(**settings)
        if name == "CatBoost":
            import catboost

            return (catboost.CatBoostRegressor if number else catboost.CatBoostClassifier)(
                iterations=rounds, learning_rate=0.05, depth=6, thread_count=jobs, random_seed=seed, verbose=False,
                allow_writing_files=False)  # fmt: skip
        if name.startswith("YDF"):
            import ydf

            ydf.verbose(0)
            task = ydf.Task.REGRESSION if number else ydf.Task.CLASSIFICATION
            if name == "YDF-RF":
                return ydf.RandomForestLearner(
                    label="y", task=task, num_trees=trees, max_depth=depth or -1, num_threads=jobs, random_seed=seed,
                    compute_oob_performances=False, winner_take_all=False)  # fmt: skip
            return ydf.GradientBoostedTreesLearner(
                label="y", task=task, num_trees=rounds, shrinkage=0.05, num_threads=jobs, random_seed=seed,
                validation_ratio=0.0, early_stopping="NONE")  # fmt: skip
        raise ValueError(name)
