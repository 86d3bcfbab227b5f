"""Example data: the same for the same seed, with fraud and dirt in it."""

import collections
import csv


def make(slipway, folder, name, *arguments):
    slipway("sample", "fraud", *arguments, "--out", name, cwd=folder)
    return (folder / name).read_bytes()


def rows_of(file):
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_same_seed_gives_the_same_bytes(slipway, tmp_path):
    first = make(slipway, tmp_path, "a.csv", "--rows", 3000, "--seed", 7)
    assert make(slipway, tmp_path, "b.csv", "--rows", 3000, "--seed", 7) == first
    assert make(slipway, tmp_path, "c.csv", "--rows", 3000, "--seed", 8) != first
    assert make(slipway, tmp_path, "d.csv", "--rows", 3000, "--seed", 7, "--drift", 1) != first


def test_same_seed_gives_the_same_parquet(slipway, tmp_path):
    first = make(slipway, tmp_path, "a.parquet", "--rows", 3000, "--seed", 7)
    assert first[:4] == b"PAR1"
    assert make(slipway, tmp_path, "b.parquet", "--rows", 3000, "--seed", 7) == first


def test_columns_fraud_and_dirt(transactions):
    rows = rows_of(transactions)
    assert len(rows) == 20000
    assert list(rows[0]) == [
        "transaction_id", "timestamp", "card_id", "amount", "num_transactions", "state", "channel", "card_type",
        "merchant_category", "merchant_id", "is_fraud",
    ]  # fmt: skip
    frauds = sum(row["is_fraud"] == "1" for row in rows)
    assert 60 <= frauds <= 140, "about 0.5 % of 20,000"
    assert sum(row["state"] == "" for row in rows) > 0
    assert sum(row["amount"] == "" for row in rows) > 0
    amounts = [float(row["amount"]) for row in rows if row["amount"]]
    assert min(amounts) < 0, "negative amounts"
    assert max(amounts) > 100 * sorted(amounts)[len(amounts) // 2], "absurd outliers"
    assert max(collections.Counter(row["transaction_id"] for row in rows).values()) > 1, "duplicates"
    assert {row["channel"] for row in rows if row["channel"]} == {"online", "pos", "atm"}
    assert {row["card_type"] for row in rows if row["card_type"]} == {"credit", "debit"}


def test_drift_moves_amounts(slipway, tmp_path, transactions):
    make(slipway, tmp_path, "drifted.csv", "--rows", 20000, "--seed", 2, "--drift", 1)

    def median(file):
        amounts = sorted(float(row["amount"]) for row in rows_of(file) if row["amount"])
        return amounts[len(amounts) // 2]

    assert median(tmp_path / "drifted.csv") > 1.1 * median(transactions)
