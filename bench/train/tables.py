"""The tables that quality.py and speed.py train on, as float32 features and a truth: nothing but numbers, for all alike."""
import pathlib
import re
import struct

import numpy as np

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"


def fraud(rows=284_807, columns=30, seed=7):
    """Like the well-known card data, 0.17 % positive: normal columns of falling scale that fraud shifts, a log-normal
    amount, a few flipped labels. Made in parts, so that 10 million rows take little more than their own 1.2 GB."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.00173).astype(np.int32)
    parts = [slice(begin, min(rows, begin + 100_000)) for begin in range(0, rows, 100_000)]
    features = np.empty((rows, columns), dtype=np.float32)
    for part in parts:
        features[part] = rng.standard_normal((part.stop - part.start, columns))
    features *= np.linspace(2.0, 0.3, columns, dtype=np.float32)
    shift = rng.standard_normal(columns).astype(np.float32) * np.linspace(2.5, 0.2, columns, dtype=np.float32)
    strength = (0.3 + rng.random(rows).astype(np.float32))[:, None]
    for part in parts:
        features[part] += labels[part, None] * shift * strength[part]
    features[:, -1] = np.exp(rng.standard_normal(rows) * 1.6 + 3 + 0.6 * labels)
    flipped = rng.random(rows) < 0.0003
    return features, np.where(flipped, 1 - labels, labels).astype(np.int32)


def adult(file, target="income"):
    """The census table: `income` (two classes) or `hours_per_week` (a number) from all other columns; text and `?` become
    numbers in order of the alphabet."""
    import pandas

    table = pandas.read_csv(file, skipinitialspace=True)
    truth = (table.pop("income") == ">50K").astype(np.int32)
    if target == "income":
        table = table.drop(columns="fnlwgt")
    else:
        table["income"] = truth
        truth = table.pop(target).astype(np.float32)
    for name in table.columns:
        if not pandas.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].astype("category").cat.codes
    return table.to_numpy(dtype=np.float32), truth.to_numpy()


def card_weeks(file):
    """The card transactions with their rolling features, by the query of examples/card_transactions: (train, test) pairs of
    a week to train, a week of delay and a week to test, from start days that are spread over what the file has."""
    import duckdb

    text = (EXAMPLES / "card_transactions" / "slipway.yaml").read_text(encoding="utf-8")
    query = re.search(r"with history as \(\n(.*?)\n    \)\n    select", text, re.S)[1]
    transactions = duckdb.read_parquet(str(file))  # noqa: F841: the query reads it by name
    table = duckdb.query(
        f"with history as ({query}) select *, (isodow(tx_datetime) >= 6)::int as weekend, (hour(tx_datetime) <= 6)::int as night "
        "from history order by transaction_id").df()
    day = (table.tx_datetime - table.tx_datetime.min()).dt.days.to_numpy()
    truth = table.pop("tx_fraud").to_numpy(dtype=np.int32)
    features = table.drop(columns=["transaction_id", "tx_datetime"]).to_numpy(dtype=np.float32)
    pairs = []
    for start in np.linspace(37, day.max() - 20, 10).astype(int):
        train = (day >= start) & (day < start + 7)
        test = (day >= start + 14) & (day < start + 21)
        pairs.append((np.flatnonzero(train), np.flatnonzero(test)))
    return features, truth, pairs


def write(path, features, truth, classes):
    """The file that bench_learner reads; classes 1: a number to predict."""
    with open(path, "wb") as out:
        out.write(struct.pack("<iii", *features.shape, classes))
        np.ascontiguousarray(features, dtype=np.float32).tofile(out)
        np.ascontiguousarray(truth, dtype=np.float32).tofile(out)
    return path
