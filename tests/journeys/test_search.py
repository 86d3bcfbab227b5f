"""Searches as users run them: every method, stopped and killed half-way, and what is left to read afterwards."""

import csv
import json
import os
import pty
import signal
import subprocess
import time

import pytest
from program import contents

CONFIGURATION = """\
name: fraud
source: data/transactions.csv
schema: {{target: is_fraud, id: transaction_id}}
features: {{numeric: [amount, num_transactions], categorical: [channel]}}
learner: random_forest
search:
  {search}
explain: {{permutation_repeats: 1, permutation_rows: 200}}
"""
# Many fits that cannot share: each takes a moment.
SLOW = "folds: 3\n  n_estimators: [60]\n  min_samples_leaf: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]"


def published(folder):
    """What must not depend on how often a search was interrupted."""
    bundle = folder / "models/fraud/1"
    return {name: (bundle / name).read_bytes() for name in ("model.onnx", "search.json", "evaluation.json")}


# The same search of 36 fits, and the same folds' fits of one candidate without a configuration.
COMMANDS = {
    "run": ["run", "slipway.yaml"],
    "train": ["train", "data/transactions.csv", "--target", "is_fraud", "--id", "transaction_id", "--set", "n_estimators=60",
              "--folds", "36", "--name", "fraud", "--out", "models/fraud/1"],
}  # fmt: skip


def wait_for_fits(folder, count, process):
    for _ in range(1200):
        if len(list(folder.rglob("*.fit"))) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError("no finished fit in 24 seconds")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_search_that_was_ended_goes_on(slipway, make_project, tmp_path_factory, how, command):
    folder = make_project(CONFIGURATION.format(search=SLOW))
    process = subprocess.Popen(
        [slipway.path, *COMMANDS[command]], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for_fits(folder, 4, process)
    process.send_signal(how)
    asked = time.monotonic()
    said = process.communicate(timeout=60)[1]
    if how == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        # In order, or by the signal where a loaded machine does not get it done in a second.
        assert process.returncode in (130, -signal.SIGINT)
        assert time.monotonic() - asked < 2, "a second, and one for a loaded machine"
        assert process.returncode != 130 or "goes on from there" in said
    assert not (folder / "models/fraud/1").exists()
    kept = {file.name for file in folder.rglob("*.fit")}
    assert 4 <= len(kept) < 36

    outcome = slipway(*COMMANDS[command], "--threads", 2, cwd=folder)
    assert f"{len(kept)} of 36 fits had been finished before" in outcome.stderr
    assert not list(folder.rglob("*unfinished-*")), "nothing is left once the bundle is there"

    other = tmp_path_factory.mktemp("undisturbed")
    (other / "data").mkdir()
    for name in ("data/transactions.csv", "slipway.yaml"):
        (other / name).write_bytes((folder / name).read_bytes())
    slipway(*COMMANDS[command], "--threads", 1, cwd=other)
    assert published(folder) == published(other)


@pytest.mark.parametrize(
    "search, plan",
    [
        ("method: random\n  iterations: 4\n  n_estimators: {integers: [5, 20]}\n  max_features: [1, 2]", "4 candidates, 5 folds"),
        ("method: halving_grid\n  folds: 2\n  n_estimators: [5, 10]\n  max_depth: [2, 4, 8]\n  min_samples_leaf: [1, 5]", "halving on rows: 12 with"),
        ("method: halving_random\n  folds: 2\n  iterations: 6\n  resource: n_estimators\n  max_resources: 18\n  max_depth: {integers: [2, 9]}", "halving on n_estimators: 6 with 6, 2 with 18,"),
        ("folds: 2\n  repeats: 2\n  n_estimators: [5, 10]", "2 candidates, 4 folds: 4 fits instead of 8"),
    ],
)  # fmt: skip
def test_every_method(slipway, make_project, search, plan):
    folder = make_project(CONFIGURATION.format(search=search))
    slipway("run", "slipway.yaml", cwd=folder)
    document = json.loads((folder / "models/fraud/1/search.json").read_text())
    assert plan in document["plan"]
    run = next(path for path in (folder / "runs").iterdir())
    with open(run / "search.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(document["candidates"])
    for row, candidate in zip(rows, document["candidates"], strict=True):
        assert float(row["mean"]) == candidate["mean"]
        assert row["rank"] == str(candidate["rank"])
        assert all(row[option] == value for option, value in candidate["settings"].items())
        folds = [float(row[name]) for name in row if name.startswith("fold_")]
        assert folds == candidate["scores"]
    best = min(rows, key=lambda row: int(row["rank"]))
    assert document["best"]["n_estimators"] == best["n_estimators"]
    assert '"parallel"' in (run / "report.html").read_text() or len(document["candidates"][0]["settings"]) == 1
    assert json.loads((run / "run.json").read_text())["peak_memory_bytes"] > 1e7


def test_the_best_so_far_on_a_terminal(slipway, make_project):
    folder = make_project(CONFIGURATION.format(search=SLOW.replace("[60]", "[600]")))
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [slipway.path, "run", "slipway.yaml"], cwd=folder, stdout=subprocess.DEVNULL, stderr=terminal, stdin=subprocess.DEVNULL
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert b"best so far" in shown
    assert b"min_samples_leaf=" in shown
    assert b" s left" in shown
    assert b" GB" in shown


def test_mistakes_are_found_before_anything_runs(slipway, make_project):
    for search, said in (
        ("n_estimators: {integers: [5, 10]}", "a grid needs values, not a distribution"),
        ("method: random\n  n_estimators: {integer: [5, 10]}", "log_integers"),
        ("method: halving_grid\n  resource: n_estimater\n  max_depth: [2, 3]", "did you mean 'n_estimators'"),
        ("fold_method: column\n  max_depth: [2, 3]", "belong together"),
        ("random_forest.max_depth: [2, 3]", "no option 'random_forest.max_depth'"),
    ):
        folder = make_project(CONFIGURATION.format(search=search))
        before = contents(folder)
        assert said in slipway("run", "slipway.yaml", cwd=folder, code=2).stderr
        assert contents(folder) == before


def test_a_validation_part_stands_in_for_folds(slipway, make_project):
    """What the validation part says is what a test on those rows says of a model fitted on the training rows alone."""
    plan = """\
name: fraud
source: parts.csv
schema: {target: is_fraud, id: transaction_id}
split: {method: column, column: part}
features: {numeric: [amount, num_transactions], categorical: [channel]}
learner: logistic_regression
search: {C: [0.1]}
explain: {permutation_repeats: 1, permutation_rows: 200}
"""
    results = []
    folder = make_project(plan)
    for version, names in ((1, ("train", "validation", "test")), (2, ("train", "test", ""))):
        with open(folder / "data/transactions.csv", encoding="utf-8") as source:
            rows = list(csv.DictReader(source))
        with open(folder / "parts.csv", "w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, [*rows[0], "part"])
            writer.writeheader()
            for i, row in enumerate(rows):
                writer.writerow({**row, "part": names[(0, 1, 0, 2, 0)[i % 5]]})
        slipway("run", "slipway.yaml", cwd=folder)
        bundle = folder / f"models/fraud/{version}"
        results.append([json.loads((bundle / name).read_text()) for name in ("search.json", "evaluation.json")])
    search, reference = results[0][0], results[1][1]
    assert search["plan"] == "1 candidate, 1 fold: 1 fit"
    validation = search["validation"]
    assert (validation["rows"], validation["folds"]) == (reference["rows"], 1)
    assert search["candidates"][0]["mean"] == pytest.approx(reference["metrics"][search["metric"]], abs=1e-6)
    assert validation["metrics"]["roc_auc"] == pytest.approx(reference["metrics"]["roc_auc"], abs=1e-6)
