"""Augmentation and selection as users meet them: training rows only, and every feature left out explained."""

import json

import pytest

CONFIGURATION = """\
name: fraud
source: data/transactions.csv
schema: {target: is_fraud, id: transaction_id}
split: {method: stratified, test: 0.2, seed: 42}
features:
  numeric: [amount, num_transactions]
  categorical: [channel]
  derived: {again: amount * 2 + 1}
  impute: median
  select: {correlation: 0.999}
learner: {random_forest: {n_estimators: 20, max_depth: 6}}
search: {folds: 2}
"""


def run(slipway, project, *options):
    return slipway("run", "slipway.yaml", "--json", *options, cwd=project).document


def documents(project, bundle):
    return {name: json.loads((project / bundle / f"{name}.json").read_text()) for name in ("verification", "search", "profile")}


@pytest.mark.parametrize("augment", ["{sampling: smote_nc, ratio: 0.5, noise: 0.1, mixup: 0.3}", "{sampling: under, class_weight: balanced}"])
def test_only_training_rows_are_augmented(slipway, make_project, augment):
    project = make_project(CONFIGURATION)
    plain = run(slipway, project)
    before = documents(project, plain["bundle"])
    (project / "slipway.yaml").write_text(CONFIGURATION + f"augment: {augment}\n", encoding="utf-8")
    changed = run(slipway, project)
    after = documents(project, changed["bundle"])
    # The test is of the same rows, and what is measured of production's inputs is the same.
    assert after["verification"]["rows"] == before["verification"]["rows"]
    assert changed["metrics"] != plain["metrics"]
    assert abs(changed["metrics"]["roc_auc"] - plain["metrics"]["roc_auc"]) < 0.1
    scores = {}
    for name, bundle in (("plain", plain["bundle"]), ("changed", changed["bundle"])):
        slipway("score", bundle, "data/transactions.csv", "--out", f"{name}.csv", cwd=project)
        lines = (project / f"{name}.csv").read_text().splitlines()
        scores[name] = [float(line.split(",")[1]) for line in lines[1:]]
    # No row more or less. Corrected for the classes' changed shares: of the same size on the whole, where scores that are not
    # corrected are about a hundred times too high (the share of fraud that was trained on against that of the data).
    assert len(scores["plain"]) == len(scores["changed"])
    mean = {name: sum(values) / len(values) for name, values in scores.items()}
    assert mean["plain"] / 5 < mean["changed"] < mean["plain"] * 5


def test_augmentation_is_deterministic(slipway, make_project):
    project = make_project(CONFIGURATION + "augment: {sampling: smote, noise: 0.1, mixup: 0.3}\n")
    models = []
    for threads in (1, 2):
        document = slipway("run", "slipway.yaml", "--json", "--threads", threads, "--out", f"b{threads}", "--no-cache",
                           cwd=project).document  # fmt: skip
        models.append((project / document["bundle"] / "model.onnx").read_bytes())
    assert models[0] == models[1]


def test_what_selection_leaves_out_is_explained(slipway, make_project):
    project = make_project(CONFIGURATION)
    document = run(slipway, project)
    search = documents(project, document["bundle"])["search"]
    assert [one["feature"] for one in search["dropped_features"]] == ["again"]
    why = search["dropped_features"][0]["why"]
    assert why.startswith("correlation 1.0000 with 'amount'")
    assert any("'again' is left out" in note for note in json.loads(next(project.glob("runs/*/run.json")).read_text())["notes"])
    report = next(project.glob("runs/*/report.html")).read_text()
    assert "Features left out by selection" in report


def test_wrong_words_are_refused_at_once(slipway, make_project):
    project = make_project(CONFIGURATION + "augment: {sampling: smot}\n")
    error = slipway("run", "slipway.yaml", cwd=project, code=2).stderr
    assert "slipway.yaml:13" in error and "smote" in error
    project = make_project(CONFIGURATION.replace("impute: median", "scale: {amuont: robust}"))
    assert "did you mean 'amount'" in slipway("run", "slipway.yaml", cwd=project, code=2).stderr
