"""Every metric equals scikit-learn's to 1e-12 on thousands of random cases: ties, weights, zero weights, single classes."""

import json
import math
import os
import pathlib
import subprocess
import warnings

import numpy
import pandas
import pytest
import scipy.stats
import sklearn
import sklearn.calibration
import sklearn.metrics as sk

TOP = pathlib.Path(__file__).resolve().parents[2]
DRIVER = TOP / os.environ.get("SLIPWAY_BUILD", "build/release") / "tests/conformance/metric_values"
CLOSE = 1e-12


def answers(cases):
    """What the library says of each case; null for undefined."""
    lines = "\n".join(json.dumps({key: as_list(value) for key, value in case.items()}) for case in cases) + "\n"
    run = subprocess.run([str(DRIVER)], input=lines, capture_output=True, text=True, check=True, timeout=300)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(found) == len(cases)
    return found


def as_list(value):
    return value.tolist() if isinstance(value, numpy.ndarray) else value


def agree(case, name, found, expected):
    """None of ours is an undefined number (or an error) of theirs."""
    if expected is None or math.isnan(expected):
        assert found is None, f"{name}: {found}, scikit-learn has none: {case}"
    else:
        assert found is not None and found == pytest.approx(expected, rel=CLOSE, abs=CLOSE), f"{name}: {found}, {expected}: {case}"


def theirs(function, *arguments, **named):
    """A metric of scikit-learn; None where it refuses."""
    try:
        return float(function(*arguments, **named))
    except ValueError:
        return None


@pytest.fixture(autouse=True)
def quiet():
    with sklearn.config_context(skip_parameter_validation=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def rows_of(random):
    return int(random.choice([1, 2, 3, 5, 17, 60, 200, 700]))


def weights_of(random, rows):
    """float32 values, as float64 so that scikit-learn sums in double precision too."""
    kind = random.integers(4)
    if kind == 0:
        return random.uniform(0.1, 3, rows).astype(numpy.float32).astype(float)
    if kind == 1 and rows > 2:
        weights = random.integers(0, 3, rows).astype(float)
        weights[0] = 1
        return weights
    return None


def probabilities_of(random, rows, columns):
    """Rows that sum to 1, many of them tied."""
    kind = random.integers(3)
    if columns == 2:
        positive = random.random(rows)
        if kind == 0:
            positive = random.integers(0, 5, rows) / 4
        if kind == 1:
            positive = numpy.round(positive, 2)
        positive = positive.astype(numpy.float32)
        return [numpy.float32(1) - positive, positive]
    table = random.dirichlet([0.7] * columns, rows)
    if kind == 0:
        table = random.multinomial(8, [1 / columns] * columns, rows) / 8
    return list(table.T.astype(numpy.float32))


def binary_case(random):
    rows = rows_of(random)
    scores = probabilities_of(random, rows, 2)
    labels = (random.random(rows) < random.choice([0.02, 0.3, 0.5, 0.9])).astype(int)
    if random.integers(2):
        labels = (random.random(rows) < 0.8 * scores[1] + 0.1).astype(int)
    if random.integers(12) == 0:
        labels[:] = random.integers(2)
    threshold = float(numpy.float32(random.choice([0.5, 0.25, float(random.choice(scores[1]))])))
    case = {"task": "binary", "labels": labels, "scores": [column.tolist() for column in scores], "threshold": threshold}
    weights = weights_of(random, rows)
    if weights is not None:
        case["weights"] = weights
    return case


BINARY = (
    "average_precision roc_auc log_loss brier f1 f2 f0.5 precision recall f1_macro precision_macro recall_macro f1_weighted "
    "precision_weighted recall_weighted accuracy balanced_accuracy matthews kappa recall_at_fpr_0.1 fpr_at_recall_0.8 "
    "precision_at_recall_0.5 recall_at_precision_0.6 precision_at_10"
).split()


def binary_expected(case):
    truth = case["labels"]
    score = numpy.array(case["scores"][1])
    weight = case.get("weights")
    label = (score >= case["threshold"]).astype(int)
    out = {}
    for average, ending in (("binary", ""), ("macro", "_macro"), ("weighted", "_weighted")):
        for beta, name in ((1, "f1"), (2, "f2"), (0.5, "f0.5")):
            if beta != 1 and ending:
                continue
            labels = None if average != "binary" else [0, 1]
            # `labels` of the binary average must hold the positive class even where no row has it
            named = {"average": average, "beta": beta, "zero_division": 0, "sample_weight": weight}
            if average == "binary":
                both = sk.precision_recall_fscore_support(truth, label, labels=labels, **{**named, "average": None})
                values = [part[1] for part in both[:3]]
            else:
                values = sk.precision_recall_fscore_support(truth, label, **named)[:3]
            out[name + ending] = float(values[2])
            if beta == 1:
                out["precision" + ending], out["recall" + ending] = float(values[0]), float(values[1])
    out["accuracy"] = theirs(sk.accuracy_score, truth, label, sample_weight=weight)
    out["balanced_accuracy"] = theirs(sk.balanced_accuracy_score, truth, label, sample_weight=weight)
    out["matthews"] = theirs(sk.matthews_corrcoef, truth, label, sample_weight=weight)
    out["kappa"] = theirs(sk.cohen_kappa_score, truth, label, labels=[0, 1], sample_weight=weight)
    counted = numpy.ones(len(truth), bool) if weight is None else numpy.array(weight) > 0
    single = len(numpy.unique(truth[counted])) < 2
    out["roc_auc"] = None if single else theirs(sk.roc_auc_score, truth, score, sample_weight=weight)
    out["average_precision"] = theirs(sk.average_precision_score, truth, score, sample_weight=weight)
    pair = numpy.array(case["scores"]).T
    out["log_loss"] = theirs(sk.log_loss, truth, pair, labels=[0, 1], sample_weight=weight)
    out["brier"] = theirs(sk.brier_score_loss, truth, score, labels=[0, 1], sample_weight=weight)
    if single:
        out["recall_at_fpr_0.1"] = out["fpr_at_recall_0.8"] = None
    else:
        fpr, tpr, _ = sk.roc_curve(truth, score, sample_weight=weight, drop_intermediate=False)
        out["recall_at_fpr_0.1"] = float(tpr[fpr <= 0.1].max())
        out["fpr_at_recall_0.8"] = float(fpr[tpr >= 0.8].min())
    if truth[counted].any():
        precision, recall, _ = sk.precision_recall_curve(truth, score, sample_weight=weight)
        out["precision_at_recall_0.5"] = float(precision[:-1][recall[:-1] >= 0.5].max())
        out["recall_at_precision_0.6"] = float(recall[:-1][precision[:-1] >= 0.6].max(initial=0))
    else:
        out["precision_at_recall_0.5"] = out["recall_at_precision_0.6"] = None
    out["precision_at_10"] = top_precision(truth, score, weight, 10)
    return out


def top_precision(truth, score, weight, count):
    """The mean over all orders of tied rows, from its definition."""
    weight = numpy.ones(len(truth)) if weight is None else numpy.array(weight, float)
    before = good = 0.0
    for value in sorted(set(score[weight > 0]), reverse=True):
        here = weight[score == value].sum()
        hits = (weight * truth)[score == value].sum()
        take = min(here, count - before)
        good += hits * take / here
        before += take
        if before >= count:
            break
    return good / before


def test_precision_of_the_first():
    """scikit-learn's precision where exactly the highest rows are called positive; of ties the mean over their orders."""
    random = numpy.random.default_rng(7)
    cases = []
    for _ in range(300):
        rows, tied = int(random.integers(10, 60)), bool(random.integers(2))
        score = random.permutation(rows) / rows if not tied else random.integers(0, 4, rows) / 4
        labels = (random.random(rows) < 0.4).astype(int)
        score = score.astype(numpy.float32)
        cases.append({"labels": labels, "scores": [(1 - score).tolist(), score.tolist()], "metrics": ["precision_at_7"]})
    for case, found in zip(cases, answers(cases)):
        truth, score = case["labels"], numpy.array(case["scores"][1])
        tied = len(set(score)) < len(score)
        values = []
        for _ in range(2000 if tied and len(values_checked) < 20 else 1):
            order = random.permutation(len(score))
            called = numpy.zeros(len(score), int)
            called[order[numpy.argsort(-score[order], kind="stable")[:7]]] = 1
            values.append(sk.precision_score(truth, called) if not tied else truth[called == 1].mean())
        if not tied:
            assert found["precision_at_7"] == pytest.approx(values[0], abs=CLOSE)
        elif len(values) > 1:
            values_checked.append(1)
            assert found["precision_at_7"] == pytest.approx(numpy.mean(values), abs=0.02)
    assert len(values_checked) == 20


values_checked = []


def test_calibration_error():
    """The bins are those of scikit-learn's calibration_curve with strategy='quantile'; the error is their weighted gap."""
    random = numpy.random.default_rng(6)
    cases, compared = [], 0
    for _ in range(600):
        case = binary_case(random)
        case.pop("weights", None)
        cases.append({**case, "metrics": ["reliability", "ece"]})
    for case, found in zip(cases, answers(cases)):
        truth, score = case["labels"], numpy.array(case["scores"][1], float)
        if (len(score) - 1) % 10 == 0 and len(score) > 1:
            continue  # a quantile is a score itself, and scikit-learn's interpolation may miss it by a rounding
        observed, predicted = sklearn.calibration.calibration_curve(truth, score, n_bins=10, strategy="quantile")
        bins = numpy.array(found["reliability"])
        assert bins[:, 1] == pytest.approx(predicted, abs=1e-12) and bins[:, 2] == pytest.approx(observed, abs=1e-12), case
        cuts = numpy.percentile(score, numpy.arange(10, 100, 10))
        counts = numpy.bincount(numpy.searchsorted(cuts, score), minlength=10)
        counts = counts[counts > 0]
        assert found["ece"] == pytest.approx((counts * abs(observed - predicted)).sum() / len(score), abs=1e-12)
        compared += 1
    print(f"{compared} calibration curves compared with scikit-learn's")
    assert compared > 400


def test_two_classes():
    random = numpy.random.default_rng(1)
    cases = [{**binary_case(random), "metrics": BINARY} for _ in range(1000)]
    undefined = 0
    for case, found in zip(cases, answers(cases)):
        expected = binary_expected(case)
        assert set(expected) == set(BINARY)
        for name in BINARY:
            agree(case, name, found[name], expected[name])
            undefined += found[name] is None
    print(f"{len(cases)} cases of two classes, {len(cases) * len(BINARY)} values compared, {undefined} of them undefined")
    assert 0 < undefined < len(cases) * len(BINARY) / 10


SEVERAL = (
    "f1 precision recall f1_weighted precision_weighted recall_weighted f1_micro f2 accuracy balanced_accuracy matthews kappa "
    "log_loss brier roc_auc roc_auc_weighted roc_auc_micro roc_auc_ovo roc_auc_ovo_weighted average_precision "
    "average_precision_weighted average_precision_micro top_1_accuracy top_2_accuracy"
).split()


def several_expected(case, columns):
    truth, weight = case["labels"], case.get("weights")
    table = numpy.array(case["scores"]).T
    label = table.argmax(axis=1)
    classes = numpy.arange(columns)
    out = {}
    for average, ending in (("macro", ""), ("weighted", "_weighted"), ("micro", "_micro")):
        named = {"average": average, "zero_division": 0, "sample_weight": weight}
        values = sk.precision_recall_fscore_support(truth, label, **named)
        out["f1" + ending] = float(values[2])
        if average != "micro":
            out["precision" + ending], out["recall" + ending] = float(values[0]), float(values[1])
    out["f2"] = float(sk.fbeta_score(truth, label, beta=2, average="macro", zero_division=0, sample_weight=weight))
    out["accuracy"] = theirs(sk.accuracy_score, truth, label, sample_weight=weight)
    out["balanced_accuracy"] = theirs(sk.balanced_accuracy_score, truth, label, sample_weight=weight)
    out["matthews"] = theirs(sk.matthews_corrcoef, truth, label, sample_weight=weight)
    out["kappa"] = theirs(sk.cohen_kappa_score, truth, label, labels=classes, sample_weight=weight)
    out["log_loss"] = theirs(sk.log_loss, truth, table, labels=classes, sample_weight=weight)
    out["brier"] = theirs(sk.brier_score_loss, truth, table, labels=classes, sample_weight=weight)
    counted = numpy.ones(len(truth), bool) if weight is None else numpy.array(weight) > 0
    one_hot = (truth[:, None] == classes).astype(int)
    present = one_hot[counted].any(axis=0)
    absent = not present.all() or one_hot[counted].all(axis=0).any()
    for average, ending in (("macro", ""), ("weighted", "_weighted"), ("micro", "_micro")):
        undefined = absent and average != "micro"
        out["roc_auc" + ending] = None if undefined else theirs(sk.roc_auc_score, one_hot, table, average=average, sample_weight=weight)
        out["average_precision" + ending] = theirs(sk.average_precision_score, one_hot, table, average=average, sample_weight=weight)
    for average, ending in (("macro", ""), ("weighted", "_weighted")):
        pairs_absent = not one_hot.any(axis=0).all()
        out["roc_auc_ovo" + ending] = (
            None if pairs_absent else theirs(sk.roc_auc_score, truth, table, labels=classes, multi_class="ovo", average=average)
        )
    for most in (1, 2):
        out[f"top_{most}_accuracy"] = theirs(sk.top_k_accuracy_score, truth, table, k=most, labels=classes, sample_weight=weight)
    return out


def test_several_classes():
    random = numpy.random.default_rng(2)
    cases, sizes = [], []
    for _ in range(500):
        rows, columns = rows_of(random), int(random.choice([3, 4, 6]))
        scores = probabilities_of(random, rows, columns)
        # float32 rows that sum to 1 within scikit-learn's own tolerance for float64
        labels = random.integers(0, columns if random.integers(4) else columns - 1, rows)
        case = {"task": "multiclass", "labels": labels, "scores": [column.tolist() for column in scores], "metrics": SEVERAL}
        weights = weights_of(random, rows)
        if weights is not None:
            case["weights"] = weights
        cases.append(case)
        sizes.append(columns)
    for case, columns, found in zip(cases, sizes, answers(cases)):
        expected = several_expected(case, columns)
        assert set(expected) == set(SEVERAL)
        for name in SEVERAL:
            agree(case, name, found[name], expected[name])
    print(f"{len(cases)} cases of several classes, {len(cases) * len(SEVERAL)} values compared")


NUMBERS = "rmse mae r2 mape quantile_loss_0.9 quantile_loss_0.25 poisson_deviance gamma_deviance tweedie_deviance_1.5".split()


def test_numbers():
    random = numpy.random.default_rng(3)
    cases = []
    for _ in range(1200):
        rows = rows_of(random)
        kind = random.integers(4)
        targets = random.normal(size=rows) if kind == 0 else random.gamma(2, 2, rows)
        if kind == 2:
            targets = random.poisson(1, rows).astype(float)
        predictions = targets + random.normal(size=rows) if kind == 0 else random.gamma(2, 2, rows)
        if kind == 3:
            targets[:] = targets[0]
            predictions = targets.copy() if random.integers(2) else predictions
        case = {"task": "regression", "targets": targets.astype(numpy.float32), "metrics": NUMBERS}
        case["scores"] = [predictions.astype(numpy.float32).tolist()]
        weights = weights_of(random, rows)
        if weights is not None:
            case["weights"] = weights
        cases.append(case)
    for case, found in zip(cases, answers(cases)):
        truth = case["targets"].astype(float)
        guess = numpy.array(case["scores"][0])
        named = {"sample_weight": case.get("weights")}
        expected = {
            "rmse": theirs(sk.root_mean_squared_error, truth, guess, **named),
            "mae": theirs(sk.mean_absolute_error, truth, guess, **named),
            "r2": theirs(sk.r2_score, truth, guess, **named),
            "mape": theirs(sk.mean_absolute_percentage_error, truth, guess, **named),
            "quantile_loss_0.9": theirs(sk.mean_pinball_loss, truth, guess, alpha=0.9, **named),
            "quantile_loss_0.25": theirs(sk.mean_pinball_loss, truth, guess, alpha=0.25, **named),
            "poisson_deviance": theirs(sk.mean_poisson_deviance, truth, guess, **named),
            "gamma_deviance": theirs(sk.mean_gamma_deviance, truth, guess, **named),
            "tweedie_deviance_1.5": theirs(sk.mean_tweedie_deviance, truth, guess, power=1.5, **named),
        }
        weighted = truth[case["weights"] > 0] if "weights" in case else truth
        if len(truth) > 1 and (weighted == weighted[0]).all():
            # scikit-learn's 0 or 1 of a constant target, which its rounded mean can miss
            expected["r2"] = 1.0 if expected["mae"] == 0 else 0.0
        for name in NUMBERS:
            agree(case, name, found[name], expected[name])


def handbook_card_precision(table, count):
    """Card precision top-k of the Fraud Detection Handbook (chapter 4, section 4), with pandas as there: of each day the
    cards by their highest score, without those that an earlier day has found."""
    found, of_days = [], []
    for _, day in table.sort_values("day", kind="stable").groupby("day"):
        cards = day[~day["card"].isin(found)].groupby("card")[["score", "fraud"]].max()
        first = cards.sort_values("score", ascending=False, kind="stable").head(count)
        hits = first.index[first["fraud"] == 1]
        of_days.append(len(hits) / count)
        found.extend(hits)
    return float(numpy.mean(of_days))


def test_card_precision():
    random = numpy.random.default_rng(4)
    cases = []
    for k in range(100):
        rows = int(random.integers(1, 400)) if k < 90 else 6000
        scores = numpy.round(random.random(rows), 2).astype(numpy.float32)
        cases.append(
            {
                "labels": (random.random(rows) < 0.2).astype(int),
                "scores": [(1 - scores).tolist(), scores.tolist()],
                "days": random.integers(0, 6, rows),
                "cards": random.integers(0, 40 if k < 90 else 500, rows),
                "metrics": ["card_precision_at_5", "card_precision_at_100"],
            }
        )
    for case, found in zip(cases, answers(cases)):
        table = pandas.DataFrame(
            {"fraud": case["labels"], "score": numpy.float32(case["scores"][1]), "day": case["days"], "card": case["cards"]}
        )
        for count in (5, 100):
            assert found[f"card_precision_at_{count}"] == pytest.approx(handbook_card_precision(table, count), abs=CLOSE)


def covariance_of_components(truth, scores):
    """DeLong's covariance from its definition: all pairs of a positive and a negative row."""
    parts = []
    for score in scores:
        wins = numpy.sign(score[truth == 1][:, None] - score[truth == 0][None, :]) / 2 + 0.5
        parts.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    out = numpy.zeros((len(scores), len(scores)))
    for i, a in enumerate(parts):
        for j, b in enumerate(parts):
            for k in (1, 2):
                if len(a[k]) > 1:
                    out[i, j] += ((a[k] - a[0]) * (b[k] - b[0])).sum() / (len(a[k]) - 1) / len(a[k])
    return [part[0] for part in parts], out


def test_intervals_and_paired_tests():
    random = numpy.random.default_rng(5)
    cases = []
    for _ in range(400):
        case = binary_case(random)
        case.pop("weights", None)
        rows = len(case["labels"])
        other = numpy.array(case["scores"][1]) + numpy.round(random.normal(size=rows), 1) * 0.3
        trials = int(random.integers(1, 50))
        case.update(
            other=other.astype(numpy.float32), metrics=["delong", "compare", "mcnemar", "wilson"], trials=trials,
            successes=int(random.integers(0, trials + 1)),
        )  # fmt: skip
        cases.append(case)
    for case, found in zip(cases, answers(cases)):
        truth = case["labels"]
        first, second = numpy.array(case["scores"][1]), case["other"].astype(float)
        interval = scipy.stats.binomtest(case["successes"], case["trials"]).proportion_ci(method="wilson")
        assert found["wilson"] == pytest.approx([interval.low, interval.high], abs=CLOSE)
        right = [(score >= case["threshold"]) == truth for score in (first, second)]
        only = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
        p_value = scipy.stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0
        assert found["mcnemar"] == pytest.approx([*only, p_value], abs=1e-9)
        if truth.min() == truth.max():
            assert found["delong"] is None and found["compare"] is None
            continue
        area, covariance = covariance_of_components(truth, [first, second])
        deviation = math.sqrt(max(0, covariance[0, 0]))
        expected = [area[0], covariance[0, 0], max(0, area[0] - 1.959963984540054 * deviation),
                    min(1, area[0] + 1.959963984540054 * deviation)]  # fmt: skip
        assert found["delong"] == pytest.approx(expected, abs=1e-9)
        variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        assert found["compare"][:2] == pytest.approx([area[0] - area[1], math.sqrt(max(0, variance))], abs=1e-7)
        if variance > 1e-10:
            z = (area[0] - area[1]) / math.sqrt(variance)
            assert found["compare"][2] == pytest.approx(2 * scipy.stats.norm.sf(abs(z)), abs=1e-6)


def test_weights_of_test_rows(slipway, tmp_path):
    """A run and `slipway evaluate --weight` measure weighted test rows as scikit-learn does with sample_weight."""
    random = numpy.random.default_rng(8)
    x = random.normal(size=(1500, 2)).round(3)
    table = pandas.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": (x[:, 0] + random.normal(size=1500) > 0.8).astype(int)})
    table["w"] = random.integers(0, 9, 1500) / 4
    table["part"] = ["train"] * 1000 + ["test"] * 500
    table.to_csv(tmp_path / "rows.csv", index=False)
    test = table[table["part"] == "test"]
    test.to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "slipway.yaml").write_text(
        "name: weighted\nsource: rows.csv\nschema: {target: y, weight: w}\nsplit: {method: column, column: part}\n"
        "features: {numeric: [a, b]}\nsearch: {folds: 2}\nlearner: {random_forest: {n_estimators: 10, max_depth: 4}}\n"
        "evaluate: {slices: [a], learning_curve: 0, resamples: 0}\n",
        encoding="utf-8",
    )
    slipway("run", "slipway.yaml", cwd=tmp_path)
    evaluation = json.loads((tmp_path / "models/weighted/1/evaluation.json").read_text(encoding="utf-8"))
    slipway("score", "models/weighted", "test.csv", "--out", "scores.parquet", cwd=tmp_path)
    scores = pandas.read_parquet(tmp_path / "scores.parquet")
    truth, score, weight = test["y"].to_numpy(), scores["score"].to_numpy(float), test["w"].to_numpy()
    label = scores["label"].astype(int).to_numpy()
    expected = {
        "roc_auc": sk.roc_auc_score(truth, score, sample_weight=weight),
        "average_precision": sk.average_precision_score(truth, score, sample_weight=weight),
        "brier": sk.brier_score_loss(truth, score, sample_weight=weight),
        "f1": sk.f1_score(truth, label, sample_weight=weight),
        "kappa": sk.cohen_kappa_score(truth, label, sample_weight=weight),
        "accuracy": sk.accuracy_score(truth, label, sample_weight=weight),
    }
    alone = slipway("evaluate", "models/weighted", "test.csv", "--weight", "w", "--json", cwd=tmp_path).document
    for found in (evaluation, alone):
        for name, value in expected.items():
            assert found["metrics"][name] == pytest.approx(value, abs=1e-9), name
            low, high = found["intervals"][name]
            assert low < value < high, name
    assert evaluation["thresholds"]["chosen"]["alerts"] == pytest.approx(weight[label == 1].sum())
    assert evaluation["calibration_check"]["prevalence"] == pytest.approx(numpy.average(truth, weights=weight))
    groups = {group["name"]: group["metrics"]["prevalence"] for group in evaluation["slices"][0]["groups"]}
    first = next(iter(groups))
    below = test["a"].to_numpy() <= float(first.removeprefix("up to ")) + 1e-6
    assert groups[first] == pytest.approx(numpy.average(truth[below], weights=weight[below]))
    assert expected["accuracy"] != pytest.approx(sk.accuracy_score(truth, label), abs=1e-6)
