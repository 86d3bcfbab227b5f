"""`slipway package` writes the formats it is asked for, and nothing when the rows disagree or the format is unknown."""

import json


def test_every_format_is_written(slipway, bundle, transactions, tmp_path):
    out = tmp_path / "exported"
    outcome = slipway(
        "package", bundle, "--format", "onnx,pmml,savedmodel,mlflow", "--out", out, "--verify", transactions,
        "--json", cwd=tmp_path,
    )  # fmt: skip
    assert outcome.document["largest_difference"] <= 1e-5
    assert (out / "model.onnx").read_bytes() == (bundle / "model.onnx").read_bytes()
    assert "<PMML" in (out / "model.pmml").read_text()[:400]
    assert "ModelVerification" in (out / "model.pmml").read_text()
    assert (out / "saved_model/1/saved_model.pb").stat().st_size > 10_000
    assert "loader_module: mlflow.onnx" in (out / "MLmodel").read_text()
    names = {entry["file"] for entry in outcome.document["files"]}
    assert {str(out / name) for name in ("model.onnx", "model.pmml", "MLmodel")} <= names
    json.dumps(outcome.document)


def test_an_unknown_format_names_the_nearest(slipway, bundle, tmp_path):
    outcome = slipway("package", bundle, "--format", "pmlm", "--out", tmp_path / "x", cwd=tmp_path, code=2)
    assert "did you mean 'pmml'" in outcome.stderr
    assert not (tmp_path / "x").exists()
