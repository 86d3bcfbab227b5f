"""Models of XGBoost and LightGBM, made here, score the same after `slipway import`."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

ROWS = 5000


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(7)
    values = random.normal(size=(ROWS, 6)).astype(np.float32)
    values[random.random(values.shape) < 0.1] = np.nan
    table = pd.DataFrame(values, columns=[f"f{i}" for i in range(6)])
    signal = np.nan_to_num(values[:, 0]) + np.nan_to_num(values[:, 1]) ** 2 + 0.3 * random.normal(size=ROWS)
    return table, signal


def imported_scores(slipway, folder, file, table, classes=1):
    slipway("import", file, "--name", "peer", "--out", folder / "bundle", cwd=folder)
    table.to_csv(folder / "rows.csv", index=False)
    slipway("score", folder / "bundle", folder / "rows.csv", "--out", folder / "scores.csv", cwd=folder)
    scores = pd.read_csv(folder / "scores.csv")
    if classes == 1:
        return scores["score"].to_numpy()
    return scores[[f"score_{i}" for i in range(classes)]].to_numpy()


@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_xgboost_binary(slipway, tmp_path, data, ending):
    table, signal = data
    model = xgboost.XGBClassifier(n_estimators=60, max_depth=5).fit(table, signal > 0.8)
    model.get_booster().save_model(tmp_path / f"model.{ending}")
    scores = imported_scores(slipway, tmp_path, tmp_path / f"model.{ending}", table)
    assert np.abs(scores - model.predict_proba(table)[:, 1]).max() < 1e-6


def test_xgboost_several_classes(slipway, tmp_path, data):
    table, signal = data
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=4).fit(table, np.digitize(signal, [0.2, 1.0]))
    model.get_booster().save_model(tmp_path / "model.json")
    scores = imported_scores(slipway, tmp_path, tmp_path / "model.json", table, classes=3)
    assert np.abs(scores - model.predict_proba(table)).max() < 1e-6


def test_xgboost_regression(slipway, tmp_path, data):
    table, signal = data
    model = xgboost.XGBRegressor(n_estimators=60, max_depth=5).fit(table, signal)
    model.get_booster().save_model(tmp_path / "model.json")
    scores = imported_scores(slipway, tmp_path, tmp_path / "model.json", table)
    assert np.abs(scores - model.predict(table)).max() < 1e-5


def test_lightgbm_binary(slipway, tmp_path, data):
    table, signal = data
    model = lightgbm.LGBMClassifier(n_estimators=60, verbose=-1).fit(table, signal > 0.8)
    model.booster_.save_model(tmp_path / "model.txt")
    scores = imported_scores(slipway, tmp_path, tmp_path / "model.txt", table)
    assert np.abs(scores - model.predict_proba(table)[:, 1]).max() < 1e-6


def test_a_truncated_file_is_a_clear_error(slipway, tmp_path, data):
    table, signal = data
    model = xgboost.XGBClassifier(n_estimators=5).fit(table, signal > 0.8)
    whole = tmp_path / "model.json"
    model.get_booster().save_model(whole)
    cut = tmp_path / "cut.json"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    outcome = slipway("import", cut, "--out", tmp_path / "bundle", cwd=tmp_path, code=2)
    assert "cut.json" in outcome.stderr
    assert not (tmp_path / "bundle").exists()
