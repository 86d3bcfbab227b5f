"""Augmentation against imbalanced-learn. The random numbers differ, so the rules are compared: how many rows each class gets,
which rows a new one may come from, when there is an error, and what happens to probabilities."""

import json
import os
import pathlib
import subprocess

import numpy
import pandas
import pytest
from imblearn import over_sampling, under_sampling
from sklearn.linear_model import LogisticRegression

TOP = pathlib.Path(__file__).resolve().parents[2]
DRIVER = TOP / os.environ.get("SLIPWAY_BUILD", "build/release") / "tests/conformance/resampled_rows"
RATIOS = [1.0, 0.75, 0.5, 0.4, 1 / 3, 0.34]


def resample(columns, labels, options, nominal=None, seed=1):
    """What the library makes of the rows: (rows, labels, correction), or an error's text."""
    case = {
        "columns": [numpy.asarray(column, dtype=float).tolist() for column in columns],
        "labels": [int(label) for label in labels],
        "options": options,
        "seed": seed,
    }
    if nominal is not None:
        case["nominal"] = nominal
    run = subprocess.run([str(DRIVER)], input=json.dumps(case) + "\n", capture_output=True, text=True, check=True, timeout=300)
    answer = json.loads(run.stdout)
    if "error" in answer:
        return answer["error"]
    return numpy.array(answer["columns"], dtype=numpy.float32).T, numpy.array(answer["labels"]), answer["correction"]


def make_rows(seed, sizes, width=3):
    random = numpy.random.default_rng(seed)
    labels = numpy.repeat(numpy.arange(len(sizes)), sizes)
    random.shuffle(labels)
    rows = (random.normal(size=(len(labels), width)) + labels[:, None]).astype(numpy.float32)
    return rows, labels


def counts(labels, classes):
    return numpy.bincount(labels, minlength=classes).tolist()


SIZES = [[97, 31], [50, 50], [61, 6], [83, 29, 7], [30, 12, 30, 8]]


@pytest.mark.parametrize("sampling, theirs", [("over", over_sampling.RandomOverSampler), ("under", under_sampling.RandomUnderSampler),
                                              ("smote", over_sampling.SMOTE)])  # fmt: skip
@pytest.mark.parametrize("sizes", SIZES)
def test_classes_get_as_many_rows(sampling, theirs, sizes):
    rows, labels = make_rows(1, sizes)
    for ratio in RATIOS if len(sizes) == 2 else [1.0]:  # imbalanced-learn takes a ratio for two classes only
        strategy = ratio if len(sizes) == 2 else "auto"
        found = resample(rows.T, labels, {"sampling": sampling, "ratio": ratio})
        try:
            _, expected = theirs(sampling_strategy=strategy, random_state=0).fit_resample(rows, labels)
        except ValueError as error:
            # A class that is larger than it shall become. (Theirs counts the same size as larger.)
            assert "increase the ratio" in str(error), error
            if isinstance(found, str):
                assert "ratio" in found, (ratio, found)
            else:
                assert counts(found[1], 2) == sizes and int(max(sizes) * ratio) == min(sizes)
            continue
        assert not isinstance(found, str), (ratio, found)
        assert counts(found[1], len(sizes)) == counts(expected, len(sizes)), ratio


def test_a_class_of_too_few_rows_is_an_error_in_both():
    for size in (1, 2, 5, 6):
        rows, labels = make_rows(2, [40, size])
        found = resample(rows.T, labels, {"sampling": "smote"})
        if size > 5:
            over_sampling.SMOTE().fit_resample(rows, labels)
            assert not isinstance(found, str)
            continue
        with pytest.raises(ValueError, match="n_neighbors"):
            over_sampling.SMOTE().fit_resample(rows, labels)
        assert isinstance(found, str) and "neighbours" in found and f"{size} row" in found, found


def test_an_unknown_strategy_is_an_error_in_both():
    rows, labels = make_rows(3, [20, 10])
    with pytest.raises(ValueError):
        over_sampling.RandomOverSampler(sampling_strategy="most").fit_resample(rows, labels)
    assert "over" in resample(rows.T, labels, {"sampling": "most"})
    for ratio in (0, -1, 1.5):
        with pytest.raises(ValueError):
            over_sampling.RandomOverSampler(sampling_strategy=float(ratio)).fit_resample(rows, labels)
        assert "ratio" in resample(rows.T, labels, {"sampling": "over", "ratio": ratio})


def test_missing_values_are_an_error_in_both():
    rows, labels = make_rows(4, [20, 10])
    rows[3, 1] = numpy.nan
    with pytest.raises(ValueError, match="NaN"):
        over_sampling.SMOTE().fit_resample(rows, labels)
    case = {"columns": [[None if numpy.isnan(value) else float(value) for value in column] for column in rows.T]}
    case |= {"labels": labels.tolist(), "options": {"sampling": "smote"}}
    run = subprocess.run([str(DRIVER)], input=json.dumps(case) + "\n", capture_output=True, text=True, check=True, timeout=300)
    assert "missing" in json.loads(run.stdout)["error"]


def as_set(rows):
    return {tuple(row) for row in rows.tolist()}


@pytest.mark.parametrize("seed", range(3))
def test_drawn_rows_are_given_rows(seed):
    rows, labels = make_rows(seed, [60, 20, 9])
    for label, found in [("over", resample(rows.T, labels, {"sampling": "over"}, seed=seed)),
                         ("under", resample(rows.T, labels, {"sampling": "under"}, seed=seed))]:  # fmt: skip
        for k in range(3):
            members = as_set(rows[labels == k])
            chosen = found[0][found[1] == k]
            assert as_set(chosen) <= members
            if label == "over":  # none is lost
                assert as_set(chosen) == members
            else:  # none twice
                assert len(as_set(chosen)) == len(chosen)


def neighbours_of(sampler, members):
    """As imbalanced-learn finds them: the nearest but for the first, which is the row itself."""
    sampler.nn_k_.fit(members)
    return sampler.nn_k_.kneighbors(members, return_distance=False)[:, 1:]


def on_a_segment(row, members, near, tolerance=1e-5):
    """The pairs (member, neighbour) between which a row lies."""
    pairs = []
    for i, start in enumerate(members):
        for j in near[i]:
            step = members[j] - start
            width = (step * step).sum()
            share = ((row - start) * step).sum() / width if width > 0 else 0
            if -tolerance <= share <= 1 + tolerance and numpy.abs(start + share * step - row).max() <= tolerance * (1 + numpy.abs(row).max()):
                pairs.append((i, j))
    return pairs


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize("sizes", [[90, 25], [70, 20, 12]])
def test_smote_lies_between_a_row_and_one_of_its_neighbours(sizes, neighbours):
    rows, labels = make_rows(7 + neighbours, sizes)
    found, found_labels, _ = resample(rows.T, labels, {"sampling": "smote", "neighbours": neighbours})
    sampler = over_sampling.SMOTE(k_neighbors=neighbours, random_state=0)
    theirs, their_labels = sampler.fit_resample(rows, labels)
    starts = set()
    for made, made_labels in ((found, found_labels), (theirs, their_labels)):
        assert (made[: len(rows)] == rows).all() and (made_labels[: len(rows)] == labels).all()  # the given rows first
        for k in range(1, len(sizes)):
            members = rows[labels == k].astype(float)
            near = neighbours_of(sampler, members)
            new = made[len(rows) :][made_labels[len(rows) :] == k].astype(float)
            assert len(new) == sizes[0] - sizes[k]
            for row in new:
                pairs = on_a_segment(row, members, near)
                assert pairs, row
                starts.update((k, i) for i, _ in pairs)
    assert len(starts) > 0.8 * sum(sizes[1:])  # any row may be the one


def test_smote_nc_votes_on_categories_and_weighs_them_by_the_median_deviation():
    random = numpy.random.default_rng(5)
    sizes, neighbours = [80, 24], 4
    numbers, labels = make_rows(9, sizes, width=3)
    numbers = (numbers * numpy.array([1, 6, 0.3])).astype(numpy.float32)
    cities = random.integers(0, 3, len(labels))
    kinds = random.integers(0, 2, len(labels))
    one_hot = numpy.concatenate([numpy.eye(3)[cities], numpy.eye(2)[kinds]], axis=1).astype(numpy.float32)
    rows = numpy.concatenate([numbers, one_hot], axis=1)
    nominal = [-1, -1, -1, 0, 0, 0, 1, 1]
    found, found_labels, _ = resample(rows.T, labels, {"sampling": "smote_nc", "neighbours": neighbours}, nominal)
    assert counts(found_labels, 2) == [80, 80]

    # The same from imbalanced-learn: its own median, its own neighbours in its own encoding.
    sampler = over_sampling.SMOTENC(categorical_features=[3, 4], k_neighbors=neighbours, random_state=0)
    frame = numpy.concatenate([numbers.astype(float), cities[:, None], kinds[:, None]], axis=1)
    theirs, their_labels = sampler.fit_resample(frame, labels)
    member = labels == 1
    median = sampler.median_std_[1]
    assert median == pytest.approx(numpy.median(numbers[member].astype(float).std(axis=0)), rel=1e-6)
    encoded = numpy.concatenate([numbers[member].astype(float), one_hot[member] * median / numpy.sqrt(2)], axis=1)
    near = neighbours_of(sampler, encoded)
    members = numbers[member].astype(float)

    def modes(codes, choices):
        votes = numpy.bincount(codes, minlength=choices)
        return set(numpy.flatnonzero(votes == votes.max()).tolist())

    def check(number_part, city, kind):
        pairs = on_a_segment(number_part, members, near)
        assert pairs, number_part
        for i, _ in pairs:
            if city in modes(cities[member][near[i]], 3) and kind in modes(kinds[member][near[i]], 2):
                return
        raise AssertionError(f"{number_part} has the categories {city}, {kind}")

    for row in found[len(rows) :]:
        assert row[3:6].sum() == 1 and row[6:8].sum() == 1 and set(row[3:].tolist()) <= {0.0, 1.0}
        check(row[:3].astype(float), int(row[3:6].argmax()), int(row[6:8].argmax()))
    for row in theirs[len(rows) :]:
        check(row[:3], int(row[3]), int(row[4]))
    assert (their_labels[len(rows) :] == 1).all()


def test_correction_is_the_ratio_of_the_shares():
    rows, labels = make_rows(11, [90, 10])
    for options, after in (
        ({"sampling": "under", "ratio": 0.5}, [20, 10]),
        ({"sampling": "over"}, [90, 90]),
        ({"sampling": "over", "ratio": 0.5}, [90, 45]),
        ({"class_weight": "balanced"}, [50, 50]),
    ):
        _, _, correction = resample(rows.T, labels, options)
        expected = [(before / 100) / (now / sum(after)) for before, now in zip([90, 10], after)]
        assert correction == pytest.approx(expected, rel=1e-6), options


CONFIGURATION = """\
name: fraud
source: rows.csv
schema: {{target: y}}
split: {{method: column, column: part}}
features: {{numeric: [a, b]}}
learner: {{logistic_regression: {{C: 1e6, tol: 1e-8, max_iter: 2000}}}}
augment: {{sampling: under, ratio: {ratio}, correct: {correct}}}
"""


def test_corrected_probabilities_are_those_of_the_data(slipway, tmp_path):
    """The closed formula (Elkan 2001; Dal Pozzolo et al. 2015) on the scores that are not corrected, and the probabilities of
    a logistic model of all rows."""
    random = numpy.random.default_rng(13)
    count, test = 60_000, 5_000
    frame = pandas.DataFrame({"a": random.normal(size=count), "b": random.normal(size=count)}).astype(numpy.float32)
    chance = 1 / (1 + numpy.exp(-(-3.2 + 1.1 * frame["a"] - 0.7 * frame["b"])))
    frame["y"] = (random.random(count) < chance).astype(int)
    frame["part"] = ["test"] * test + ["train"] * (count - test)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    train = frame["part"] == "train"
    scores = {}
    for correct in ("true", "false"):
        (tmp_path / "slipway.yaml").write_text(CONFIGURATION.format(ratio=0.5, correct=correct), encoding="utf-8")
        slipway("run", "slipway.yaml", "--no-cache", "--out", f"bundle_{correct}", cwd=tmp_path)
        slipway("score", f"bundle_{correct}", "rows.csv", "--out", f"{correct}.csv", cwd=tmp_path)
        scores[correct] = pandas.read_csv(tmp_path / f"{correct}.csv")["score"].to_numpy()
    positives = int(frame["y"][train].sum())
    negatives = int(train.sum()) - positives
    kept = int(positives / 0.5) / negatives  # the share of negatives that were trained on
    raw = scores["false"]
    assert scores["true"] == pytest.approx(kept * raw / (kept * raw - raw + 1), abs=2e-6)
    whole = LogisticRegression(C=1e6, tol=1e-8, max_iter=2000).fit(frame.loc[train, ["a", "b"]], frame.loc[train, "y"])
    expected = whole.predict_proba(frame[["a", "b"]])[:, 1]
    assert numpy.abs(scores["true"] - expected).mean() < 0.004
    assert scores["true"][~train].mean() == pytest.approx(frame["y"][~train].mean(), abs=0.006)
    assert raw[~train].mean() > 3 * frame["y"][~train].mean()
