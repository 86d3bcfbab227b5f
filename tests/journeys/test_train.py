"""`slipway train`: one table, one target, no configuration."""

import random
import signal
import subprocess
import time

import pytest


def train(slipway, folder, data, target, *arguments, out="model"):
    return slipway(
        "train", data, "--target", target, "--set", "n_estimators=20", "--set", "max_depth=8", *arguments, "--out", out,
        "--json", cwd=folder,
    )  # fmt: skip


def write_table(file, header, rows):
    file.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")


def test_any_number_of_threads_gives_the_same_model(slipway, tmp_path, transactions):
    models = {}
    for threads in (1, 2, 5):
        document = train(slipway, tmp_path, transactions, "is_fraud", "--threads", threads, out=f"model{threads}").document
        models[threads] = (tmp_path / f"model{threads}/model.onnx").read_bytes()
        assert document["bundle"].endswith(f"model{threads}")
    assert models[1] == models[2] == models[5]


def test_json_says_metrics_and_seconds(slipway, tmp_path, transactions):
    outcome = train(slipway, tmp_path, transactions, "is_fraud")
    document = outcome.document
    assert 0 < document["metrics"]["average_precision"] <= 1
    assert 0.5 < document["metrics"]["roc_auc"] <= 1
    assert {"read", "prepare", "search", "fit", "evaluate"} <= document["seconds"].keys()
    assert all(seconds >= 0 for seconds in document["seconds"].values())
    for name in ("model.onnx", "manifest.json", "profile.json", "evaluation.json", "verification.json"):
        assert (tmp_path / "model" / name).is_file(), name


def test_columns_like_identifiers_are_set_aside_and_said_so(slipway, tmp_path, transactions):
    outcome = slipway(
        "train", transactions, "--target", "is_fraud", "--set", "n_estimators=5", "--out", "model", cwd=tmp_path
    )  # fmt: skip
    assert "transaction_id" in outcome.stdout + outcome.stderr


def test_text_labels_and_text_columns(slipway, tmp_path):
    chance = random.Random(1)
    rows = []
    for _ in range(600):
        size, colour = chance.uniform(0, 10), chance.choice(["red", "green", "blue", ""])
        rows.append([f"{size:.3f}", colour, "spam" if (size > 6) ^ (colour == "red") else "ham"])
    write_table(tmp_path / "mail.csv", "size,colour,kind", rows)
    document = train(slipway, tmp_path, "mail.csv", "kind").document
    assert document["metrics"]["roc_auc"] > 0.9
    slipway("score", "model", "mail.csv", "--out", "scores.csv", cwd=tmp_path)
    labels = [line.split(",")[-1] for line in (tmp_path / "scores.csv").read_text().splitlines()[1:]]
    assert set(labels) == {"spam", "ham"}
    assert sum(label == row[2] for label, row in zip(labels, rows)) > 540


def test_several_classes(slipway, tmp_path):
    chance = random.Random(2)
    rows = []
    for _ in range(900):
        x, y = chance.uniform(-1, 1), chance.uniform(-1, 1)
        rows.append([f"{x:.4f}", f"{y:.4f}", "north" if y > abs(x) else "south" if y < -abs(x) else "side"])
    write_table(tmp_path / "wind.csv", "x,y,where", rows)
    document = train(slipway, tmp_path, "wind.csv", "where").document
    assert document["metrics"]["accuracy"] > 0.9
    slipway("score", "model", "wind.csv", "--out", "scores.csv", cwd=tmp_path)
    header, *lines = (tmp_path / "scores.csv").read_text().splitlines()
    names = header.split(",")
    assert {"score_north", "score_side", "score_south", "label"} <= set(names)
    first = dict(zip(names, lines[0].split(",")))
    assert sum(float(first[f"score_{name}"]) for name in ("north", "side", "south")) == pytest.approx(1, abs=1e-5)


def test_regression(slipway, tmp_path):
    chance = random.Random(3)
    rows = []
    for _ in range(900):
        x, y = chance.uniform(0, 1), chance.uniform(0, 1)
        rows.append([f"{x:.4f}", f"{y:.4f}", f"{10 * x - 3 * y:.5f}"])
    write_table(tmp_path / "price.csv", "x,y,price", rows)
    document = train(slipway, tmp_path, "price.csv", "price").document
    assert 0 < document["metrics"]["rmse"] < 1
    slipway("score", "model", "price.csv", "--out", "scores.csv", cwd=tmp_path)
    header, *lines = (tmp_path / "scores.csv").read_text().splitlines()
    at = header.split(",").index("score")
    errors = [abs(float(line.split(",")[at]) - float(row[2])) for line, row in zip(lines, rows)]
    assert sum(errors) / len(errors) < 0.8


def test_rounds_are_watched(slipway, tmp_path, transactions):
    """The curve over rounds, and what it says of settings that learn well, by heart, and with steps that are too long."""
    def rounds(*settings):
        flags = [word for setting in settings for word in ("--set", setting)]
        words = ("train", transactions, "--target", "is_fraud", "--learner", "gradient_boosting", *flags, "--out", "model")
        document = slipway(*words, "--json", cwd=tmp_path).document["training"]
        assert document["points"] == sorted(document["points"], key=lambda point: point["rounds"])
        return document

    by_heart = rounds("n_estimators=120", "learning_rate=0.4")
    assert by_heart["verdict"] == "overfits" and by_heart["best_rounds"] < 60
    first, *_, last = by_heart["points"]
    assert (first["rounds"], last["rounds"]) == (1, 120)
    assert last["train_loss"] < first["train_loss"] / 4, "what was learnt from is known by heart"
    assert rounds("n_estimators=30", "learning_rate=9")["verdict"] == "diverges"
    assert rounds("n_estimators=20", "learning_rate=0.01")["verdict"] == "improves"
    assert "log_loss by rounds" in (tmp_path / "model/report.html").read_text(encoding="utf-8")


def test_an_interrupt_ends_a_fit_at_once_and_leaves_nothing(slipway, tmp_path, transactions):
    words = [slipway.path, "train", transactions, "--target", "is_fraud", "--set", "n_estimators=100000", "--out", "model"]
    process = subprocess.Popen([*map(str, words)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    finally:
        process.kill()
    # What does not look for interrupts, such as reading a file, is ended by the signal itself.
    assert process.returncode in (130, -signal.SIGINT)
    if process.returncode == 130:
        assert stderr.splitlines()[-1].endswith("stopped")
    assert not (tmp_path / "model").exists()


def test_rows_of_no_weight_teach_nothing(slipway, tmp_path):
    chance = random.Random(2)
    rows = []
    for number in range(1200):
        size = chance.uniform(0, 10)
        wrong = number % 2 == 0
        rows.append([f"{size:.3f}", chance.randrange(9), int((size > 5) ^ wrong), 0 if wrong else 2.5])
    write_table(tmp_path / "rows.csv", "size,other,answer,importance", rows)
    slipway(
        "train", "rows.csv", "--target", "answer", "--weight", "importance", "--set", "n_estimators=20", "--out", "model",
        cwd=tmp_path,
    )  # fmt: skip
    slipway("score", "model", "rows.csv", "--out", "scores.csv", cwd=tmp_path)
    scores = [float(line.split(",")[-2]) for line in (tmp_path / "scores.csv").read_text().splitlines()[1:]]
    assert sum((score > 0.5) == (float(row[0]) > 5) for score, row in zip(scores, rows)) > 1150
    rows[7][3] = -1
    write_table(tmp_path / "rows.csv", "size,other,answer,importance", rows)
    refusal = slipway(
        "train", "rows.csv", "--target", "answer", "--weight", "importance", "--out", "model2", cwd=tmp_path, code=2
    )  # fmt: skip
    assert "importance" in refusal.stderr and "row 8" in refusal.stderr
