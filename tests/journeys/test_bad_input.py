"""Bad input: a clear error, the right exit code, nothing half written, and what stood there before untouched."""

import json
import socket

import pytest

from conftest import CONFIGURATION
from program import contents

TRAIN = ("--set", "n_estimators=5", "--set", "max_depth=3")


@pytest.fixture
def standing(slipway, transactions, tmp_path):
    """A folder with a bundle at `model`, which no failed command may touch."""
    slipway("train", transactions, "--target", "is_fraud", *TRAIN, "--out", "model", cwd=tmp_path)
    assert (tmp_path / "model/model.onnx").is_file()
    return tmp_path


def refuse(slipway, folder, *arguments, says, code=2):
    """A command that must fail, say all of `says` and leave the folder as it was, hidden files included."""
    before = contents(folder)
    outcome = slipway(*arguments, cwd=folder, code=code)
    for part in says:
        assert part in outcome.stderr, f"'{part}' is not said:\n{outcome}"
    assert "internal" not in outcome.stderr
    after = contents(folder)
    assert sorted(after) == sorted(before), "a file has come or gone"
    assert after == before, "a file has changed"
    return outcome


def train(slipway, folder, data, *arguments, says):
    return refuse(slipway, folder, "train", data, *arguments, *TRAIN, "--out", "model", says=says)


def test_a_manifest_that_is_no_utf8(slipway, standing, transactions):
    manifest = standing / "model/manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"is_fraud"', b'"is_\xfffraud"', 1))
    for command in (("score", "model", transactions, "--out", "scores.csv"), ("package", "model", "--out", "out", "--json")):
        refuse(slipway, standing, *command, says=["the manifest cannot be read", "UTF-8"])


def test_missing_file(slipway, standing):
    train(slipway, standing, "no_such.csv", "--target", "is_fraud", says=["no_such.csv"])


def test_missing_file_as_json(slipway, standing):
    outcome = refuse(
        slipway, standing, "train", "no_such.csv", "--target", "is_fraud", "--out", "model", "--json", says=["no_such.csv"]
    )
    assert "no_such.csv" in json.loads(outcome.stdout)["error"]


def test_wrong_column_name(slipway, standing, transactions):
    train(slipway, standing, transactions, "--target", "is_fruad", says=["is_fruad", "is_fraud"])


def test_target_with_one_class(slipway, standing):
    (standing / "one.csv").write_text("amount,is_fraud\n" + "".join(f"{i}.5,0\n" for i in range(50)))
    train(slipway, standing, "one.csv", "--target", "is_fraud", says=["is_fraud", "one class"])


def test_empty_table(slipway, standing):
    (standing / "empty.csv").write_text("amount,is_fraud\n")
    train(slipway, standing, "empty.csv", "--target", "is_fraud", says=["empty.csv"])


def test_empty_file(slipway, standing):
    (standing / "nothing.csv").write_text("")
    train(slipway, standing, "nothing.csv", "--target", "is_fraud", says=["nothing.csv"])


def test_csv_with_a_broken_row(slipway, standing):
    lines = ["amount,state,is_fraud"] + [f"{i}.25,NY,{i % 2}" for i in range(200)]
    lines[150] = "12.5,NY,0,surplus,surplus"
    (standing / "broken.csv").write_text("\n".join(lines) + "\n")
    train(slipway, standing, "broken.csv", "--target", "is_fraud", says=["broken.csv", "151"])


def test_csv_with_a_word_among_numbers(slipway, standing):
    lines = ["amount,state,is_fraud"] + [f"{i}.25,NY,{i % 2}" for i in range(200)]
    lines[99] = "twelve,NY,0"
    (standing / "word.csv").write_text("\n".join(lines) + "\n")
    train(slipway, standing, "word.csv", "--target", "is_fraud", says=["word.csv", "100", "amount", "twelve"])


def test_unknown_yaml_key(slipway, make_project):
    folder = make_project(CONFIGURATION.replace("features:", "featrues:"))
    line = next(i for i, text in enumerate(CONFIGURATION.splitlines(), 1) if text.startswith("features:"))
    refuse(slipway, folder, "run", "slipway.yaml", says=[f"slipway.yaml:{line}:1", "featrues", "features"])


def test_unknown_nested_yaml_key(slipway, make_project):
    folder = make_project(CONFIGURATION.replace("  n_estimators:", "  n_estimatros:"))
    line = next(i for i, text in enumerate(CONFIGURATION.splitlines(), 1) if "n_estimators:" in text)
    refuse(slipway, folder, "run", "slipway.yaml", says=[f"slipway.yaml:{line}:3", "n_estimatros", "n_estimators"])


def test_yaml_that_cannot_be_read(slipway, make_project):
    folder = make_project("name: fraud\nsource: [unclosed\n")
    refuse(slipway, folder, "run", "slipway.yaml", says=["slipway.yaml"])


def test_unknown_column_in_features(slipway, make_project):
    folder = make_project(CONFIGURATION.replace("[amount, num_transactions]\n  cat", "[amonut, num_transactions]\n  cat"))
    outcome = slipway("run", "slipway.yaml", cwd=folder, code=2)
    assert "amonut" in outcome.stderr and "amount" in outcome.stderr
    assert not list(folder.glob("models/*/*")), "nothing is published"


def test_unknown_setting(slipway, standing, transactions):
    refuse(
        slipway, standing, "train", transactions, "--target", "is_fraud", "--set", "max_dept=3", "--out", "model",
        says=["max_dept", "max_depth"],
    )  # fmt: skip


def test_setting_out_of_range(slipway, standing, transactions):
    refuse(
        slipway, standing, "train", transactions, "--target", "is_fraud", "--set", "n_estimators=0", "--out", "model",
        says=["n_estimators", "0"],
    )  # fmt: skip


def test_unknown_command_and_option(slipway, tmp_path):
    refuse(slipway, tmp_path, "trian", says=["trian", "train"])
    refuse(slipway, tmp_path, "train", "x.csv", "--targte", "y", says=["--targte", "--target"])


def test_out_where_something_else_stands(slipway, tmp_path, transactions):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/thesis.txt").write_text("years of work")
    refuse(
        slipway, tmp_path, "train", transactions, "--target", "is_fraud", *TRAIN, "--out", "model", says=["model"]
    )  # fmt: skip


def test_score_without_a_column_of_the_model(slipway, standing):
    (standing / "other.csv").write_text("color,size\nred,3\n")
    refuse(slipway, standing, "score", "model", "other.csv", "--out", "scores.csv", says=["other.csv"])


def test_score_keeps_an_earlier_file_when_it_fails(slipway, standing):
    (standing / "scores.csv").write_text("what stood there before\n")
    refuse(slipway, standing, "score", "model", "no_such.csv", "--out", "scores.csv", says=["no_such.csv"])


def test_bundle_that_is_none(slipway, tmp_path, transactions):
    refuse(slipway, tmp_path, "score", "no_such_bundle", transactions, "--out", "scores.csv", says=["no_such_bundle"])


def test_bundle_whose_model_was_changed(slipway, standing, transactions):
    file = standing / "model/model.onnx"
    bytes_ = bytearray(file.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    file.write_bytes(bytes_)
    refuse(slipway, standing, "score", "model", transactions, "--out", "scores.csv", code=1, says=["model.onnx"])


def test_port_in_use(slipway, bundle, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refuse(slipway, tmp_path, "serve", bundle, "--http", f"127.0.0.1:{port}", says=[f"127.0.0.1:{port}", "in use"])


def test_gate_that_fails_publishes_nothing(slipway, make_project):
    folder = make_project(CONFIGURATION.replace('">= 0.05"', '">= 0.9999"'))
    outcome = slipway("run", "slipway.yaml", cwd=folder, code=1)
    assert "average_precision" in outcome.stderr and "0.9999" in outcome.stderr
    assert not list(folder.glob("models/fraud/*")), "nothing is published"
