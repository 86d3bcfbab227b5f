"""Recursive elimination of features against scikit-learn's RFE: the same features stay, and those that go have the same rank."""

import json
import re

import numpy
import pandas
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import RFE
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

NAMES = [f"x{i}" for i in range(9)]
CONFIGURATION = """\
name: eliminated
source: rows.csv
schema: {{target: {target}}}
split: {{method: column, column: part}}
features:
  numeric: [{names}]
  select: {{recursive: {wanted}, recursive_step: {step}}}
learner: {learner}
search: {{folds: 2}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    random = numpy.random.default_rng(21)
    count = 3_000
    # Columns of very different size, two of them alike, some without any bearing on the target.
    values = random.normal(size=(count, 9)) * [1, 100, 0.01, 1, 5, 1, 30, 1, 1] + [0, 50, 0, -3, 1, 0, 0, 0, 2]
    values[:, 7] = values[:, 0] * 0.8 + 0.6 * values[:, 7]
    frame = pandas.DataFrame(values.astype(numpy.float32), columns=NAMES)
    standard = StandardScaler().fit_transform(frame)
    margin = standard @ [1.2, 0.9, -0.7, 0.5, 0.35, 0.2, -0.1, 0, 0]
    frame["yes"] = (random.random(count) < 1 / (1 + numpy.exp(-margin))).astype(int)
    frame["kind"] = numpy.array(["a", "b", "c"])[numpy.digitize(margin + random.normal(size=count), [-0.8, 0.9])]
    frame["price"] = (margin + random.normal(size=count)).astype(numpy.float32)
    frame["part"] = ["train"] * 2_400 + ["test"] * 600
    folder = tmp_path_factory.mktemp("selection")
    frame.to_csv(folder / "rows.csv", index=False)
    return folder, frame


def eliminate(slipway, data, folder, target, learner, wanted, step=1):
    """The rank of every feature, 1 for those that stay, as the run says it."""
    text = CONFIGURATION.format(target=target, names=", ".join(NAMES), learner=learner, wanted=wanted, step=step)
    (folder / "slipway.yaml").write_text(text, encoding="utf-8")
    (folder / "rows.csv").write_bytes((data[0] / "rows.csv").read_bytes())
    bundle = slipway("run", "slipway.yaml", "--json", cwd=folder).document["bundle"]
    dropped = json.loads((folder / bundle / "search.json").read_text(encoding="utf-8"))["dropped_features"]
    ranks = dict.fromkeys(NAMES, 1)
    for one in dropped:
        said = re.match(r"recursive elimination, rank (\d+): importance (\S+) in round (\d+), among the least of (\d+) features", one["why"])
        assert said and float(said[2]) >= 0, one
        ranks[one["feature"]] = int(said[1])
    model_inputs = json.loads((folder / bundle / "manifest.json").read_text(encoding="utf-8"))
    assert {name for name, rank in ranks.items() if rank == 1} == set(names_of(model_inputs))
    return [ranks[name] for name in NAMES]


def names_of(manifest):
    found = []

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("name"), str) and value["name"] in NAMES:
                found.append(value["name"])
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(manifest)
    return found


@pytest.mark.parametrize(
    ("target", "learner", "theirs"),
    [
        ("yes", "logistic_regression", LogisticRegression(tol=1e-10, max_iter=5_000)),
        ("kind", "logistic_regression", LogisticRegression(tol=1e-10, max_iter=5_000)),
        ("price", "linear_regression", LinearRegression()),
    ],
)
@pytest.mark.parametrize(("wanted", "step"), [(1, 1), (4, 1), (3, 2), (0.5, 0.3)])
def test_linear_models_rank_features_as_rfe_does(slipway, data, tmp_path, target, learner, theirs, wanted, step):
    train = data[1]["part"] == "train"
    rows = StandardScaler().fit_transform(data[1].loc[train, NAMES])
    rfe = RFE(theirs, n_features_to_select=wanted, step=step).fit(rows, data[1].loc[train, target])
    assert eliminate(slipway, data, tmp_path, target, learner, wanted, step) == rfe.ranking_.tolist()


def test_a_forest_keeps_what_rfe_keeps(slipway, data, tmp_path):
    """Forests are random: what stays is the same where importances lie apart, as of the three strongest they do."""
    ranks = eliminate(slipway, data, tmp_path, "yes", "{random_forest: {n_estimators: 60, max_depth: 6}}", 3)
    train = data[1]["part"] == "train"
    rfe = RFE(RandomForestClassifier(200, max_depth=6, random_state=0), n_features_to_select=3)
    rfe.fit(data[1].loc[train, NAMES], data[1].loc[train, "yes"])
    assert [rank == 1 for rank in ranks] == (rfe.ranking_ == 1).tolist()
