"""What a run says of its model: the report and its numbers, models without signal, thresholds by cost, slices, compare."""

import html.parser
import json
import random
import re
import shutil
import subprocess

import pytest
from conftest import CONFIGURATION

JUDGED = CONFIGURATION.replace(
    'evaluate: {threshold: {maximise: f1}, gates: {average_precision: ">= 0.05"}}',
    """evaluate:
  threshold: {minimise: cost}
  costs: {false_negative: amount, false_positive: 5}
  slices: [channel, amount]
  gates: {average_precision: ">= 0.05", recall by channel: ">= 0"}
card: {owner: Ann, purpose: "stop | fraud"}
""",
)
JUDGED = JUDGED.replace("[amount, num_transactions]}", "[amount, num_transactions, state, [amount, channel]]}")
assert "costs:" in JUDGED and "[amount, channel]" in JUDGED


@pytest.fixture(scope="module")
def judged(slipway, transactions, tmp_path_factory):
    """A project with costs and slices, run twice with different forests: the runs' folders, the better one first."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "data").mkdir()
    (folder / "data/transactions.csv").write_bytes(transactions.read_bytes())
    runs = []
    for configuration in (JUDGED, JUDGED.replace("max_depth: [5, 10]", "max_depth: [1]")):
        (folder / "slipway.yaml").write_text(configuration, encoding="utf-8")
        document = slipway("run", "slipway.yaml", "--json", cwd=folder).document
        runs.append(folder / "runs" / document["run"])
    return folder, runs


class Sources(html.parser.HTMLParser):
    """The texts of a page by where they say they come from, and the numbers that do not say it."""

    def __init__(self, text):
        super().__init__()
        self.found, self.charts, self.unsourced = [], [], []
        self.open, self.section = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "section":
            self.section = attributes.get("id", "")
        if tag in ("input", "meta", "br"):
            return
        source = attributes.get("data-source")
        numeric = tag == "b" or (tag == "td" and "n" in (attributes.get("class") or "").split())
        if attributes.get("class") == "chart":
            self.charts.append([source, ""])
        self.open.append([tag, source, "", numeric, attributes.get("type") == "application/json"])

    def handle_data(self, data):
        if self.open:
            self.open[-1][2] += data

    def handle_endtag(self, tag):
        while self.open:
            name, source, text, numeric, data = self.open.pop()
            if data and self.charts and not self.charts[-1][1]:
                self.charts[-1][1] = text
            elif source and text.strip():
                self.found.append((source, text))
            elif numeric and any(c.isdigit() for c in text) and not source:
                self.unsourced.append((self.section, text))
            if name == tag:
                break


def lookup(folder, source):
    file, _, pointer = source.partition("#")
    value = json.loads((folder / file).read_text(encoding="utf-8"))
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def numbers_in(value):
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers_in(one)]
    if isinstance(value, list):
        return [number for one in value for number in numbers_in(one)]
    return [float(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def test_every_number_of_the_report_is_in_its_documents(judged):
    _, runs = judged
    page = Sources((runs[0] / "report.html").read_text(encoding="utf-8"))
    assert len(page.found) > 300
    for source, text in page.found:
        value = lookup(runs[0], source)
        if text.startswith("ratio "):  # of the card: the groups' names follow
            text = text.partition(" (")[0]
        shown = [float(number) for number in re.findall(r"(?<![\w.])-?\d+\.?\d*(?:e[+-]?\d+)?", text)]
        if isinstance(value, str):
            assert text == value, source
            continue
        known = numbers_in(value)
        if not shown or not known:
            continue
        if "(" in text and "/metrics/" in source:  # a group's measure with its interval
            known += numbers_in(lookup(runs[0], source.replace("/metrics/", "/intervals/")))
        for number in shown:
            rounded = {float(f"{true:.{digits}g}") for true in known for digits in (3, 4, 5)}
            rounded |= {float(f"{true:.2g}") for true in known} if len(text) < 8 else set()
            assert number in rounded or number in map(round, known), (source, text, known[:5])
    # What is no number of a document names itself: the order of advice, the run's seed.
    assert {section for section, _ in page.unsourced} <= {"bias-and-variance", "lineage"}, page.unsourced
    assert len(page.charts) > 8 and all(source for source, _ in page.charts)
    by_source = dict(page.charts)
    roc = json.loads(by_source["evaluation.json#/roc"])["series"][0]["data"]
    true = lookup(runs[0], "evaluation.json#/roc")
    assert len(roc) == len(true)
    assert [x for point in roc for x in point] == pytest.approx([x for point in true for x in point[:2]], rel=1e-3, abs=1e-9)


def test_the_report_shows_what_the_model_rests_on(judged):
    """Importance three ways with intervals, dependence on one input with single rows and on two at once."""
    _, runs = judged
    page = Sources((runs[0] / "report.html").read_text(encoding="utf-8"))
    charts = {source: json.loads(text) for source, text in page.charts}
    for source, value in (
        ("permutation_importance", "mean"), ("mean_contributions", "mean_absolute_contribution"), ("impurity_importance", "share"),
    ):  # fmt: skip
        entries = lookup(runs[0], f"explanation.json#/{source}")
        entries = entries["inputs"] if isinstance(entries, dict) else entries
        series = charts[f"explanation.json#/{source}"]["series"]
        assert series[0]["data"] == pytest.approx([entry[value] for entry in entries], rel=1e-3)
        if "low" in entries[0]:
            whiskers = [[box[0], box[-1]] for box in series[1]["data"]]
            assert sum(whiskers, []) == pytest.approx(sum(([e["low"], e["high"]] for e in entries), []), rel=1e-3, abs=1e-9)
    cited = {source for source, _ in page.found}
    assert {"explanation.json#/permutation_importance/inputs/0", "explanation.json#/impurity_importance/0/share"} <= cited
    lines = charts["explanation.json#/partial_dependence/0"]["series"]
    curves = lookup(runs[0], "explanation.json#/partial_dependence/0/curves")
    assert [line["name"] for line in lines].count("single rows") == len(curves) == 20
    pair = lookup(runs[0], "explanation.json#/pair_dependence/0")
    cells = charts["explanation.json#/pair_dependence/0"]["series"][0]["data"]
    width = len(pair["second"]["grid"])
    assert len(cells) == len(pair["mean"]) > 4
    assert [cell[2] for cell in cells] == pytest.approx([pair["mean"][x * width + y] for x, y, _ in cells], rel=1e-3)


def test_the_report_in_a_browser(judged, tmp_path):
    """Headless Chromium draws every chart and has nothing to complain about."""
    chromium = shutil.which("chromium")
    assert chromium, "scripts/bootstrap --test installs chromium"
    _, runs = judged
    run = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}",
         "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", (runs[0] / "report.html").as_uri()],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    complaints = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    assert not complaints, complaints
    charts = run.stdout.count('class="chart"')
    assert charts > 8
    assert len(re.findall(r"<svg ", run.stdout)) >= charts


def test_evaluation_answers_what_a_reviewer_asks(judged):
    folder, runs = judged
    evaluation = json.loads((runs[0] / "evaluation.json").read_text())
    assert set(evaluation["parts"]) == {"train", "validation", "test"}
    assert len(evaluation["parts"]["validation"]["spread"]["average_precision"]["folds"]) == 3
    assert evaluation["linear"]["metrics"]["roc_auc"] > 0.5
    assert [slice["column"] for slice in evaluation["slices"]] == ["channel", "amount"]
    assert sum(group["rows"] for group in evaluation["slices"][1]["groups"]) == evaluation["rows"]
    curve = [point["rows"] for point in evaluation["fit"]["learning_curve"]["points"]]
    assert len(curve) == 5 and curve == sorted(curve)
    parts = evaluation["fit"]["decomposition"]
    assert parts["error"] == pytest.approx(parts["variance"] + parts["bias"] + parts["noise"], rel=1e-9)
    chosen, points = evaluation["thresholds"]["chosen"], evaluation["thresholds"]["points"]
    assert chosen["cost"] <= evaluation["thresholds"]["cost_of_no_alert"]
    assert min(point["cost"] for point in points) <= chosen["cost"] <= 1.5 * min(point["cost"] for point in points)
    report = runs[0] / "report.html"
    assert report.stat().st_size < 2_000_000
    card = (folder / "models/fraud/1/card.md").read_text(encoding="utf-8")
    assert "| owner | Ann |" in card and "stop \\| fraud" in card
    assert f"{evaluation['metrics']['roc_auc']:.4g}" in card


def test_more_rows_give_a_report_no_larger(slipway, judged, tmp_path):
    _, runs = judged
    slipway("sample", "fraud", "--rows", 80000, "--seed", 1, "--out", "transactions.csv", cwd=tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "transactions.csv").rename(tmp_path / "data/transactions.csv")
    (tmp_path / "slipway.yaml").write_text(JUDGED, encoding="utf-8")
    run = slipway("run", "slipway.yaml", "--json", cwd=tmp_path).document["run"]
    large, small = (len((folder / "report.html").read_bytes()) for folder in (tmp_path / "runs" / run, runs[0]))
    assert large < small + 60_000


def test_compare(slipway, judged, tmp_path):
    folder, runs = judged
    document = slipway("compare", runs[0].name, runs[1].name, "--out", tmp_path / "comparison.html", "--json", cwd=folder).document
    paired = {measure["name"]: measure for measure in document["paired"]["measures"]}
    first = json.loads((runs[0] / "evaluation.json").read_text())["metrics"]
    assert paired["roc_auc"]["first"] == pytest.approx(first["roc_auc"], abs=1e-12)
    assert paired["average_precision"]["difference"] < 0
    low, high = paired["average_precision"]["interval"]
    assert low <= paired["average_precision"]["difference"] <= high
    assert 0 < paired["log_loss"]["p_value"] <= 1
    assert document["paired"]["rows"] == json.loads((runs[0] / "evaluation.json").read_text())["rows"]
    learner = json.loads((runs[0] / "search.json").read_text())["learner"]
    assert document["settings"][0] == {"name": "learner", "first": learner, "second": learner, "same": True}
    assert len((tmp_path / "comparison.html").read_text(encoding="utf-8")) < 2_000_000
    bundles = slipway("compare", "models/fraud/1", "models/fraud/2", "--json", cwd=folder).document
    assert bundles["paired"]["measures"] == document["paired"]["measures"]
    same = slipway("compare", "models/fraud/1", "models/fraud/1", "--fail-if-worse", "--json", cwd=folder).document
    assert same["same_model"] and same["paired"]["verdict"] == "no_difference"
    slipway("compare", "models/fraud/1", "nothing", cwd=folder, code=2)


def test_a_gate_on_a_slice(slipway, make_project):
    folder = make_project(JUDGED.replace("recall by channel: \">= 0\"", "recall by channel: \">= 1.5\""))
    outcome = slipway("run", "slipway.yaml", cwd=folder, code=1)
    assert "by channel" in outcome.stderr
    (folder / "slipway.yaml").write_text(JUDGED.replace("slices: [channel, amount]", "slices: [chanel]"), encoding="utf-8")
    assert "did you mean 'channel'" in slipway("run", "slipway.yaml", cwd=folder, code=2).stderr


def write(file, rows):
    file.write_text("\n".join(["x,z,day,part,y", *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")


def run_small(slipway, folder, split, seed, truth, size=1000, part=lambda i: "train"):
    chance = random.Random(seed)
    rows = []
    for i in range(size):
        x, z = chance.random(), chance.random()
        rows.append([f"{x:.5f}", f"{z:.5f}", f"2026-01-{1 + i * 25 // size:02d}", part(i), truth(i, x, chance)])
    write(folder / "rows.csv", rows)
    (folder / "slipway.yaml").write_text(
        f"name: small\nsource: rows.csv\nschema: {{target: y, time: day}}\nsplit: {split}\nsearch: {{folds: 3}}\n"
        "features: {numeric: [x, z]}\nevaluate: {slices: [z]}\nlearner: {random_forest: {n_estimators: 30, max_depth: 6}}\n",
        encoding="utf-8",
    )
    slipway("run", "slipway.yaml", cwd=folder)
    bundle = folder / "models/small/1"
    return json.loads((bundle / "evaluation.json").read_text()), (bundle / "report.html").read_text(encoding="utf-8")


def test_a_model_without_signal_is_called_that(slipway, tmp_path):
    evaluation, report = run_small(slipway, tmp_path, "{test: 0.3}", 1, lambda i, x, chance: int(chance.random() < 0.2))
    assert evaluation["fit"]["verdict"] == "no_signal"
    assert "no better than a constant prediction" in report


def test_a_perfect_model_is_suspicious(slipway, tmp_path):
    evaluation, report = run_small(slipway, tmp_path, "{test: 0.3}", 2, lambda i, x, chance: int(x > 0.7))
    assert evaluation["fit"]["verdict"] == "suspicious"
    assert "as good as perfect" in report
    assert evaluation["metrics"]["roc_auc"] > 0.999
    assert evaluation["intervals"]["roc_auc"][1] <= 1


def test_a_test_set_without_positives(slipway, tmp_path):
    evaluation, report = run_small(
        slipway, tmp_path, "{method: time, test: 0.2}", 3, lambda i, x, chance: int(x > 0.6 and i < 760)
    )
    assert evaluation["positives"] == 0 and "roc_auc" not in evaluation["metrics"]
    assert evaluation["calibration_check"]["verdict"] == "undefined"
    assert "hold no positive" in report


def test_a_test_set_of_one_row(slipway, tmp_path):
    evaluation, report = run_small(
        slipway, tmp_path, "{method: column, column: part}", 4, lambda i, x, chance: int(x > 0.6), 90,
        lambda i: "test" if i == 89 else "train",
    )  # fmt: skip
    assert evaluation["rows"] == 1
    assert "NaN" not in json.dumps(evaluation)
    assert "roc_auc" not in evaluation["metrics"] and evaluation["metrics"]["accuracy"] in (0, 1)
    # Wilson: one row says next to nothing of the accuracy.
    assert evaluation["intervals"]["accuracy"][1] - evaluation["intervals"]["accuracy"][0] > 0.75
    assert "too few test rows to shuffle" in report
    assert "there are no curves" in report
