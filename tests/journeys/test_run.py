"""`slipway run`: the whole line from a configuration; what is cached; what is published."""

import json
import re

from conftest import CONFIGURATION


def run(slipway, folder, *arguments, code=0):
    return slipway("run", "slipway.yaml", "--json", *arguments, cwd=folder, code=code).document


def test_the_line_leaves_a_bundle_a_record_and_a_report(slipway, project, bundle):
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["name"] == "fraud"
    assert str(manifest["version"]) == "1"
    verification = json.dumps(json.loads((bundle / "verification.json").read_text()))
    assert "difference" in verification
    runs = list((project / "runs").iterdir())
    assert len(runs) == 1
    assert json.loads((runs[0] / "run.json").read_text())
    report = (runs[0] / "report.html").read_text(encoding="utf-8")
    assert "average precision" in report.lower().replace("_", " ")
    assert not re.search(r"(src|href)=[\"']?https?:|@import", report), "a report needs no network"


def test_second_run_takes_stages_from_the_cache(slipway, make_project):
    folder = make_project()
    first = run(slipway, folder)
    second = run(slipway, folder)
    assert first["metrics"] == second["metrics"]
    assert not first.get("cached")
    assert "train" in second["cached"]
    spent = {name: document["seconds"]["search"] + document["seconds"]["fit"] for name, document in (("first", first), ("second", second))}
    assert spent["second"] < 0.5 * spent["first"]


def test_each_publication_is_a_version(slipway, make_project):
    folder = make_project()
    run(slipway, folder)
    (folder / "slipway.yaml").write_text(CONFIGURATION.replace("max_depth: [5, 10]", "max_depth: [3]"), encoding="utf-8")
    run(slipway, folder)
    assert {path.name for path in (folder / "models/fraud").iterdir() if path.is_dir()} == {"1", "2"}
    first, second = ((folder / f"models/fraud/{version}/model.onnx").read_bytes() for version in (1, 2))
    assert first != second
    models = slipway("models", "list", "--json", cwd=folder).document["models"]
    assert [(model["name"], model["version"]) for model in models] == [("fraud", 1), ("fraud", 2)]
    assert models[0]["aliases"] == ["champion"]
    # A gate that fails leaves the champion and the history as they were; what differs is shown.
    before = (folder / "models/registry.jsonl").read_bytes()
    refused = slipway("models", "promote", "fraud/2", "--gate", "roc_auc >= 1.01", cwd=folder, code=1)
    assert "roc_auc" in refused.stderr
    assert (folder / "models/registry.jsonl").read_bytes() == before
    assert "model.onnx" in slipway("models", "diff", "fraud/2", "fraud/1", cwd=folder).stdout
    slipway("models", "promote", "fraud/2", "--why", "a test", "--gate", "roc_auc > 0.1", cwd=folder)
    last = json.loads((folder / "models/registry.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "promote" and "roc_auc > 0.1" in last["gates"]
    models = slipway("models", "list", "--json", cwd=folder).document["models"]
    assert [model["aliases"] for model in models] == [[], ["champion"]]
    slipway("models", "roll-back", "fraud", cwd=folder)
    assert slipway("models", "show", "fraud", "--json", cwd=folder).document["version"] == 1
    slipway("models", "verify", cwd=folder)


def test_any_number_of_threads_gives_the_same_published_model(slipway, make_project):
    folder = make_project()
    models = set()
    for threads in (1, 2):
        run(slipway, folder, "--threads", threads, "--no-cache")
        models.add((folder / f"models/fraud/{threads}/model.onnx").read_bytes())
    assert len(models) == 1


def test_a_damaged_history_shows(slipway, make_project):
    folder = make_project()
    run(slipway, folder)
    history = folder / "models/registry.jsonl"
    text = history.read_text()
    history.write_text(text.replace('"register"', '"registre"', 1))
    slipway("models", "verify", cwd=folder, code=1)


def test_configuration_from_init_runs(slipway, tmp_path, transactions):
    slipway("init", "--data", transactions, "--target", "is_fraud", "--name", "first", cwd=tmp_path)
    text = (tmp_path / "slipway.yaml").read_text()
    (tmp_path / "slipway.yaml").write_text(
        text.replace("[100, 200, 300]", "[10]").replace("[5, 10, 15]", "[5]").replace("[2, 5, 10]", "[2]")
    )
    run(slipway, tmp_path)
    assert (tmp_path / "models/first/1/model.onnx").is_file()
    slipway("init", cwd=tmp_path, code=2)


def test_runs_are_listed(slipway, project):
    document = slipway("runs", "--json", cwd=project).document
    assert len(document["runs"]) == 1
