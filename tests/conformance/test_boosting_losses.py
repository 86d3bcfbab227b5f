"""Boosting by absolute, quantile and Poisson loss is as good on new rows as scikit-learn's and LightGBM's on the same training rows."""

import lightgbm
import numpy
import pandas
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import d2_pinball_score, mean_absolute_error, mean_pinball_loss, mean_poisson_deviance
from threadpoolctl import threadpool_limits

TRAINING, TEST = 8000, 12000
NUMBERS = ["x0", "x1", "x2", "x3", "x4"]
CONFIGURATION = """\
name: {name}
source: rows.csv
schema: {{target: {target}}}
split: {{method: column, column: part}}
features: {{numeric: [x0, x1, x2, x3, x4], impute: none}}
search: {{folds: 2}}
learner: {{gradient_boosting: {{n_estimators: 200, learning_rate: 0.05, min_child_weight: 20, {settings}}}}}
evaluate: {{rounds: false, learning_curve: 0, resamples: 0, bootstrap: 0, find_slices: false}}
explain: {{permutation_repeats: 1, permutation_rows: 200}}
"""
PEERS = {"max_iter": 200, "learning_rate": 0.05, "early_stopping": False, "random_state": 1}
# How much worse than the better peer a mean loss may be. All three take at least 20 rows a leaf; the peers differ by up to 1.2 %.
MARGIN = 1.01


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A number whose spread depends on the row, with long tails, and a count; a twentieth of one feature is missing."""
    random = numpy.random.default_rng(11)
    count = TRAINING + TEST
    table = pandas.DataFrame(random.normal(size=(count, 5)).astype(numpy.float32), columns=NUMBERS)
    signal = table["x0"] * 2 + numpy.sin(3 * table["x1"]) + (table["x2"] > 0.5) * table["x3"]
    spread = numpy.exp(0.5 * table["x1"])
    table["number"] = (signal + spread * random.standard_t(3, size=count)).astype(numpy.float32)
    table["count"] = random.poisson(numpy.exp(0.4 * signal))
    table.loc[random.uniform(size=count) < 0.05, "x2"] = numpy.nan
    table["part"] = numpy.where(numpy.arange(count) < TRAINING, "train", "test")
    folder = tmp_path_factory.mktemp("losses")
    table.to_csv(folder / "rows.csv", index=False, float_format="%.9g")
    return folder


def predictions(slipway, folder, target, settings):
    """Of the test rows, by Slipway and by the peers that learnt from the same rows."""
    name = f"model{len(list(folder.glob('*.yaml')))}"
    words = ", ".join(f"{option}: {value}" for option, value in settings.items())
    (folder / f"{name}.yaml").write_text(CONFIGURATION.format(name=name, target=target, settings=words))
    document = slipway("run", f"{name}.yaml", "--json", "--no-cache", cwd=folder).document
    slipway("score", folder / document["bundle"], "rows.csv", "--out", f"{name}.csv", cwd=folder)
    table = pandas.read_csv(folder / "rows.csv")
    train = (table["part"] == "train").to_numpy()
    x = table[NUMBERS].to_numpy(dtype=numpy.float32)
    y = table[target].to_numpy(dtype=float)
    with threadpool_limits(1):  # its threads spin while they wait for a processor that other tests have
        scikit = HistGradientBoostingRegressor(**PEERS, **settings).fit(x[train], y[train])
    objective = {"absolute_error": "regression_l1"}.get(settings["loss"], settings["loss"])
    light = lightgbm.LGBMRegressor(
        objective=objective, n_estimators=200, learning_rate=0.05, alpha=settings.get("quantile", 0.9), random_state=1, n_jobs=1, verbose=-1
    ).fit(x[train], y[train])
    ours = pandas.read_csv(folder / f"{name}.csv")["score"].to_numpy()
    return y[~train], ours[~train], [scikit.predict(x[~train]), light.predict(x[~train])]


def check(loss, truth, ours, theirs):
    best = min(loss(truth, other) for other in theirs)
    assert loss(truth, ours) <= best * MARGIN, [loss(truth, one) for one in (ours, *theirs)]


def check_coverage(quantile, truth, ours, theirs):
    """The share of rows below the prediction: on new rows all of them lie a little towards the middle."""
    off = [abs(numpy.mean(truth <= one) - quantile) for one in (ours, *theirs)]
    assert off[0] <= max(off[1:]) + 0.01, off
    assert off[0] < 0.04


def test_absolute_error(slipway, rows):
    truth, ours, theirs = predictions(slipway, rows, "number", {"loss": "absolute_error"})
    check(mean_absolute_error, truth, ours, theirs)
    check_coverage(0.5, truth, ours, theirs)


@pytest.mark.parametrize("quantile", [0.1, 0.8, 0.95])
def test_quantile(slipway, rows, quantile):
    truth, ours, theirs = predictions(slipway, rows, "number", {"loss": "quantile", "quantile": quantile})
    check(lambda a, b: mean_pinball_loss(a, b, alpha=quantile), truth, ours, theirs)
    check_coverage(quantile, truth, ours, theirs)
    assert d2_pinball_score(truth, ours, alpha=quantile) > 0.2, "far better than one number for all"


def test_poisson(slipway, rows):
    truth, ours, theirs = predictions(slipway, rows, "count", {"loss": "poisson"})
    assert ours.min() > 0
    check(mean_poisson_deviance, truth, ours, theirs)
    assert ours.mean() == pytest.approx(numpy.mean([one.mean() for one in theirs]), rel=0.01)
