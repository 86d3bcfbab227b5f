"""Models of scikit-learn, XGBoost and LightGBM through ONNX (skl2onnx, onnxmltools): compiled where the operators allow it, else run by
ONNX Runtime; both score as their makers do, and are explained, served and monitored like our own."""

import json
import urllib.request

import lightgbm
import numpy
import onnxmltools
import pandas
import pytest
import skl2onnx
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloats
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

ROWS = 3000
random = numpy.random.default_rng(1)


def table(missing):
    values = random.normal(size=(ROWS, 6)).astype(numpy.float32)
    if missing:
        values[random.random(values.shape) < 0.1] = numpy.nan
    return values


X, X_MISSING, TEST, TEST_MISSING = table(False), table(True), table(False), table(True)
SIGNAL = X[:, 0] + X[:, 1] ** 2 + 0.3 * random.normal(size=ROWS)
TWO, THREE, NUMBER = (SIGNAL > 0.8).astype(int), numpy.digitize(SIGNAL, [0.2, 1.0]), SIGNAL * 3


def forest(**options):
    return RandomForestClassifier(20, max_depth=8, random_state=1, **options)


# Name: model, target, whether the table has missing values, where it runs.
MODELS = {
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), TWO, False, "engine"),
    "softmax": (make_pipeline(MinMaxScaler(), LogisticRegression()), THREE, False, "engine"),
    "normalised": (make_pipeline(Normalizer(), LogisticRegression()), TWO, False, "engine"),
    "forest": (forest(), TWO, False, "engine"),
    "forest_classes": (forest(), THREE, False, "engine"),
    "forest_regression": (RandomForestRegressor(20, max_depth=8), NUMBER, False, "engine"),
    "extra_trees": (ExtraTreesClassifier(20, max_depth=8), TWO, False, "engine"),
    "boosting": (GradientBoostingClassifier(n_estimators=20), TWO, False, "engine"),
    "boosting_classes": (GradientBoostingClassifier(n_estimators=10), THREE, False, "engine"),
    "boosting_regression": (GradientBoostingRegressor(n_estimators=20), NUMBER, False, "engine"),
    "histograms": (HistGradientBoostingClassifier(max_iter=20), TWO, True, "engine"),
    "histograms_classes": (HistGradientBoostingClassifier(max_iter=10), THREE, True, "engine"),
    "histograms_regression": (HistGradientBoostingRegressor(max_iter=20), NUMBER, True, "engine"),
    "linear": (LinearRegression(), NUMBER, False, "engine"),
    "ridge_imputed": (make_pipeline(SimpleImputer(), RobustScaler(), Ridge()), NUMBER, True, "engine"),
    "network": (make_pipeline(StandardScaler(), MLPClassifier((12, 6), max_iter=40)), TWO, False, "engine"),
    "stacking": (StackingClassifier([("a", LogisticRegression()), ("b", forest())], cv=2), TWO, False, "engine"),
    "calibrated": (CalibratedClassifierCV(forest(), cv=2), TWO, False, "engine"),
    "neighbours": (KNeighborsClassifier(), TWO, False, "ONNX Runtime"),
    "ada": (AdaBoostClassifier(n_estimators=5), TWO, False, "ONNX Runtime"),
}


def scores_of(slipway, folder, file, rows, *options):
    document = slipway("import", file, "--out", "bundle", "--json", *options, cwd=folder).document
    rows.to_csv(folder / "rows.csv", index=False, float_format="%.9g")
    slipway("score", "bundle", "rows.csv", "--out", "scores.csv", cwd=folder)
    return document, pandas.read_csv(folder / "scores.csv", dtype={"label": str})


def check(found, model, given):
    """Scores to 1e-6, of a prediction relative where it is large; labels equal."""
    scores = found[[column for column in found if column.startswith("score")]].to_numpy()
    if "label" in found:
        wanted = model.predict_proba(given)
        wanted = wanted[:, 1:] if wanted.shape[1] == 2 else wanted
        assert (found["label"].to_numpy() == numpy.asarray(model.predict(given)).astype(str)).all()
    else:
        wanted = numpy.asarray(model.predict(given), dtype=float).reshape(-1, 1)
    assert scores.shape == wanted.shape
    assert (numpy.abs(scores - wanted) / numpy.maximum(1, numpy.abs(wanted))).max() < 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_scikit_learn(slipway, tmp_path, name):
    model, target, missing, runs_in = MODELS[name]
    model.fit(X_MISSING if missing else X, target)
    types = [("X", FloatTensorType([None, 6]))]
    converted = skl2onnx.convert_sklearn(model, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3})
    (tmp_path / "model.onnx").write_bytes(converted.SerializeToString())
    given = TEST_MISSING if missing else TEST
    names = [f"column {i}" for i in range(6)]
    rows = pandas.DataFrame(given, columns=names)
    document, found = scores_of(slipway, tmp_path, "model.onnx", rows, "--features", ",".join(names))
    assert document["runs_in"] == runs_in, document
    check(found, model, given)


def columns(seed):
    generator = numpy.random.default_rng(seed)
    rows = pandas.DataFrame({
        "amount": generator.lognormal(2, 1, ROWS).astype(numpy.float32),
        "age": generator.integers(18, 80, ROWS).astype(numpy.float32),
        "city": generator.choice(["Bern", "Basel", "Chur", "Zürich"], ROWS),
        "tier": generator.choice(["a", "b", "c"], ROWS),
    })
    rows.loc[generator.random(ROWS) < 0.1, "amount"] = numpy.nan
    return rows


@pytest.fixture(scope="module")
def columns_model():
    """A pipeline over named columns of numbers and text, with classes that have names; and rows with unseen categories."""
    train, test = columns(1), columns(2)
    test.loc[:60, "city"] = "Atlantis"
    target = ((train.amount.fillna(5) > 8) ^ (train.city == "Bern")).map({False: "no", True: "yes"})
    transform = ColumnTransformer([
        ("numbers", SimpleImputer(strategy="median"), ["amount", "age"]),
        ("one_hot", OneHotEncoder(handle_unknown="ignore"), ["city"]),
        ("ordinal", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["tier"]),
    ])
    model = make_pipeline(transform, forest()).fit(train, target)
    types = [(name, FloatTensorType([None, 1])) for name in ("amount", "age")]
    types += [(name, StringTensorType([None, 1])) for name in ("city", "tier")]
    converted = skl2onnx.convert_sklearn(model, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3})
    return model, test, converted.SerializeToString()


def test_columns_of_every_kind(slipway, tmp_path, columns_model):
    model, test, content = columns_model
    (tmp_path / "model.onnx").write_bytes(content)
    document, found = scores_of(slipway, tmp_path, "model.onnx", test)
    assert document["runs_in"] == "engine", document
    check(found, model, test)


@pytest.mark.parametrize("kind", ["xgboost", "xgboost_classes", "lightgbm", "lightgbm_regression"])
def test_onnxmltools(slipway, tmp_path, kind):
    types = [("X", OtherFloats([None, 6]))]
    if kind.startswith("xgboost"):
        target = TWO if kind == "xgboost" else THREE
        model = xgboost.XGBClassifier(n_estimators=10, max_depth=4).fit(X_MISSING, target)
        converted = onnxmltools.convert_xgboost(model, initial_types=types, target_opset=15)
    else:
        maker = lightgbm.LGBMClassifier if kind == "lightgbm" else lightgbm.LGBMRegressor
        model = maker(n_estimators=10, verbose=-1).fit(X_MISSING, TWO if kind == "lightgbm" else NUMBER)
        converted = onnxmltools.convert_lightgbm(model, initial_types=types, target_opset=15)
    (tmp_path / "model.onnx").write_bytes(converted.SerializeToString())
    rows = pandas.DataFrame(TEST_MISSING, columns=[f"f{i}" for i in range(6)])
    document, found = scores_of(slipway, tmp_path, "model.onnx", rows)
    assert document["runs_in"] == "engine", document
    check(found, model, TEST_MISSING)


@pytest.mark.parametrize("kind", ["pipeline", "neighbours", "xgboost"])
def test_an_imported_model_is_packaged_served_and_monitored(slipway, tmp_path, columns_model, kind):
    """Like one of our own: the pipeline as it is compiled, neighbours, which run in ONNX Runtime, and XGBoost's own file."""
    compiled, file = kind != "neighbours", "model.json" if kind == "xgboost" else "model.onnx"
    if kind == "pipeline":
        _, rows, content = columns_model
    elif kind == "xgboost":
        rows = pandas.DataFrame(TEST_MISSING, columns=[f"f{i}" for i in range(6)])
        model = xgboost.XGBClassifier(n_estimators=10, max_depth=4).fit(pandas.DataFrame(X_MISSING, columns=rows.columns), TWO)
        model.get_booster().save_model(tmp_path / file)
        content = (tmp_path / file).read_bytes()
    else:
        rows = pandas.DataFrame(TEST, columns=[f"f{i}" for i in range(6)])
        model = KNeighborsClassifier().fit(X, TWO)
        types = [("X", FloatTensorType([None, 6]))]
        content = skl2onnx.convert_sklearn(model, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString()
    (tmp_path / file).write_bytes(content)
    document, found = scores_of(slipway, tmp_path, file, rows, "--name", "peer")
    assert document.get("runs_in", "engine") == ("engine" if compiled else "ONNX Runtime")
    formats = "onnx,pmml,savedmodel,mlflow" if compiled else "onnx,mlflow"
    packaged = slipway("package", "bundle", "--format", formats, "--out", "out", "--verify", "rows.csv", "--json", cwd=tmp_path)
    assert packaged.document["largest_difference"] < 1e-5
    rows.head(50).to_csv(tmp_path / "base.csv", index=False)
    # ONNX files say nothing of the training rows in each node, so contributions are against rows given.
    against = [] if kind == "xgboost" else ["--baselines", "base.csv", "--method", "interventional"]
    slipway("explain", "bundle", "base.csv", *against, "--out", "reasons.csv", cwd=tmp_path)
    reasons = pandas.read_csv(tmp_path / "reasons.csv")
    assert set(rows) <= set(reasons)
    assert (reasons[list(rows)].abs().max() > 0).any()
    if not compiled:  # what is explained there are the scores of ONNX Runtime
        assert reasons[["base", *rows]].sum(axis=1).to_numpy() == pytest.approx(found["score"][:50], abs=1e-5)
        refused = slipway("package", "bundle", "--format", "pmml", "--out", "no", cwd=tmp_path, code=2)
        assert "another tool's ONNX file" in refused.stderr
    row = {name: (None if value != value else value) for name, value in rows.iloc[0].items()}
    with slipway.serve("bundle", "--log", "log", cwd=tmp_path) as server:
        body = json.dumps({name: value.item() if hasattr(value, "item") else value for name, value in row.items()}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}/score", body, {"Content-Type": "application/json"})
        answer = json.loads(urllib.request.urlopen(request, timeout=20).read())
    assert answer["score"] == pytest.approx(found["score"][0], abs=1e-6)
    slipway("import", file, "--out", "watched", "--reference", "rows.csv", cwd=tmp_path)
    assert slipway("monitor", "watched", "rows.csv", "--json", cwd=tmp_path).document["drifted"] == []
    rows.assign(**{rows.columns[0]: rows[rows.columns[0]] * 5 + 3}).to_csv(tmp_path / "moved.csv", index=False)
    moved = slipway("monitor", "watched", "moved.csv", "--json", cwd=tmp_path, code=1).document["drifted"]
    assert rows.columns[0] in moved
