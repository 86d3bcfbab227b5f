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


# ---- later files are read by the types that the columns had at training

COMMANDS = {
    "score": ["--out", "out.csv"],
    "evaluate": [],
    "explain": ["--out", "out.csv"],
}


def spoilt(transactions, folder, cells):
    """The first 200 rows with some cells changed: {(line, column): value}."""
    lines = transactions.read_text().splitlines()[:201]
    names = lines[0].split(",")
    for (line, column), value in cells.items():
        row = lines[line - 1].split(",")
        row[names.index(column)] = value
        lines[line - 1] = ",".join(row)
    (folder / "later.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_row_that_does_not_fit_is_named(slipway, bundle, transactions, tmp_path, command):
    # Most amounts are no numbers: by itself the column would be one of text.
    spoilt(transactions, tmp_path, {(line, "amount"): f"{line} USD" for line in range(5, 200)})
    outcome = slipway(command, bundle, "later.csv", *COMMANDS[command], cwd=tmp_path, code=2)
    assert "later.csv: line 5: column 'amount': '5 USD' is not a number" in outcome.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["later.csv"]


@pytest.mark.parametrize("command", COMMANDS)
def test_rows_that_do_not_fit_are_left_out_up_to_a_limit(slipway, bundle, transactions, tmp_path, command):
    spoilt(transactions, tmp_path, {(3, "amount"): "many", (7, "num_transactions"): "a few", (7, "amount"): "x"})
    words = [command, bundle, "later.csv", *COMMANDS[command], "--json", "--rejects", "bad.csv"]
    document = slipway(*words, "--max-rejects", 2, cwd=tmp_path).document
    assert document["rejected_rows"] == 2 and document["rejects"] == "bad.csv"
    rejects = [[row[name] for name in ("file", "line", "column", "value")] for row in rows_of(tmp_path / "bad.csv")]
    assert sorted(rejects) == [
        ["later.csv", "3", "amount", "many"],
        ["later.csv", "7", "amount", "x"],
        ["later.csv", "7", "num_transactions", "a few"],
    ]
    if "--out" in words:
        kept = [row["transaction_id"] for row in rows_of(tmp_path / "out.csv")]
        expected = [row["transaction_id"] for row in rows_of(transactions)[:200]]
        assert kept == expected[:1] + expected[2:5] + expected[6:]
    slipway(*words, "--max-rejects", 1, cwd=tmp_path, code=2)
    clean = slipway(command, bundle, transactions, *COMMANDS[command], "--json", cwd=tmp_path).document
    assert clean["rejected_rows"] == 0 and clean["rejects"] is None


def test_a_type_is_that_of_training_whatever_the_file_alone_looks_like(slipway, tmp_path):
    """Codes with leading zeros, booleans, days before months and whole numbers keep their meaning in a file of few rows."""
    days = [f"{1 + i % 28:02}.{1 + i % 12:02}.2026" for i in range(400)]
    rows = [f"{i % 2},{i % 7},{i % 5:02},{'true' if i % 3 else 'false'},{days[i]}\n" for i in range(400)]
    header = "label,count,zip,online,day\n"
    (tmp_path / "train.csv").write_text(header + "".join(rows))
    slipway("train", "train.csv", "--target", "label", "--learner", "decision_tree", "--out", "b", cwd=tmp_path)
    (tmp_path / "all.csv").write_text(header + "".join(rows[:60]))
    slipway("score", "b", "all.csv", "--out", "all_scores.csv", cwd=tmp_path)
    together = [row["score"] for row in rows_of(tmp_path / "all_scores.csv")]
    # One at a time no column shows its type: 11.12.2026 could be November, 10 a number.
    for i in (0, 10, 11, 36):
        (tmp_path / "one.csv").write_text(header + rows[i])
        slipway("score", "b", "one.csv", "--out", "one_score.csv", cwd=tmp_path)
        assert [row["score"] for row in rows_of(tmp_path / "one_score.csv")] == [together[i]], rows[i]
    # A whole number fits as 3.0, a boolean as 1, half a transaction as a number.
    (tmp_path / "other.csv").write_text(header + "1,3.0,10,1,11.12.2026\n1,2.5,10,0,11.12.2026\n")
    slipway("score", "b", "other.csv", "--out", "other_scores.csv", cwd=tmp_path)
    for cells, said in {
        "1,3,10,maybe,11.12.2026": "line 2: column 'online': 'maybe' is not true or false",
        "1,3,10,true,12/31/2026": "line 2: column 'day': '12/31/2026' is not a time",
    }.items():
        (tmp_path / "wrong.csv").write_text(header + cells + "\n")
        assert said in slipway("score", "b", "wrong.csv", "--out", "no.csv", cwd=tmp_path, code=2).stderr
