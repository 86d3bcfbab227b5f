"""The file of every learner in the catalogue gives ONNX Runtime's scores, for every task that it takes."""

import csv
import random
import re

import onnx_check
import pytest

ROWS = 900
MISSING = 0.08


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Numbers (some missing), text, and one target of each kind."""
    chance = random.Random(3)
    file = tmp_path_factory.mktemp("table") / "table.csv"
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["size", "age", "colour", "flag", "grade", "price"])
        for _ in range(ROWS):
            size, age, colour = chance.gauss(0, 2), chance.randrange(90), chance.choice(["red", "green", "blue"])
            price = 3 * size + (age / 10 if colour == "red" else 0) + chance.gauss(0, 1)
            grade = "low" if price < -2 else "mid" if price < 4 else "high"
            cells = ["" if chance.random() < MISSING else cell for cell in (f"{size:.4f}", age, colour)]
            writer.writerow([*cells, "yes" if price > 5 else "no", grade, f"{price:.4f}"])
    return file


# Beyond the defaults: what changes the form of the trees or of what stands behind them.
VARIANTS = [
    ("flag", "extra_trees", ["max_leaf_nodes=20", "class_weight=1,3"]),
    ("grade", "random_forest", ["ccp_alpha=0.001", "class_weight=balanced_subsample"]),
    ("price", "random_forest", ["criterion=absolute_error", "max_depth=5"]),
    ("price", "gradient_boosting", ["loss=poisson", "grow_policy=level_wise"]),
    ("price", "gradient_boosting", ["loss=quantile", "quantile=0.8", "early_stopping_rounds=3"]),
    ("flag", "gradient_boosting", ["subsample=0.5", "sampling_method=gradient_based", "class_weight=balanced"]),
]


def learners(slipway, folder):
    """The names that the program itself gives for one that it does not know."""
    refusal = slipway("train", "x.csv", "--target", "y", "--learner", "nothing", "--out", "x", cwd=folder, code=2)
    names = re.search(r"known: (.*)", refusal.stderr)[1].split(", ")
    assert len(names) >= 6
    return names


def check(slipway, table, folder, target, learner, settings):
    others = [name for name in ("flag", "grade", "price") if name != target]
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    if "loss=poisson" in settings:
        for row in rows:
            row["price"] = str(abs(float(row["price"])))
    with open(folder / "train.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [name for name in rows[0] if name not in others], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    flags = [word for setting in settings for word in ("--set", setting)]
    slipway("train", "train.csv", "--target", target, "--learner", learner, "--folds", 2, *flags, "--out", "model", cwd=folder)
    slipway("score", "model", "train.csv", "--out", "scores.csv", cwd=folder)
    assert onnx_check.compare(
        str(folder / "model/model.onnx"), str(folder / "train.csv"), str(folder / "scores.csv"), 1e-5
    ), f"{learner}, {target}"


def test_every_learner_for_every_target(slipway, table, tmp_path):
    ran = []
    for learner in learners(slipway, tmp_path):
        for target in ("flag", "grade", "price"):
            folder = tmp_path / f"{learner}-{target}"
            folder.mkdir()
            refused = "regression" in learner and (target == "price") == learner.startswith("logistic")
            if not refused:
                check(slipway, table, folder, target, learner, [])
                ran.append((learner, target))
    assert len(ran) >= 15


@pytest.mark.parametrize("target, learner, settings", VARIANTS)
def test_variants(slipway, table, tmp_path, target, learner, settings):
    check(slipway, table, tmp_path, target, learner, settings)
