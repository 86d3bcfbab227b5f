"""`slipway monitor`: 20,000 requests without drift say no; with drift they say yes and name what moved."""

import csv

import pytest

INPUTS = ["amount", "num_transactions", "state", "channel", "card_type"]


@pytest.fixture(scope="module")
def same(slipway, tmp_path_factory):
    """Transactions like those of the training, of another seed."""
    file = tmp_path_factory.mktemp("same") / "same.csv"
    slipway("sample", "fraud", "--rows", 20000, "--seed", 11, "--out", file, cwd=file.parent)
    return file


@pytest.fixture(scope="module")
def drifted(slipway, tmp_path_factory):
    file = tmp_path_factory.mktemp("drifted") / "drifted.csv"
    slipway("sample", "fraud", "--rows", 20000, "--seed", 12, "--drift", 1, "--out", file, cwd=file.parent)
    return file


def log_of(slipway, project, folder, file):
    """Scores all rows of a file over HTTP, 1,000 to a request; returns the folder of the log."""
    with open(file, newline="", encoding="utf-8") as stream:
        rows = [
            [None if row[name] == "" else row[name] if name in INPUTS[2:] else float(row[name]) for name in INPUTS]
            for row in csv.DictReader(stream)
        ]
    with slipway.serve(project / "models", "--log", folder / "log", cwd=folder) as running:
        for start in range(0, len(rows), 1000):
            answer = running.post("/v1/models/fraud:predict", {"instances": rows[start : start + 1000]})
            assert len(answer["predictions"]) == len(rows[start : start + 1000])
        assert running.stop() == 0
    return folder / "log"


def test_log_without_drift(slipway, project, bundle, same, tmp_path):
    log = log_of(slipway, project, tmp_path, same)
    document = slipway("monitor", bundle, log, "--json", cwd=tmp_path).document
    assert document["drifted"] == []
    assert {feature["name"] for feature in document["features"]} >= set(INPUTS)


def test_log_with_drift(slipway, project, bundle, drifted, tmp_path):
    log = log_of(slipway, project, tmp_path, drifted)
    document = slipway("monitor", bundle, log, "--json", cwd=tmp_path, code=1).document
    assert {"amount", "channel"} <= set(document["drifted"])
    for feature in document["features"]:
        assert {"name", "statistics", "threshold", "verdict"} <= feature.keys()


def test_files(slipway, bundle, same, drifted, tmp_path):
    assert slipway("monitor", bundle, same, "--json", cwd=tmp_path).document["drifted"] == []
    outcome = slipway("monitor", bundle, drifted, cwd=tmp_path, code=1)
    assert "amount" in outcome.stdout
    assert "threshold" in outcome.stdout.lower()


def test_a_table_as_the_reference(slipway, transactions, same, drifted, tmp_path):
    slipway("monitor", transactions, same, cwd=tmp_path)
    assert "amount" in slipway("monitor", transactions, drifted, "--json", cwd=tmp_path, code=1).document["drifted"]


def test_an_absent_log(slipway, bundle, tmp_path):
    outcome = slipway("monitor", bundle, tmp_path / "no_such_log", cwd=tmp_path, code=2)
    assert "no_such_log" in outcome.stderr
