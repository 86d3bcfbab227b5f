"""`slipway score`, `evaluate` and `explain` on files."""

import csv

import pytest


def rows_of(file):
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def scores(slipway, bundle, transactions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    slipway("score", bundle, transactions, "--out", "scores.csv", cwd=folder)
    return rows_of(folder / "scores.csv")


def test_every_row_keeps_its_id_and_gets_score_and_label(scores, transactions):
    given = rows_of(transactions)
    assert len(scores) == len(given)
    assert [row["transaction_id"] for row in scores] == [row["transaction_id"] for row in given]
    assert list(scores[0])[-2:] == ["score", "label"]
    assert all(0 <= float(row["score"]) <= 1 for row in scores)
    assert {row["label"] for row in scores} == {"0", "1"}
    flagged = [float(row["score"]) for row in scores if row["label"] == "1"]
    passed = [float(row["score"]) for row in scores if row["label"] == "0"]
    assert min(flagged) > max(passed), "one threshold parts them"


def test_parquet_is_written_too(slipway, bundle, transactions, tmp_path):
    slipway("score", bundle, transactions, "--out", "scores.parquet", cwd=tmp_path)
    data = (tmp_path / "scores.parquet").read_bytes()
    assert data[:4] == data[-4:] == b"PAR1"


def test_any_number_of_threads_gives_the_same_scores(slipway, bundle, transactions, tmp_path):
    for threads in (1, 2):
        slipway("score", bundle, transactions, "--threads", threads, "--out", f"{threads}.csv", cwd=tmp_path)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_evaluate_on_labelled_rows(slipway, bundle, transactions, tmp_path):
    document = slipway("evaluate", bundle, transactions, "--json", cwd=tmp_path).document
    metrics = document["metrics"]
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "log_loss"):
        assert 0 <= metrics[name] <= 1, name


def test_contributions_and_base_add_up_to_the_score(slipway, bundle, transactions, scores, tmp_path):
    slipway("explain", bundle, transactions, "--out", "contributions.csv", cwd=tmp_path)
    rows = rows_of(tmp_path / "contributions.csv")
    assert len(rows) == len(scores)
    inputs = ["amount", "num_transactions", "state", "channel", "card_type"]
    assert set(inputs + ["base"]) <= set(rows[0])
    differences = [
        abs(float(row["base"]) + sum(float(row[name]) for name in inputs) - float(score["score"]))
        for row, score in zip(rows, scores)
    ]
    assert max(differences) < 1e-4
    assert any(abs(float(row["amount"])) > 1e-3 for row in rows)
