"""Reasons in the words of a catalogue that the user edits: in the run, in `slipway explain` and in the server's answers."""

import csv
import json

import pytest

CONFIGURATION = """\
name: fraud
source: data/transactions.csv
schema: {target: is_fraud, id: transaction_id, time: timestamp, group: card_id}
features: {numeric: [amount, num_transactions], categorical: [state, channel, card_type]}
learner: {random_forest: {n_estimators: 20, max_depth: 6}}
explain:
  reasons: reasons.yaml
  baselines: 8
  permutation_rows: 200
  partial_dependence: [amount, [amount, num_transactions]]
"""
CATALOGUE = """\
reasons:
  - {inputs: [amount, num_transactions], code: R01, text: "Spending {value} {direction} it"}
  - {inputs: [state, channel, card_type], code: R02, text: "Place and card {direction} it"}
"""


@pytest.fixture
def explained_project(make_project):
    folder = make_project(CONFIGURATION)
    (folder / "reasons.yaml").write_text(CATALOGUE, encoding="utf-8")
    return folder


def test_a_catalogue_from_run_to_server(slipway, explained_project):
    folder = explained_project
    slipway("run", "slipway.yaml", cwd=folder)
    bundle = folder / "models/fraud/1"
    assert (bundle / "reasons.yaml").read_text(encoding="utf-8") == CATALOGUE
    assert json.loads((bundle / "explain.json").read_text())["baselines"]["rows"] == 8
    explanation = json.loads((bundle / "explanation.json").read_text())
    assert [entry["input"] for entry in explanation["partial_dependence"]] == ["amount"]
    (pair,) = explanation["pair_dependence"]
    assert (pair["first"]["input"], pair["second"]["input"]) == ("amount", "num_transactions")
    assert len(pair["mean"]) == len(pair["first"]["grid"]) * len(pair["second"]["grid"])
    assert 0 <= pair["interaction"][0] <= 1
    assert sum(entry["share"] for entry in explanation["impurity_importance"]) == pytest.approx(1)
    for entry in explanation["mean_contributions"] + explanation["permutation_importance"]["inputs"]:
        assert entry["low"] <= entry["high"]

    lines = (folder / "data/transactions.csv").read_text().splitlines()
    (folder / "rows.csv").write_text("\n".join(lines[:50]) + "\n")
    slipway("explain", bundle, "rows.csv", "--reasons", 1, "--out", "why.csv", cwd=folder)
    with open(folder / "why.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert all(row["reasons"] == "" or row["reasons"].startswith(("R01 Spending ", "R02 Place and card raised")) for row in rows)
    assert any(row["reasons"] for row in rows)

    row = {"amount": 4000.0, "num_transactions": 9, "state": "NY", "channel": "online", "card_type": "credit"}
    with slipway.serve("models/", cwd=folder) as server:
        reasons = server.post("/score?reasons=2", row)["reasons"]
        assert reasons and {reason["code"] for reason in reasons} <= {"R01", "R02"}
        assert "Spending 4000, 9 raised it" in [reason["text"] for reason in reasons]


def test_another_method_and_other_baselines(slipway, explained_project):
    folder = explained_project
    slipway("run", "slipway.yaml", cwd=folder)
    lines = (folder / "data/transactions.csv").read_text().splitlines()
    (folder / "rows.csv").write_text("\n".join(lines[:30]) + "\n")
    (folder / "one.csv").write_text("\n".join(lines[:2]) + "\n")
    slipway("score", "models/fraud", "rows.csv", "--out", "scores.csv", cwd=folder)
    with open(folder / "scores.csv", newline="", encoding="utf-8") as stream:
        scores = [float(row["score"]) for row in csv.DictReader(stream)]
    inputs = ["amount", "num_transactions", "state", "channel", "card_type"]
    bases = set()
    for options in (["--method", "interventional"], ["--method", "sampled"], ["--method", "interventional", "--baselines", "one.csv"]):
        outcome = slipway("explain", "models/fraud", "rows.csv", "--out", "why.csv", "--json", *options, cwd=folder)
        assert json.loads(outcome.stdout)["method"] == options[1]
        with open(folder / "why.csv", newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        for row, score in zip(rows, scores, strict=True):
            assert float(row["base"]) + sum(float(row[name]) for name in inputs) == pytest.approx(score, abs=1e-6)
        bases.add(rows[0]["base"])
        # compared with itself, a row has nothing to explain
        if "--baselines" in options:
            assert all(float(rows[0][name]) == 0 for name in inputs)
    assert len(bases) == 2
    outcome = slipway("explain", "models/fraud", "rows.csv", "--out", "why.csv", "--method", "interventonal", cwd=folder, code=2)
    assert "did you mean 'interventional'" in outcome.stderr


def test_a_wrong_catalogue_is_refused_before_training(slipway, explained_project):
    (explained_project / "reasons.yaml").write_text("reasons:\n  - {input: amont}\n", encoding="utf-8")
    outcome = slipway("run", "slipway.yaml", cwd=explained_project, code=2)
    assert "reasons.yaml:2:" in outcome.stderr and "did you mean 'amount'" in outcome.stderr
    assert not (explained_project / "models").exists()
