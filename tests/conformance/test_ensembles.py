"""Calibration, stacking, voting and penalised linear models against scikit-learn on the same rows and folds."""

import json

import numpy
import onnx_check
import pandas
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingRegressor, StackingClassifier, StackingRegressor, VotingClassifier
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# Groups are folds: with as many groups as folds, both programs hold back the same rows.
CONFIGURATION = """\
name: {name}
source: rows.csv
schema: {{target: {target}, positive: "1", group: block}}
split: {{method: column, column: part}}
features: {{numeric: [x0, x1, x2, x3]}}
search:
  {search}
learner: {learner}
{more}
"""
NUMBERS = ["x0", "x1", "x2", "x3"]


def logistic(**options):
    return LogisticRegression(**{"C": 1.0, "tol": 1e-10, "max_iter": 20000, **options})


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Correlated features, a curved truth with noise, in two classes, in three, and as a number."""
    random = numpy.random.default_rng(4)
    count = 3000
    table = pandas.DataFrame(random.normal(size=(count, 4)).astype(numpy.float32), columns=NUMBERS)
    table["x1"] = (table["x0"] * 0.6 + table["x1"] * 2 + 1).astype(numpy.float32)
    signal = table["x0"] + 0.5 * table["x1"] - table["x2"] ** 2 + random.logistic(size=count)
    table["two"] = (signal > 0).astype(int)
    table["three"] = numpy.digitize(signal, [-1.5, 0.8])
    table["number"] = (2 * signal + 3).astype(numpy.float32)
    table["block"] = numpy.arange(count) % 5
    table["part"] = numpy.where(random.uniform(size=count) < 0.3, "test", "train")
    folder = tmp_path_factory.mktemp("ensembles")
    table.to_csv(folder / "rows.csv", index=False, float_format="%.9g")
    return folder


@pytest.fixture
def trained(slipway, rows):
    """Trains, and gives the scores of the test rows after ONNX Runtime has agreed to all of them."""

    def train(target, learner, more="", search=None):
        name = f"model{len(list(rows.glob('*.yaml')))}"
        folds = "fold_method: grouped" if search is None else f"fold_method: column\n  fold_column: block\n  {search}"
        text = CONFIGURATION.format(name=name, target=target, learner=learner, more=more, search=folds)
        (rows / f"{name}.yaml").write_text(text)
        document = slipway("run", f"{name}.yaml", "--json", "--no-cache", cwd=rows).document
        bundle = rows / document["bundle"]
        slipway("score", bundle, "rows.csv", "--out", f"{name}.csv", cwd=rows)
        assert onnx_check.compare(str(bundle / "model.onnx"), str(rows / "rows.csv"), str(rows / f"{name}.csv"), 1e-5)
        scores = pandas.read_csv(rows / f"{name}.csv")
        train.bundle = bundle
        return scores[[column for column in scores if column.startswith("score")]].to_numpy()

    return train


def parts(rows, target):
    table = pandas.read_csv(rows / "rows.csv")
    train = table[table["part"] == "train"]
    x = train[NUMBERS].to_numpy(dtype=numpy.float32).astype(float)
    return table[NUMBERS].to_numpy(dtype=numpy.float32).astype(float), x, train[target], PredefinedSplit(train["block"])


@pytest.mark.parametrize("target", ["two", "three"])
@pytest.mark.parametrize("method, sklearn_method", [("platt", "sigmoid"), ("isotonic", "isotonic")])
def test_calibration(trained, rows, target, method, sklearn_method):
    scores = trained(target, "{logistic_regression: {standardise: false}}", f"calibrate: {method}")
    everything, x, y, folds = parts(rows, target)
    peer = CalibratedClassifierCV(logistic(), method=sklearn_method, cv=folds, ensemble=False).fit(x, y)
    expected = peer.predict_proba(everything)
    expected = expected[:, 1:] if target == "two" else expected
    # A step of an isotonic function lies between two rows: rows in the gap may fall on either side.
    difference = numpy.abs(scores - expected)
    assert difference.mean() < 2e-5
    assert numpy.quantile(difference, 0.999) < 1e-3


@pytest.mark.parametrize("target", ["two", "three"])
@pytest.mark.parametrize("passthrough", [False, True])
def test_stacking(trained, rows, target, passthrough):
    scores = trained(
        target,
        "{stacking: {members: [logistic_regression: {C: 0.001, standardise: false}, "
        "logistic_regression: {C: 10, standardise: false, penalty: l2}], "
        f"final: {{logistic_regression: {{standardise: false}}}}, passthrough: {str(passthrough).lower()}}}}}",
    )
    everything, x, y, folds = parts(rows, target)
    members = [("a", logistic(C=0.001)), ("b", logistic(C=10))]
    peer = StackingClassifier(members, logistic(), cv=folds, passthrough=passthrough).fit(x, y)
    expected = peer.predict_proba(everything)
    numpy.testing.assert_allclose(scores, expected[:, 1:] if target == "two" else expected, atol=2e-4)


def test_stacking_of_numbers(trained, rows):
    scores = trained("number", "{stacking: {members: [linear_regression, linear_regression: {penalty: l2, alpha: 500, standardise: false}]}}")
    everything, x, y, folds = parts(rows, "number")
    peer = StackingRegressor([("a", LinearRegression()), ("b", Ridge(500))], LinearRegression(), cv=folds).fit(x, y)
    numpy.testing.assert_allclose(scores[:, 0], peer.predict(everything), rtol=2e-3, atol=2e-3)


def test_voting(trained, rows):
    scores = trained(
        "three",
        "{voting: {members: [logistic_regression: {C: 0.001, standardise: false}, linear: {standardise: false}], weights: [1, 3]}}",
    )
    everything, x, y, _ = parts(rows, "three")
    peer = VotingClassifier([("a", logistic(C=0.001)), ("b", logistic())], voting="soft", weights=[1, 3]).fit(x, y)
    numpy.testing.assert_allclose(scores, peer.predict_proba(everything), atol=2e-4)


def test_hard_voting(trained, rows):
    members = "members: [logistic_regression: {C: 0.001, standardise: false}, linear: {standardise: false}], weights: [1, 3]"
    scores = trained("three", f"{{voting: {{{members}, voting: hard}}}}")
    everything, x, y, _ = parts(rows, "three")
    peer = VotingClassifier([("a", logistic(C=0.001)), ("b", logistic())], voting="hard", weights=[1, 3]).fit(x, y)
    # Where two classes are as likely to 1e-4, the solvers' last digits decide.
    close = numpy.zeros(len(everything), dtype=bool)
    for member in peer.estimators_:
        likeliest = numpy.sort(member.predict_proba(everything), axis=1)
        close |= likeliest[:, -1] - likeliest[:, -2] < 1e-3
    assert close.mean() < 0.02
    assert (peer.classes_[scores.argmax(axis=1)] == peer.predict(everything))[~close].all()
    assert set(numpy.unique(scores).tolist()) <= {0.0, 0.25, 0.75, 1.0}


def test_bagging(trained, rows):
    """Samples differ, so in distribution: the error of 100 bagged trees on rows that none of them saw."""
    scores = trained("number", "{bagging: {n_estimators: 100}}")
    everything, x, y, _ = parts(rows, "number")
    peer = BaggingRegressor(n_estimators=100, random_state=1).fit(x, y)
    table = pandas.read_csv(rows / "rows.csv")
    test = (table["part"] == "test").to_numpy()
    error = [numpy.mean((p[test] - table["number"][test]) ** 2) for p in (scores[:, 0], peer.predict(everything))]
    assert error[0] == pytest.approx(error[1], rel=0.05)


@pytest.mark.parametrize("penalty", ["l1", "l2", "elastic_net"])
def test_regularisation_path_of_numbers(trained, rows, penalty):
    """Every point of a path that a search fits at once: each fold's error is scikit-learn's for that strength."""
    trained("number", f"{{linear_regression: {{penalty: {penalty}}}}}", search="alpha: [0.5, 0.001, 0.1, 0.01]")
    _, x, y, folds = parts(rows, "number")
    for candidate in json.loads((trained.bundle / "search.json").read_text())["candidates"]:
        alpha = float(candidate["settings"]["alpha"])
        for score, (train, validation) in zip(candidate["scores"], folds.split(), strict=True):
            peer = {
                "l1": Lasso(alpha, tol=1e-10, max_iter=100000),
                "l2": Ridge(alpha),
                "elastic_net": ElasticNet(alpha, l1_ratio=0.5, tol=1e-10, max_iter=100000),
            }[penalty]
            pipeline = make_pipeline(StandardScaler(), peer).fit(x[train], y.iloc[train])
            error = numpy.sqrt(numpy.mean((pipeline.predict(x[validation]) - y.iloc[validation]) ** 2))
            assert score == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("target", ["two", "three"])
@pytest.mark.parametrize("penalty, ratio", [("l1", 1.0), ("l2", 0.0), ("elastic_net", 0.5)])
def test_regularisation_path_of_classes(trained, rows, target, penalty, ratio):
    """Not so strong that all coefficients are 0: saga then stops before its intercept is right."""
    trained(target, f"{{logistic_regression: {{penalty: {penalty}}}}}", search="metric: log_loss\n  C: [10, 0.03, 0.1]")
    _, x, y, folds = parts(rows, target)
    for candidate in json.loads((trained.bundle / "search.json").read_text())["candidates"]:
        for score, (train, validation) in zip(candidate["scores"], folds.split(), strict=True):
            peer = LogisticRegression(
                C=float(candidate["settings"]["C"]), l1_ratio=ratio, tol=1e-7, max_iter=10000,
                solver="lbfgs" if ratio == 0 else "saga", random_state=1,
            )  # fmt: skip
            pipeline = make_pipeline(StandardScaler(), peer).fit(x[train], y.iloc[train])
            error = log_loss(y.iloc[validation], pipeline.predict_proba(x[validation]))
            assert score == pytest.approx(error, rel=1e-4)
