"""The other formats of a model, each in the engine it was made for: JPMML-Evaluator, TensorFlow, MLflow."""

import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import jpmml_evaluator
import mlflow
import numpy
import onnx_check
import pandas
import pytest
import tensorflow
from test_conformance import ROWS, bundles, rows  # noqa: F401  (fixtures)

NAMES = ["reference", "two classes", "several classes", "regression"]
PMML = "{http://www.dmg.org/PMML-4_4}"
DIFFERENCES = []


@pytest.fixture(scope="module")
def exported(slipway, bundles, rows, tmp_path_factory):  # noqa: F811
    """By bundle: a folder with every format, and Slipway's own scores of the rows."""
    folders = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp("exported")
        slipway("package", bundles[name], "--format", "onnx,pmml,savedmodel,mlflow", "--out", folder / "package",
                "--verify", rows, cwd=folder)
        slipway("score", bundles[name], rows, "--out", "scores.csv", cwd=folder)
        folders[name] = folder
    yield folders
    print("\nlargest differences from Slipway's scores, and bytes")
    for name, engine, difference, size in DIFFERENCES:
        print(f"{name:16} {engine:28} {difference:9.2g} {size:12,}")


def expected(folder):
    scores = pandas.read_csv(folder / "scores.csv", dtype={"label": str}, keep_default_na=False)
    columns = [column for column in scores if column.startswith("score")]
    return scores[columns].to_numpy(dtype=float), scores["label"].tolist() if "label" in scores else None


def check(name, engine, file, scores, labels, folder):
    """Scores of the positive class, of every class, or predictions: equal within 1e-5, relative where they are large."""
    wanted, wanted_labels = expected(folder)
    assert len(wanted) == ROWS
    difference = numpy.abs(numpy.asarray(scores, dtype=float).reshape(wanted.shape) - wanted) / numpy.maximum(1, numpy.abs(wanted))
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
        cell = tree.getroot().find(f".//{PMML}ModelVerification//{PMML}row/{PMML}{'o0' if name in NAMES[2:] else 'o1'}")
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
        program = pathlib.Path(sys.executable).parent / "saved_model_cli"
        command = [str(program), "show", "--dir", str(exported[name] / "package/saved_model/1"), "--tag_set", "serve"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "serving_default" in shown
        assert ("regress" if name == "regression" else "classify") in shown


@pytest.mark.parametrize("name", NAMES)
def test_mlflow_loads_and_scores(exported, name, rows):  # noqa: F811
    folder = exported[name] / "package"
    model = mlflow.pyfunc.load_model(str(folder))
    table = onnx_check.read_table(str(rows))
    session = onnx_check.onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    feed = onnx_check.feed_of(session, table)
    frame = pandas.DataFrame({key: column[:, 0] for key, column in feed.items()})
    outputs = model.predict(frame)
    key = "prediction" if name == "regression" else "probabilities"
    scores = numpy.asarray(outputs[key])
    if scores.shape[1] == 2:
        scores = scores[:, 1]
    labels = numpy.ravel(outputs["label"]) if "label" in outputs else None
    check(name, "MLflow (ONNX Runtime)", folder / "model.onnx", scores, labels, exported[name])
    names = [spec["name"] for spec in json.loads(model.metadata.signature.to_dict()["inputs"])]
    assert names == list(feed)
