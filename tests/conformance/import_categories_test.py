"""Imported models with categories, missing and unseen values, and several kinds of target, against the tools that made them."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

ROWS = 10000


def table(seed):
    random = np.random.default_rng(seed)
    data = pd.DataFrame({
        "amount": random.lognormal(3, 2, ROWS).astype(np.float32),
        "balance": (random.normal(size=ROWS) * (random.random(ROWS) < 0.5)).astype(np.float32),
        "city": pd.Categorical(random.choice(["Basel", "Bern", "Chur", "Genf", "Sion", "St. Gallen"], ROWS)),
        "tier": pd.Categorical(random.choice([3, 7, 9, 11], ROWS)),
    })
    for column in data:
        data.loc[random.random(ROWS) < 0.1, column] = np.nan
    data.loc[:40, "amount"] = np.float32(3e38)
    data.loc[41:80, "balance"] = np.float32(-3e38)
    signal = np.log1p(data["amount"].fillna(5)) / 4 + data["city"].isin(["Bern", "Sion"]) - data["tier"].isin([7, 11])
    return data, signal.to_numpy(dtype=float) + random.normal(size=ROWS)


@pytest.fixture(scope="module")
def data():
    return table(1), table(2)


def scores(slipway, folder, file, rows):
    slipway("import", file, "--name", "peer", "--out", folder / "bundle", cwd=folder)
    rows.to_csv(folder / "rows.csv", index=False)
    slipway("score", folder / "bundle", folder / "rows.csv", "--out", folder / "scores.csv", cwd=folder)
    result = pd.read_csv(folder / "scores.csv")
    return result[[column for column in result if column.startswith("score")]].to_numpy()


def check(found, wanted):
    wanted = np.asarray(wanted, dtype=float).reshape(found.shape)
    assert np.isfinite(found).all()
    assert (np.abs(found - wanted) / np.maximum(1, np.abs(wanted))).max() < 1e-6


TARGETS = {
    "binary": lambda signal: (signal > 0.5).astype(int),
    "classes": lambda signal: np.digitize(signal, [0, 1]),
    "counts": lambda signal: np.random.default_rng(3).poisson(np.exp(np.clip(signal, -2, 2))),
}


@pytest.mark.parametrize("booster", ["gbtree", "dart"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_xgboost(slipway, tmp_path, data, booster, target, ending):
    (train, signal), (test, _) = data
    parameters = {
        "binary": {"objective": "binary:logistic"},
        "classes": {"objective": "multi:softprob", "num_class": 3},
        "counts": {"objective": "count:poisson"},
    }[target]
    parameters |= {"booster": booster, "max_depth": 5, "max_cat_to_onehot": 3, "rate_drop": 0.2 if booster == "dart" else None}
    parameters = {key: value for key, value in parameters.items() if value is not None}
    matrix = xgboost.DMatrix(train, TARGETS[target](signal), enable_categorical=True)
    model = xgboost.train(parameters, matrix, 20)
    model.save_model(tmp_path / f"model.{ending}")
    wanted = model.predict(xgboost.DMatrix(test, enable_categorical=True))
    check(scores(slipway, tmp_path, tmp_path / f"model.{ending}", test), wanted)


@pytest.mark.parametrize("boosting", ["gbdt", "dart", "rf"])
@pytest.mark.parametrize("target", TARGETS)
def test_lightgbm(slipway, tmp_path, data, boosting, target):
    (train, signal), (test, _) = data
    parameters = {
        "binary": {"objective": "binary"},
        "classes": {"objective": "multiclass", "num_class": 3},
        "counts": {"objective": "poisson"},
    }[target]
    parameters |= {"boosting": boosting, "verbose": -1, "max_cat_to_onehot": 3, "min_data_per_group": 10}
    if boosting == "rf":
        parameters |= {"bagging_freq": 1, "bagging_fraction": 0.6}
    model = lightgbm.train(parameters, lightgbm.Dataset(train, TARGETS[target](signal)), 20)
    model.save_model(tmp_path / "model.txt")
    check(scores(slipway, tmp_path, tmp_path / "model.txt", test), model.predict(test))


@pytest.mark.parametrize("option", [{"zero_as_missing": True}, {"use_missing": False}])
def test_lightgbm_missing_rules(slipway, tmp_path, data, option):
    (train, signal), (test, _) = data
    numbers = ["amount", "balance"]
    parameters = {"objective": "binary", "verbose": -1, **option}
    model = lightgbm.train(parameters, lightgbm.Dataset(train[numbers], TARGETS["binary"](signal)), 20)
    model.save_model(tmp_path / "model.txt")
    check(scores(slipway, tmp_path, tmp_path / "model.txt", test[numbers]), model.predict(test[numbers]))
