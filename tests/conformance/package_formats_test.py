"""The other formats of a model, each in the engine it was made for: JPMML-Evaluator, TensorFlow, MLflow."""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import jpmml_evaluator
import mlflow
import numpy
import onnx
import onnx_check
import pandas
import pytest
import tensorflow
import test_conformance
from learners_test import learners
from test_conformance import ROWS, bundles, note_of, rows  # noqa: F401  (fixtures)

# Beside the forests of `bundles`: every other learner, for each kind of target, and all of them behind every kind of
# feature at once. The formulas are bounded, so that products of the rows' extreme amounts stay finite.
CONFIGURATION = """\
name: case
source: transactions.csv
schema: {{target: {target}, id: transaction_id}}
split: {{method: random}}
features:
  numeric: [{numeric}]
  categorical: [{categorical}]
  {features}
search: {{folds: 2}}
learner: {learner}
{more}
"""
EVERY_FEATURE = """\
time: [timestamp]
  derived:
    share: amount / (abs(amount) + 10)
    rest: 10 / (abs(amount) + 10)
    half: amount / 2
    lists: (state IN ('CA', 'NY')) + 2 * (amount BETWEEN 10 AND 100) + 4 * (state <> 'TX' OR amount IN (1, NULL))
    patterns: CASE WHEN card_type LIKE '%e_it' AND NOT state > 'M' THEN 1 WHEN state ILIKE 'zü%' THEN 2 ELSE second(timestamp) / 60 END
  impute: {{amount: median, share: mean, rest: most_frequent{filled}}}
  missing_indicator: true
  encode: {{state: target, card_type: one_hot, merchant_category: {encode}}}
  scale: {{amount: standard, share: quantile_normal, rest: min_max}}
  bins: {{half: 7}}
  polynomial: {{columns: [share, rest], degree: 2}}
  pca: {{columns: [share, rest], components: 2}}
  text: {{note: {{ngrams: [1, 2], min_df: 0.03, sublinear_tf: true}}}}
"""
CASES = {
    "extra trees": ("is_fraud", "{extra_trees: {n_estimators: 10, max_depth: 8}}", ""),
    "tree": ("is_fraud", "{decision_tree: {max_depth: 6}}", ""),
    "bagging": ("is_fraud", "{bagging: {n_estimators: 4}}", ""),
    "voting": ("is_fraud", "{voting: {members: [{random_forest: {n_estimators: 4, max_depth: 6}}, logistic_regression]}}", ""),
    "forest, isotonic": ("is_fraud", "{random_forest: {n_estimators: 60, max_depth: 10}}", "calibrate: {method: isotonic, fraction: 0.3}"),
    "boosting, isotonic": ("channel", "{gradient_boosting: {n_estimators: 12}}", "calibrate: {method: isotonic, fraction: 0.3}"),
    "boosting, calibrated": ("is_fraud", "{gradient_boosting: {n_estimators: 20}}", "calibrate: {method: platt, fraction: 0.3}"),
    "boosting, classes": ("channel", "{gradient_boosting: {n_estimators: 8}}", ""),
    "boosting, counts": ("num_transactions", "{gradient_boosting: {loss: poisson, n_estimators: 20}}", ""),
    "logistic": ("is_fraud", "{logistic_regression: {penalty: l2}}", ""),
    "softmax": ("channel", "{logistic_regression: {penalty: l2}}", ""),
    "linear": ("num_transactions", "{linear_regression: {penalty: l2}}", ""),
    "stacking": ("is_fraud", "{stacking: {members: [{random_forest: {n_estimators: 5, max_depth: 5}}, logistic_regression]}}", ""),
}  # fmt: skip
FORESTS = ["reference", "two classes", "several classes", "regression"]
NAMES = FORESTS + list(CASES)
NUMBERS = ["regression", "boosting, counts", "linear"]
SEVERAL = ["several classes", "boosting, classes", "boosting, isotonic", "softmax"]
PMML = "{http://www.dmg.org/PMML-4_4}"
DIFFERENCES = []


@pytest.fixture(scope="module")
def small(slipway, transactions, tmp_path_factory):
    """6,000 of the training rows."""
    folder = tmp_path_factory.mktemp("small")
    with open(transactions, newline="", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))[:6000]
    for number, row in enumerate(table):
        row["note"] = note_of(row, number)
    with open(folder / "transactions.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    return folder / "transactions.csv"


def make_bundle(slipway, small, folder, case):
    target, learner, more = CASES[case]
    numeric = [column for column in ("amount", "num_transactions") if column != target]
    others = () if "isotonic" in more else ("merchant_category", "channel")
    categorical = [column for column in ("state", "card_type", *others) if column != target]
    # Steep steps of an isotonic map multiply the last digits of what they are given: those cases have fewer features.
    features = "encode: one_hot" if "isotonic" in more else EVERY_FEATURE.format(
        filled=", num_transactions: constant" if "num_transactions" in numeric else "",
        encode="ordinal" if list(CASES).index(case) % 2 else "one_hot",
    )
    (folder / "transactions.csv").write_bytes(small.read_bytes())
    (folder / "slipway.yaml").write_text(
        CONFIGURATION.format(
            target=target,
            learner=learner,
            features=features,
            more=more,
            numeric=", ".join(numeric),
            categorical=", ".join(categorical),
        )
    )
    return folder / slipway("run", "slipway.yaml", "--json", cwd=folder).document["bundle"]


@pytest.fixture(scope="module")
def exported(slipway, bundles, small, rows, tmp_path_factory):  # noqa: F811
    """By bundle: a folder with every format, and Slipway's own scores of the rows."""
    folders = {}
    os.environ["SLIPWAY_PYTHON"] = "/nonexistent"  # the engines run here, once each, not from the command
    for name in NAMES:
        folder = tmp_path_factory.mktemp("exported")
        bundle = bundles[name] if name in bundles else make_bundle(slipway, small, folder, name)
        slipway("package", bundle, "--format", "onnx,onnx_compact,pmml,savedmodel,mlflow", "--out", folder / "package",
                "--verify", rows, cwd=folder)
        slipway("score", bundle, rows, "--out", "scores.csv", cwd=folder)
        folders[name] = folder
    del os.environ["SLIPWAY_PYTHON"]
    yield folders
    print_table()


def test_the_table_has_every_learner_and_feature(slipway, tmp_path):
    """Another learner or kind of feature wants a line of its own."""
    said = " ".join(f"{learner} {more}" for _, learner, more in CASES.values()) + EVERY_FEATURE + test_conformance.EVERYTHING
    for learner in learners(slipway, tmp_path):
        assert learner in said
    reference = (pathlib.Path(__file__).parents[2] / "docs/reference/options.md").read_text(encoding="utf-8")
    section = reference.split("## features\n")[1]
    beside = re.search(r"beside (.*?)\.", section)[1]
    kinds = re.findall(r"`(\w+)`", beside)
    assert {"numeric", "text", "pca"} <= set(kinds)
    options = re.findall(r"^\| `(\w+)` \|", section.split("\n## ")[0], re.MULTILINE)
    assert {"impute", "bins", "encode"} <= set(options)
    shaped = {"impute", "missing_indicator", "scale", "bins", "encode", *kinds} - {"select"}  # select only leaves out
    for kind in shaped:
        assert f"{kind}:" in said, kind


def print_table():
    """One line per model, one column per engine; and the bytes of each format."""
    engines = list(dict.fromkeys(engine for _, engine, _, _ in DIFFERENCES))
    print(f"\nlargest differences from Slipway's scores on {ROWS:,} rows (labels equal), and bytes")
    print(f"{'':22}" + "".join(f"{engine:>26}" for engine in engines))
    for name in NAMES:
        found = {engine: (difference, size) for other, engine, difference, size in DIFFERENCES if other == name}
        cells = [f"{found[engine][0]:.1e} {found[engine][1]:>11,} B" if engine in found else "" for engine in engines]
        print(f"{name:22}" + "".join(f"{cell:>26}" for cell in cells))


def expected(folder):
    scores = pandas.read_csv(folder / "scores.csv", dtype={"label": str}, keep_default_na=False)
    columns = [column for column in scores if column.startswith("score")]
    return scores[columns].to_numpy(dtype=float), scores["label"].tolist() if "label" in scores else None


def check(name, engine, file, scores, labels, folder):
    """Scores of the positive class, of every class, or predictions: equal within 1e-5, relative where they are large."""
    wanted, wanted_labels = expected(folder)
    assert len(wanted) == ROWS
    scale = numpy.ones_like(wanted)
    if wanted_labels is None:  # predictions: against their own size
        scale = numpy.maximum(numpy.abs(wanted), max(1, numpy.sqrt((wanted**2).mean())))
    difference = numpy.abs(numpy.asarray(scores, dtype=float).reshape(wanted.shape) - wanted) / scale
    DIFFERENCES.append((name, engine, difference.max(), file.stat().st_size))
    assert difference.max() < 1e-5
    if labels is not None and wanted_labels is not None:
        wrong = [row for row, (label, own) in enumerate(zip(labels, wanted_labels)) if str(label) != own]
        assert wrong == [], f"{len(wrong)} labels differ, the first in row {wrong[:1]}"


def java(*arguments):
    jars = pathlib.Path(jpmml_evaluator.__file__).parent / "dependencies"
    program = pathlib.Path(__file__).parent / "PmmlScores.java"
    command = ["java", "-Xss16m", "-cp", f"{jars}/*", str(program), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def pmml_cells(pmml, table):
    """The rows for PmmlScores: names, types, then cells; absent ones are \\N."""
    fields = ElementTree.parse(pmml).getroot().findall(f"{PMML}DataDictionary/{PMML}DataField")
    fields = [field for field in fields if field.get("name") in table.columns]
    columns = []
    for field in fields:
        cells = onnx_check.text_cells(table[field.get("name")])
        columns.append([cell.rstrip("Z") if cell and field.get("dataType") == "dateTime" else cell or "\\N" for cell in cells])
    lines = ["\t".join(field.get("name") for field in fields), "\t".join(field.get("dataType") for field in fields)]
    return "\n".join(lines + ["\t".join(row) for row in zip(*columns)]) + "\n"


@pytest.mark.parametrize("name", NAMES)
class TestPmml:
    def test_is_valid_and_verifies_itself(self, exported, name):
        pmml = exported[name] / "package/model.pmml"
        java("validate", pmml)
        rows_within = ElementTree.parse(pmml).getroot().findall(f".//{PMML}ModelVerification/{PMML}InlineTable/{PMML}row")
        assert len(rows_within) == 20

    def test_a_wrong_score_does_not_verify(self, exported, name, tmp_path):
        pmml = exported[name] / "package/model.pmml"
        ElementTree.register_namespace("", PMML[1:-1])
        tree = ElementTree.parse(pmml)
        cell = tree.getroot().find(f".//{PMML}ModelVerification//{PMML}row/{PMML}{'o0' if name in NUMBERS + SEVERAL else 'o1'}")
        cell.text = str(float(cell.text) + 0.01 * max(1, abs(float(cell.text))))
        tree.write(tmp_path / "wrong.pmml", encoding="UTF-8")
        with pytest.raises(AssertionError, match="verif"):
            java("validate", tmp_path / "wrong.pmml")

    def test_jpmml_evaluator_gives_the_same_scores_and_labels(self, exported, name, rows, tmp_path):  # noqa: F811
        pmml = exported[name] / "package/model.pmml"
        table = onnx_check.read_table(str(rows))
        (tmp_path / "rows.tsv").write_text(pmml_cells(pmml, table), encoding="utf-8")
        java("score", pmml, tmp_path / "rows.tsv", tmp_path / "scores.tsv")
        scores = pandas.read_csv(tmp_path / "scores.tsv", sep="\t", dtype={"label": str}, keep_default_na=False)
        probabilities = [column for column in scores if column.startswith("probability(")]
        if len(probabilities) == 2:
            probabilities = probabilities[1:]
        labels = scores["label"].tolist() if probabilities else None
        check(name, "JPMML-Evaluator", pmml, scores[probabilities or ["score"]], labels, exported[name])


def tensors(signature, table):
    feed = {}
    for key, spec in signature.structured_input_signature[1].items():
        cells = onnx_check.text_cells(table[key])
        if spec.dtype == tensorflow.string:
            feed[key] = tensorflow.constant([cell.encode() for cell in cells])
        elif spec.dtype == tensorflow.int64:
            times = pandas.to_datetime(pandas.Series(cells).replace("", None), utc=True, format="ISO8601")
            seconds = times.dt.as_unit("us").astype("int64").to_numpy() // 1_000_000
            feed[key] = tensorflow.constant(numpy.where(times.isna(), onnx_check.MISSING_TIME, seconds))
        else:
            feed[key] = tensorflow.constant([float(cell) if cell else numpy.nan for cell in cells], dtype=tensorflow.float32)
    return feed


CLI_MODELS = ("stacking", "linear", "softmax")  # a process of its own takes seconds: one of each task


@pytest.mark.parametrize("name", NAMES)
class TestSavedModel:
    def test_tensorflow_gives_the_same_scores_and_labels(self, exported, name, rows):  # noqa: F811
        folder = exported[name] / "package/saved_model/1"
        signature = tensorflow.saved_model.load(str(folder)).signatures["serving_default"]
        outputs = signature(**tensors(signature, onnx_check.read_table(str(rows))))
        scores = outputs["score"] if "score" in outputs else outputs["probabilities"]
        labels = [label.decode() for label in outputs["label"].numpy()] if "label" in outputs else None
        check(name, "TensorFlow", folder / "saved_model.pb", scores.numpy(), labels, exported[name])

    def test_saved_model_cli_shows_the_signatures(self, exported, name):
        if name not in CLI_MODELS:
            return
        program = pathlib.Path(sys.executable).parent / "saved_model_cli"
        command = [str(program), "show", "--dir", str(exported[name] / "package/saved_model/1"), "--tag_set", "serve"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "serving_default" in shown
        assert ("regress" if name in NUMBERS else "classify") in shown

    def test_saved_model_cli_runs_a_row(self, exported, name):
        if name not in CLI_MODELS:
            return
        folder = exported[name] / "package/saved_model/1"
        signature = tensorflow.saved_model.load(str(folder)).signatures["serving_default"]
        given = {tensorflow.string: '["x"]', tensorflow.float32: "[1.5]", tensorflow.int64: "[0]"}
        inputs = ";".join(f"{key}={given[spec.dtype]}" for key, spec in signature.structured_input_signature[1].items())
        program = pathlib.Path(sys.executable).parent / "saved_model_cli"
        command = [str(program), "run", "--dir", str(folder), "--tag_set", "serve", "--signature_def", "serving_default"]
        run = subprocess.run([*command, "--input_exprs", inputs], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-2000:]
        assert "Result for output key score" in run.stdout or "Result for output key probabilities" in run.stdout


@pytest.mark.parametrize("name", NAMES)
def test_mlflow_loads_and_scores(exported, name, rows):  # noqa: F811
    folder = exported[name] / "package"
    model = mlflow.pyfunc.load_model(str(folder))
    table = onnx_check.read_table(str(rows))
    session = onnx_check.onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    feed = onnx_check.feed_of(session, table)
    frame = pandas.DataFrame({key: column[:, 0] for key, column in feed.items()})
    outputs = model.predict(frame)
    key = "prediction" if name in NUMBERS else "probabilities"
    scores = numpy.asarray(outputs[key])
    if scores.shape[1] == 2:
        scores = scores[:, 1]
    labels = numpy.ravel(outputs["label"]) if "label" in outputs else None
    check(name, "MLflow (ONNX Runtime)", folder / "model.onnx", scores, labels, exported[name])
    names = [spec["name"] for spec in json.loads(model.metadata.signature.to_dict()["inputs"])]
    assert names == list(feed)


def test_onnx_runtime_newest_and_oldest(exported, rows, tmp_path):  # noqa: F811
    """The newest ONNX Runtime here, the oldest supported one in a process of its own; compact files need the newer one."""
    for name in NAMES:
        onnx.checker.check_model(str(exported[name] / "package/model.onnx"), full_check=True)
        onnx.checker.check_model(str(exported[name] / "package/model_compact.onnx"), full_check=True)
    cells = onnx_check.read_table(str(rows))
    folder = pathlib.Path(sys.prefix) / "oldest"
    assert folder.is_dir(), "./test installs the oldest ONNX Runtime there"
    script = pathlib.Path(__file__).with_name("onnx_scores.py")
    for python_path, kinds in (("", ("model.onnx", "model_compact.onnx")), (str(folder), ("model.onnx",))):
        jobs = [(name, file) for name in NAMES for file in kinds]
        files = [str(exported[name] / "package" / file) for name, file in jobs]
        command = [sys.executable, str(script), str(rows), str(tmp_path / "scores.npz"), *files]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": python_path})
        assert run.returncode == 0, run.stdout + run.stderr
        version = run.stdout.split()[-1]
        found = numpy.load(tmp_path / "scores.npz")
        assert len(cells) == ROWS
        for number, (name, file) in enumerate(jobs):
            scores, labels = found[f"scores{number}"], found.get(f"labels{number}")
            if labels is not None and scores.shape[1] == 2:
                scores = scores[:, 1]
            engine = f"ONNX Runtime {version}" + (" compact" if "compact" in file else "")
            check(name, engine, exported[name] / "package" / file, scores, labels, exported[name])


def test_the_command_verifies_with_every_engine(slipway, exported, rows, tmp_path, monkeypatch):  # noqa: F811
    """`slipway package --verify` itself runs the engines of $SLIPWAY_PYTHON, and refuses what disagrees."""
    monkeypatch.setenv("SLIPWAY_PYTHON", sys.executable)
    bundle = next((exported["stacking"] / "models").glob("*/1"))
    document = slipway("package", bundle, "--format", "onnx,pmml,savedmodel,mlflow", "--out", "verified", "--verify", rows,
                       "--json", cwd=tmp_path).document  # fmt: skip
    ran = {entry["engine"].split()[0]: entry for entry in document["engines"]}
    assert set(ran) == {"ONNX", "TensorFlow", "MLflow", "JPMML-Evaluator"}
    assert all(entry["largest_difference"] < 1e-5 and entry["different_labels"] == 0 for entry in ran.values())
    verification = json.loads((tmp_path / "verified/verification.json").read_text())
    assert verification["rows"] == ROWS
    # An engine that says something else: a Python that answers with another score.
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\necho '{\"engine\": \"TensorFlow\", \"largest_difference\": 0.5, \"different_labels\": 1}'\n")
    liar.chmod(0o755)
    monkeypatch.setenv("SLIPWAY_PYTHON", str(liar))
    outcome = slipway("package", bundle, "--format", "savedmodel", "--out", "refused", "--verify", rows, cwd=tmp_path, code=1)
    assert "TensorFlow and Slipway differ by 0.5" in outcome.stderr
    assert not (tmp_path / "refused").exists()
