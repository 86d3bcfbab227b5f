"""Trees of a number of leaves, grown best first, are scikit-learn's: same leaves for the same rows, same values."""

import numpy
import pandas
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

NUMBERS = ["x0", "x1", "x2", "x3"]
CONFIGURATION = """\
name: {name}
source: rows.csv
schema: {{target: {target}}}
split: {{method: column, column: part}}
features: {{numeric: [x0, x1, x2, x3]}}
search: {{folds: 2}}
learner: {{decision_tree: {{{settings}}}}}
evaluate: {{rounds: false, learning_curve: 0, resamples: 0, bootstrap: 0, find_slices: false}}
explain: {{permutation_repeats: 1, permutation_rows: 200}}
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Features of at most 200 whole numbers, which bins keep apart: both programs see the same splits."""
    random = numpy.random.default_rng(5)
    table = pandas.DataFrame(random.integers(0, 200, size=(4000, 4)), columns=NUMBERS)
    score = table["x0"] + numpy.where(table["x1"] > 120, table["x2"], 0) + random.integers(0, 100, size=4000)
    table["two"] = (score > 220).astype(int)
    table["four"] = numpy.digitize(score, [120, 200, 280])
    table["number"] = score
    table["part"] = numpy.where(numpy.arange(4000) < 3000, "train", "test")
    folder = tmp_path_factory.mktemp("trees")
    table.to_csv(folder / "rows.csv", index=False)
    return folder


@pytest.mark.parametrize(
    "target, settings",
    [
        ("two", {"max_leaf_nodes": 11}),
        ("two", {"max_leaf_nodes": 14, "max_depth": 4}),
        ("two", {"max_leaf_nodes": 9, "criterion": "entropy", "min_samples_leaf": 40}),
        ("four", {"max_leaf_nodes": 16}),
        ("number", {"max_leaf_nodes": 25}),
        ("number", {"max_leaf_nodes": 25, "min_samples_split": 300, "min_impurity_decrease": 2.5}),
    ],
)
def test_leaves_are_the_same(slipway, rows, target, settings):
    name = f"tree{len(list(rows.glob('*.yaml')))}"
    words = ", ".join(f"{option}: {value}" for option, value in settings.items())
    (rows / f"{name}.yaml").write_text(CONFIGURATION.format(name=name, target=target, settings=words))
    document = slipway("run", f"{name}.yaml", "--json", "--no-cache", cwd=rows).document
    slipway("score", rows / document["bundle"], "rows.csv", "--out", f"{name}.csv", cwd=rows)
    scores = pandas.read_csv(rows / f"{name}.csv")
    ours = scores[[column for column in scores if column.startswith("score")]].to_numpy()

    table = pandas.read_csv(rows / "rows.csv")
    train = table[table["part"] == "train"]
    kind = DecisionTreeRegressor if target == "number" else DecisionTreeClassifier
    tree = kind(random_state=0, **settings).fit(train[NUMBERS], train[target])
    assert tree.get_n_leaves() > 5
    # Where no training row lies between two values, a threshold is either's: rows learnt from tell the trees apart.
    learnt = (table["part"] == "train").to_numpy()
    theirs = tree.predict(train[NUMBERS])[:, None] if target == "number" else tree.predict_proba(train[NUMBERS])
    theirs = theirs[:, 1:] if target == "two" else theirs
    numpy.testing.assert_allclose(ours[learnt], theirs, rtol=2e-6, atol=2e-6)
    assert len(numpy.unique(ours[:, 0])) <= tree.get_n_leaves()
