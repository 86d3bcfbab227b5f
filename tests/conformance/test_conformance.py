"""What other programs say of the same model: onnx, ONNX Runtime, scikit-learn, and a serving client."""

import csv
import json
import pathlib
import subprocess
import sys

import numpy
import onnx
import onnx_check
import onnxruntime
import pandas
import pytest
import sklearn.metrics

ROWS = 10_000

# Every kind of feature: text of few and of many values, a time's parts, a formula, filled numbers with indicators.
EVERYTHING = """\
name: everything
source: {transactions}
schema: {{target: {target}, id: transaction_id}}
split: {{method: random}}
features:
  numeric: [{numeric}]
  categorical: [state, card_type, merchant_category]
  time: [timestamp]
  derived: {{twice: num_transactions * 2 + 1}}
  impute: median
  missing_indicator: true
learner: {{random_forest: {{n_estimators: 30, max_depth: 12}}}}
"""


def note_of(row, number):
    """Free text: words of one letter, signs, capitals, words of other scripts, unseen words, none at all."""
    words = row["merchant_category"].replace("_", " ").title()
    return [f"{words} a {row['card_type']}", f"A {words}, x/{row['state']}!", f"é {words}  paid; zürich 東", "", "unheard of",
            f"{row['card_type']}-b-{words}", words][number % 7]  # fmt: skip


@pytest.fixture(scope="module")
def rows(slipway, tmp_path_factory):
    """10,000 labelled rows of another seed, with missing values, and with categories and numbers the training lacks."""
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
        if number % 19 == 0:
            row["timestamp"] = ["", "1969-12-31T23:59:59Z", "2044-02-29T12:00:00Z"][number // 19 % 3]
        row["note"] = note_of(row, number)
        if number % 101 == 0:
            row["amount"] = ["1e30", "-1e30", "0", "-0.0", "1e-40"][number // 101 % 5]
    with open(folder / "rows.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    return folder / "rows.csv"


@pytest.fixture(scope="module")
def bundles(slipway, bundle, transactions, tmp_path_factory):
    """A published bundle by name: the reference case, and every kind of feature with each kind of target."""
    published = {"reference": bundle}
    for name, target, numeric in (
        ("two classes", "is_fraud", "amount, num_transactions"),
        ("several classes", "channel", "amount, num_transactions"),
        ("regression", "amount", "num_transactions"),
    ):
        folder = tmp_path_factory.mktemp(target)
        (folder / "slipway.yaml").write_text(EVERYTHING.format(transactions=transactions, target=target, numeric=numeric))
        document = slipway("run", "slipway.yaml", "--json", cwd=folder).document
        published[name] = folder / document["bundle"]
    return published


@pytest.mark.parametrize("name", ["reference", "two classes", "several classes", "regression"])
class TestOnnx:
    def test_only_standard_operators(self, bundles, name):
        model = onnx.load(bundles[name] / "model.onnx")
        onnx.checker.check_model(model, full_check=True)
        assert {imported.domain for imported in model.opset_import} <= {"", "ai.onnx", "ai.onnx.ml"}

    def test_onnx_runtime_gives_the_same_scores_and_labels(self, slipway, bundles, name, rows, tmp_path):
        slipway("score", bundles[name], rows, "--out", "scores.csv", cwd=tmp_path)
        scores = pandas.read_csv(tmp_path / "scores.csv", dtype={"label": str})
        assert len(scores) == ROWS
        numbers = scores[[column for column in scores if column.startswith("score")]].to_numpy()
        assert numpy.isfinite(numbers).all()
        assert len(numpy.unique(numbers[:, 0])) > 100, "the rows do not use the model"
        model = bundles[name] / "model.onnx"
        assert onnx_check.compare(str(model), str(rows), str(tmp_path / "scores.csv"), 1e-5)

    def test_no_row_depends_on_the_others(self, bundles, name, rows):
        """Within what ONNX Runtime's own order of summing gives, which is another one for a single row."""
        session = onnxruntime.InferenceSession(str(bundles[name] / "model.onnx"), providers=["CPUExecutionProvider"])
        table = onnx_check.read_table(str(rows)).head(60)
        together = session.run(None, onnx_check.feed_of(session, table))[-1]
        alone = [session.run(None, onnx_check.feed_of(session, table.iloc[[row]]))[-1] for row in range(len(table))]
        numpy.testing.assert_allclose(numpy.concatenate(alone), together, rtol=1e-5, atol=1e-6)


def test_metrics_are_those_of_scikit_learn(slipway, bundle, rows, tmp_path):
    metrics = slipway("evaluate", bundle, rows, "--json", cwd=tmp_path).document["metrics"]
    slipway("score", bundle, rows, "--out", "scores.csv", cwd=tmp_path)
    scores = pandas.read_csv(tmp_path / "scores.csv")
    score = scores["score"].to_numpy(dtype=numpy.float32).astype(numpy.float64)
    label = scores["label"].to_numpy()
    truth = pandas.read_csv(rows)["is_fraud"].to_numpy()
    assert 0 < label.sum() < ROWS
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
    assert "ONNX Runtime" in json.dumps(json.loads((bundle / "verification.json").read_text()))


@pytest.mark.parametrize("script", ["serving_clients.py", "grpc_clients.py"])
def test_serving_clients(slipway, project, script):
    """Real clients against the server; a broken client can hang, so each file of them runs in a process of its own."""
    with slipway.serve("models/", "--grpc", "127.0.0.1:0", "--admin", cwd=project) as server:
        run = subprocess.run(
            [
                sys.executable, str(pathlib.Path(__file__).with_name(script)),
                f"http://127.0.0.1:{server.port}", f"127.0.0.1:{server.grpc_port}", "fraud",
            ],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
