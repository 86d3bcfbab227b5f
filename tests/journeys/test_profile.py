"""slipway profile: what a table holds, and signs of leakage with their evidence."""

import csv
import random


def write(file, header, rows):
    with open(file, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return file


def leaks(document):
    return {(finding["check"], finding["column"]): finding for finding in document["leakage"]}


def test_finds_each_kind_of_leakage(slipway, tmp_path):
    draw = random.Random(1)
    rows = []
    for i in range(3000):
        fraud = draw.random() < 0.1
        known = i < 2500
        amount = round(draw.lognormvariate(3, 1), 2)
        rows.append([
            i, f"2026-01-{1 + i // 200:02d}", f"c{draw.randrange(300)}", amount, draw.choice("abc"),
            amount * 2 + draw.gauss(0, 0.01), (int(fraud) if known else ""),
            draw.randrange(1, 9) if fraud and known else "",  # chargeback: only fraud has one
            draw.randrange(100) if known else "",  # reviewed: when the label is known
            round((5 if fraud else 0) + draw.random() * 4, 3),
        ])  # fmt: skip
    rows += [[3000 + i, *rows[i][1:]] for i in range(600)]
    header = ["id", "day", "card", "amount", "kind", "twice", "is_fraud", "chargeback", "reviewed", "verdict"]
    write(tmp_path / "t.csv", header, rows)
    document = slipway(
        "profile", "t.csv", "--target", "is_fraud", "--id", "id", "--time", "day", "--group", "card", "--out", "p.html", "--json",
        cwd=tmp_path,
    ).document  # fmt: skip
    found = leaks(document)
    assert found["target_predictor", "verdict"]["severe"] and found["target_predictor", "verdict"]["value"] > 0.99
    assert "ROC AUC" in found["target_predictor", "verdict"]["evidence"]
    assert found["filled_with_target", "chargeback"]["severe"]
    assert found["filled_with_target", "reviewed"]["severe"]
    assert found["duplicates_across_split", None]["value"] > 0.1
    assert found["group_across_split", "card"] and found["test_before_training", "day"]
    assert ("target_predictor", "amount") not in found and ("target_predictor", "kind") not in found
    pairs = {tuple(pair["columns"]): pair for pair in document["correlations"]}
    assert pairs["amount", "twice"]["measure"] == "pearson" and pairs["amount", "twice"]["value"] > 0.999
    assert abs(pairs["kind", "card"]["value"] if ("kind", "card") in pairs else pairs["card", "kind"]["value"]) < 0.2
    assert document["target"]["classes"][1]["class"] == "1" and document["target"]["without_target"] == 500
    page = (tmp_path / "p.html").read_text()
    assert "Correlations" in page and "chargeback" in page and len(page) < 4_000_000
    # Later tests, of whole cards, leave nothing of that.
    document = slipway("profile", "t.csv", "--target", "is_fraud", "--time", "day", "--split", "time", "--json", cwd=tmp_path).document
    assert ("test_before_training", "day") not in leaks(document)


def test_clean_data_gives_no_alarm(slipway, tmp_path):
    draw = random.Random(2)
    rows = [[draw.gauss(0, 1), draw.gauss(0, 1), draw.choice("xyz"), draw.randrange(2)] for _ in range(2000)]
    document = slipway("profile", write(tmp_path / "t.csv", ["a", "b", "s", "y"], rows), "--target", "y", "--json", cwd=tmp_path).document
    assert document["leakage"] == [] and document["warnings"] == []


def test_run_warns_of_leakage(slipway, tmp_path):
    draw = random.Random(3)
    rows = [[draw.gauss(0, 1), (y := draw.randrange(2)), y * 2 + draw.random()] for _ in range(600)]
    write(tmp_path / "t.csv", ["a", "y", "after"], rows)
    document = slipway("train", "t.csv", "--target", "y", "--set", "n_estimators=3", "--out", "m", "--json", cwd=tmp_path).document
    assert any("leakage" in note and "'after'" in note for note in document["notes"])
    assert "column &#39;after&#39;" in (tmp_path / "m/report.html").read_text() or "'after' alone" in (tmp_path / "m/report.html").read_text()
