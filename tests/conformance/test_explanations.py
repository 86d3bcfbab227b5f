"""Contributions equal those of shap's TreeExplainer on models of other libraries, and add up to the scores."""

import json

import forest_as_xgboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import sklearn.ensemble
import sklearn.tree
import xgboost

ROWS = 400
COLUMNS = [f"f{i}" for i in range(6)]


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(7)
    values = random.normal(size=(3000, 6)).astype(np.float32)
    signal = values[:, 0] + values[:, 1] ** 2 + values[:, 2] * values[:, 3] + 0.3 * random.normal(size=3000)
    return pd.DataFrame(values, columns=COLUMNS), signal


def explained(slipway, folder, file, table, *options, classes=()):
    """Contributions [row, column(, class)] and the base that Slipway gives for an imported model."""
    slipway("import", file, "--name", "peer", "--out", folder / "bundle", cwd=folder)
    table.to_csv(folder / "rows.csv", index=False)
    slipway("explain", folder / "bundle", folder / "rows.csv", "--out", folder / "why.parquet", *options, cwd=folder)
    why = pd.read_parquet(folder / "why.parquet")
    suffixes = [f"_{name}" for name in classes] or [""]
    values = np.stack([why[[f"{column}{suffix}" for column in COLUMNS]].to_numpy(float) for suffix in suffixes], axis=-1)
    base = np.array([why[f"base{suffix}"][0] for suffix in suffixes])
    return (values, base) if classes else (values[..., 0], base[0])


def largest_difference(found, expected):
    return np.abs(found - expected).max()


@pytest.mark.parametrize("rows", [ROWS, 1])  # the kernels of many rows and of one
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosted_models(slipway, tmp_path, data, library, rows):
    table, signal = data
    if library == "xgboost":
        model = xgboost.XGBClassifier(n_estimators=60, max_depth=5).fit(table, signal > 1.2)
        model.get_booster().save_model(tmp_path / "model.json")
    else:
        model = lightgbm.LGBMClassifier(n_estimators=60, verbose=-1).fit(table, signal > 1.2)
        model.booster_.save_model(tmp_path / "model.json")
    head = table.head(rows)
    values, base = explained(slipway, tmp_path, tmp_path / "model.json", head)
    peer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    expected = peer.shap_values(head)
    # Sums of 60 float32 trees: a few roundings of the largest contribution.
    assert largest_difference(values, expected) < 1e-6 * max(1, np.abs(expected).max())
    assert abs(base - float(np.ravel(peer.expected_value)[0])) < 1e-5
    slipway("score", tmp_path / "bundle", tmp_path / "rows.csv", "--out", tmp_path / "scores.csv", cwd=tmp_path)
    scores = pd.read_csv(tmp_path / "scores.csv")["score"].to_numpy()
    assert largest_difference(1 / (1 + np.exp(-(values.sum(axis=1) + base))), scores) < 1e-6


def test_several_classes(slipway, tmp_path, data):
    table, signal = data
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=4).fit(table, np.digitize(signal, [0.2, 1.5]))
    model.get_booster().save_model(tmp_path / "model.json")
    head = table.head(ROWS)
    values, _ = explained(slipway, tmp_path, tmp_path / "model.json", head, classes=("0", "1", "2"))
    expected = shap.TreeExplainer(model).shap_values(head)
    assert largest_difference(values, expected) < 1e-6 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("baselines", [0, 1, 30])
def test_forest_of_scikit_learn(slipway, tmp_path, data, baselines):
    """Path-dependent, and interventional against one baseline and against thirty."""
    table, signal = data
    forest = sklearn.ensemble.RandomForestClassifier(40, max_depth=9, random_state=1).fit(table.to_numpy(), signal > 1.2)
    forest_as_xgboost.write(forest, COLUMNS, tmp_path / "forest.json")
    head = table.head(ROWS if baselines == 0 else 50)
    options = []
    if baselines > 0:
        table.tail(baselines).to_csv(tmp_path / "baselines.csv", index=False)
        options = ["--method", "interventional", "--baselines", tmp_path / "baselines.csv"]
    values, base = explained(slipway, tmp_path, tmp_path / "forest.json", head, *options)
    if baselines == 0:
        peer = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    else:
        peer = shap.TreeExplainer(forest, table.tail(baselines).to_numpy(), feature_perturbation="interventional")
    expected = peer.shap_values(head.to_numpy(), check_additivity=False)[..., 1]
    assert largest_difference(values, expected) < 1e-6
    assert abs(base - peer.expected_value[1]) < 1e-6
    assert largest_difference(values.sum(axis=1) + base, forest.predict_proba(head.to_numpy())[:, 1]) < 1e-6


def test_impurity_importance(slipway, tmp_path, data):
    """explanation.json's impurity_importance is scikit-learn's feature_importances_ of a tree grown on the same rows."""
    table, signal = data
    rows = table.round(1).assign(y=(signal > 1.2).astype(int), part=["train"] * 2500 + ["test"] * 500)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "slipway.yaml").write_text(
        "name: tree\nsource: rows.csv\nschema: {target: y}\nsplit: {method: column, column: part}\nsearch: {folds: 2}\n"
        f"features: {{numeric: [{', '.join(COLUMNS)}]}}\nlearner: {{decision_tree: {{max_depth: 3}}}}\n"
        "evaluate: {learning_curve: 0, resamples: 0}\n",
        encoding="utf-8",
    )
    document = slipway("run", "slipway.yaml", "--json", cwd=tmp_path).document
    text = (tmp_path / "runs" / document["run"] / "explanation.json").read_text(encoding="utf-8")
    found = {entry["input"]: entry["share"] for entry in json.loads(text)["impurity_importance"]}
    train = rows[rows["part"] == "train"]
    tree = sklearn.tree.DecisionTreeClassifier(max_depth=3, random_state=0).fit(train[COLUMNS], train["y"])
    assert [found[column] for column in COLUMNS] == pytest.approx(tree.feature_importances_, abs=1e-5)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosted_models_against_baselines(slipway, tmp_path, data, library):
    table, signal = data
    if library == "xgboost":
        model = xgboost.XGBRegressor(n_estimators=40, max_depth=5).fit(table, signal)
        model.get_booster().save_model(tmp_path / "model.json")
    else:
        model = lightgbm.LGBMRegressor(n_estimators=40, verbose=-1).fit(table, signal)
        model.booster_.save_model(tmp_path / "model.json")
    table.tail(20).to_csv(tmp_path / "baselines.csv", index=False)
    head = table.head(40)
    values, _ = explained(
        slipway, tmp_path, tmp_path / "model.json", head, "--method", "interventional", "--baselines", tmp_path / "baselines.csv"
    )
    expected = shap.TreeExplainer(model, table.tail(20), feature_perturbation="interventional").shap_values(head)
    assert largest_difference(values, expected) < 1e-6 * max(1, np.abs(expected).max())


def test_own_models_add_up(slipway, tmp_path, data):
    """A forest, a boosted and a logistic model of Slipway: base + contributions is the score, or its log-odds."""
    table, signal = data
    rows = table.assign(y=(signal > 1.2).astype(int))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    for learner in ("random_forest", "gradient_boosting", "logistic_regression"):
        bundle = tmp_path / learner
        slipway("train", "rows.csv", "--target", "y", "--learner", learner, "--out", bundle, cwd=tmp_path)
        slipway("score", bundle, "rows.csv", "--out", "scores.parquet", cwd=tmp_path)
        slipway("explain", bundle, "rows.csv", "--out", "why.parquet", "--reasons", "2", cwd=tmp_path)
        score = pd.read_parquet(tmp_path / "scores.parquet")["score"].to_numpy(float)
        why = pd.read_parquet(tmp_path / "why.parquet")
        total = why[COLUMNS].sum(axis=1).to_numpy(float) + why["base"].to_numpy(float)
        if learner != "random_forest":
            total = 1 / (1 + np.exp(-total))
        assert largest_difference(total, score) < 1e-6, learner
        assert ((why[COLUMNS] > 0).any(axis=1) == why["reasons"].str.len().gt(0)).all(), learner
