"""What other programs say of the same model: onnx, ONNX Runtime, scikit-learn."""

import csv
import datetime
import json

import numpy
import onnx
import onnxruntime
import pytest
import sklearn.metrics

ROWS = 10_000
MISSING_TIME = numpy.iinfo(numpy.int64).min


@pytest.fixture(scope="module")
def rows(slipway, tmp_path_factory):
    """10,000 labelled rows of another seed, with missing values and with categories and numbers the training lacks."""
    folder = tmp_path_factory.mktemp("rows")
    slipway("sample", "fraud", "--rows", ROWS, "--seed", 5, "--out", "given.csv", cwd=folder)
    with open(folder / "given.csv", newline="", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    for number, row in enumerate(table):
        if number % 7 == 0:
            row["amount"] = ""
        if number % 11 == 0:
            row["num_transactions"] = ""
        if number % 5 == 0:
            row["state"] = ["Atlantis", "", "ny", "NY ", "Zürich", "東京"][number // 5 % 6]
        if number % 13 == 0:
            row["channel"] = ["", "fax"][number // 13 % 2]
        if number % 17 == 0:
            row["card_type"] = ["", "prepaid"][number // 17 % 2]
        if number % 101 == 0:
            row["amount"] = ["1e30", "-1e30", "0", "-0.0", "1e-40"][number // 101 % 5]
    file = folder / "rows.csv"
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    return file, table


def feed_of(session, table):
    """The columns of a table as the model's inputs take them: NaN, the empty text and the smallest integer are missing."""
    feed = {}
    for port in session.get_inputs():
        cells = [row[port.name].strip() for row in table]
        if port.type == "tensor(string)":
            values = numpy.array(cells, dtype=object)
        elif port.type == "tensor(int64)":
            values = numpy.array([seconds(cell) for cell in cells], dtype=numpy.int64)
        else:
            assert port.type == "tensor(float)"
            values = numpy.array([float(cell) if cell else numpy.nan for cell in cells], dtype=numpy.float32)
        feed[port.name] = values.reshape(-1, 1)
    return feed


def seconds(cell):
    if not cell:
        return MISSING_TIME
    return int(datetime.datetime.fromisoformat(cell).replace(tzinfo=datetime.timezone.utc).timestamp())


def run_onnx_runtime(bundle, table):
    session = onnxruntime.InferenceSession(str(bundle / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(None, feed_of(session, table))))


def scores_of(slipway, bundle, file, folder):
    slipway("score", bundle, file, "--out", folder / "scores.csv", cwd=folder)
    with open(folder / "scores.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def with_time(slipway, transactions, tmp_path_factory):
    """A bundle that uses text of many values (target encoding) and the parts of a time as well."""
    folder = tmp_path_factory.mktemp("with_time")
    (folder / "slipway.yaml").write_text(
        f"""\
name: everything
source: {transactions}
schema: {{target: is_fraud, id: transaction_id}}
features:
  numeric: [amount, num_transactions]
  categorical: [state, channel, card_type, merchant_category]
  time: [timestamp]
  derived:
    amount_per_transaction: amount / (num_transactions + 1)
  impute: median
  missing_indicator: true
  encode: auto
learner: {{random_forest: {{n_estimators: 30, max_depth: 12}}}}
""",
        encoding="utf-8",
    )
    document = slipway("run", "slipway.yaml", "--json", cwd=folder).document
    return folder / "models/everything" / str(document.get("version", 1))


@pytest.fixture(params=["reference", "everything"])
def model(request, bundle, with_time):
    return bundle if request.param == "reference" else with_time


def test_onnx_accepts_the_file(model):
    loaded = onnx.load(model / "model.onnx")
    onnx.checker.check_model(loaded, full_check=True)
    assert {imported.domain for imported in loaded.opset_import} <= {"", "ai.onnx", "ai.onnx.ml"}


def test_onnx_runtime_gives_the_same_scores_and_labels(slipway, model, rows, tmp_path):
    file, table = rows
    theirs = run_onnx_runtime(model, table)
    ours = scores_of(slipway, model, file, tmp_path)
    assert len(ours) == ROWS
    scores = numpy.array([float(row["score"]) for row in ours])
    assert numpy.isfinite(scores).all()
    assert len(numpy.unique(scores)) > 100
    assert numpy.abs(scores - theirs["probabilities"][:, 1]).max() <= 1e-5
    labels = numpy.asarray(theirs["label"]).reshape(-1)
    assert [row["label"] for row in ours] == [str(label) for label in labels]
    assert {"0", "1"} == set(map(str, labels))


def test_one_row_at_a_time_gives_the_same(model, rows):
    _, table = rows
    together = run_onnx_runtime(model, table[:50])["probabilities"]
    alone = numpy.concatenate([run_onnx_runtime(model, [row])["probabilities"] for row in table[:50]])
    assert (together == alone).all()


def test_metrics_are_those_of_scikit_learn(slipway, bundle, rows, tmp_path):
    file, table = rows
    metrics = slipway("evaluate", bundle, file, "--json", cwd=tmp_path).document["metrics"]
    ours = scores_of(slipway, bundle, file, tmp_path)
    truth = numpy.array([int(row["is_fraud"]) for row in table])
    score = numpy.array([float(row["score"]) for row in ours], dtype=numpy.float32).astype(numpy.float64)
    label = numpy.array([int(row["label"]) for row in ours])
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(truth, label),
        "precision": sklearn.metrics.precision_score(truth, label),
        "recall": sklearn.metrics.recall_score(truth, label),
        "f1": sklearn.metrics.f1_score(truth, label),
        "roc_auc": sklearn.metrics.roc_auc_score(truth, score),
        "average_precision": sklearn.metrics.average_precision_score(truth, score),
        "log_loss": sklearn.metrics.log_loss(truth, score),
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_verification_says_what_was_compared(bundle):
    verification = json.loads((bundle / "verification.json").read_text())
    assert "ONNX Runtime" in json.dumps(verification)
