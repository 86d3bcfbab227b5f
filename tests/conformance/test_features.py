"""Features against scikit-learn's transformers: fitted on training rows with missing, constant and empty columns, applied to
rows with values that training never saw."""

import numpy
import pandas
import pytest
from sklearn import decomposition, feature_extraction, impute, preprocessing

TRAIN, TEST = 400, 150
NUMBERS = ["amount", "skewed", "counts", "far", "holes", "constant", "empty"]
WORDS = "pay now refund please card declined twice late fee été garçon naïve x y 2024 user_id ÉTÉ GARÇON Ёлка ЁЛКА Ñandú".split()


def make_rows(count, random, later):
    frame = pandas.DataFrame(
        {
            "amount": random.normal(1, 3, count),
            "skewed": numpy.exp(random.normal(0, 1.5, count)) * random.choice([1, -1], count, p=[0.8, 0.2]),
            "counts": random.integers(0, 6, count).astype(float),
            "far": 1e6 + random.integers(0, 2000, count) / 8,
            "holes": numpy.where(random.random(count) < 0.3, numpy.nan, random.random(count)),
            "constant": numpy.full(count, 8.0 if later else 7.0),
            "empty": numpy.full(count, 1.0 if later else numpy.nan),
            "positive": numpy.exp(random.normal(0, 1, count)),
            "one": ["only"] * count,
            "city": random.choice(["Oslo", "Zürich", "東京", "São Paulo", "Bonn", None], count, p=[0.4, 0.2, 0.2, 0.1, 0.02, 0.08]),
            "note": [" ".join(random.choice(WORDS, random.integers(0, 12))) for _ in range(count)],
            "when": pandas.Timestamp("2024-02-28T22:15:00Z") + pandas.to_timedelta(random.integers(0, 10**8, count), unit="s"),
        }
    )
    frame["note"] = frame["note"].str.replace(" card", ", Card!").where(frame["note"] != "", None)
    if later:
        frame.loc[::7, "city"] = "Atlantis"
        frame.loc[::9, "counts"] = numpy.nan
        frame.loc[::11, "amount"] = 1e4
        frame.loc[::13, "note"] = "nothing known here"
    frame["yes"] = (random.random(count) < 0.3 + 0.2 * (frame["city"] == "Oslo")).astype(int)
    frame["kind"] = random.choice(["a", "b", "c"], count)
    frame["price"] = random.normal(0, 1, count) + frame["counts"].fillna(2) + (frame["city"] == "Bonn")
    return frame


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    random = numpy.random.default_rng(11)
    frame = pandas.concat([make_rows(TRAIN, random, False), make_rows(TEST, random, True)], ignore_index=True)
    frame["part"] = ["train"] * TRAIN + ["test"] * TEST
    # What the program reads: float32, of which the text form is exact.
    for name in [*NUMBERS, "positive", "price"]:
        frame[name] = frame[name].astype(numpy.float32)
    folder = tmp_path_factory.mktemp("features")
    frame.assign(when=frame["when"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(folder / "data.csv", index=False)
    return folder, frame


@pytest.fixture
def features(slipway, data, tmp_path):
    """features("numeric: [amount]") -> the features' names, training rows, test rows."""

    def fit(section, target="yes"):
        lines = "\n".join("  " + line for line in section.splitlines())
        (tmp_path / "slipway.yaml").write_text(
            f"source: {data[0] / 'data.csv'}\nschema: {{target: {target}}}\nsplit: {{method: column, column: part}}\n"
            f"features:\n{lines}\n",
            encoding="utf-8",
        )
        slipway("prepare", "slipway.yaml", "--features", "features.parquet", cwd=tmp_path)
        table = pandas.read_parquet(tmp_path / "features.parquet")
        train = table[table["part"] == "train"].drop(columns=["part", target])
        test = table[table["part"] == "test"].drop(columns=["part", target])
        assert len(train) == TRAIN and len(test) == TEST
        return train, test

    return fit


def rows_of(data, names):
    frame = data[1][names]
    text = not all(pandas.api.types.is_numeric_dtype(frame[name]) for name in names)
    frame = frame.astype(object).where(frame.notna(), numpy.nan) if text else frame.astype(numpy.float64)
    return frame.iloc[:TRAIN], frame.iloc[TRAIN:]


def expect(found, transformer, data, names, tolerance=2e-6, columns=None, y=None):
    """Both parts equal the transformer's, which is fitted on the training rows."""
    train, test = rows_of(data, names)
    transformer.fit(train, y)
    for ours, rows in zip(found, (train, test)):
        theirs = transformer.transform(rows)
        theirs = numpy.asarray(theirs.todense() if hasattr(theirs, "todense") else theirs, dtype=numpy.float64)
        ours = (ours if columns is None else ours[columns]).to_numpy(dtype=numpy.float64)
        assert ours.shape == theirs.shape
        scale = numpy.maximum(1, numpy.abs(theirs))
        numpy.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=tolerance)


def number_columns():
    return f"numeric: [{', '.join(NUMBERS)}]\n"


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_imputation(features, data, strategy):
    found = features(number_columns() + f"impute: {strategy}\nimpute_constant: {{counts: -2}}\nmissing_indicator: true")
    imputer = impute.SimpleImputer(strategy=strategy, fill_value=0, keep_empty_features=True)
    names = [name for name in NUMBERS if name != "counts"]
    expect(found, imputer, data, names, columns=names)
    expect(found, impute.MissingIndicator(error_on_new=False), data, ["holes", "empty"], columns=["holes=missing", "empty=missing"])
    if strategy == "constant":
        assert (found[1]["counts"][data[1]["counts"].iloc[TRAIN:].isna().to_numpy()] == -2).all()


@pytest.mark.parametrize(
    ("scale", "transformer", "tolerance"),
    [
        ("standard", preprocessing.StandardScaler(), 2e-6),
        ("robust", preprocessing.RobustScaler(), 2e-6),
        ("min_max", preprocessing.MinMaxScaler(), 2e-6),
        ("max_abs", preprocessing.MaxAbsScaler(), 2e-6),
        ("quantile", preprocessing.QuantileTransformer(subsample=None), 2e-6),
        ("quantile_normal", preprocessing.QuantileTransformer(subsample=None, output_distribution="normal"), 2e-4),
    ],
)
@pytest.mark.filterwarnings("ignore:n_quantiles", "ignore:All-NaN", "ignore:invalid value", "ignore:Degrees of freedom")
def test_scaling(features, data, scale, transformer, tolerance):
    names = [name for name in NUMBERS if name != "empty"]
    found = features(f"numeric: [{', '.join(names)}]\nscale: {scale}")
    expect(found, transformer, data, names, tolerance, columns=names)


@pytest.mark.parametrize(("scale", "names"), [("yeo_johnson", ["amount", "skewed", "counts", "holes"]), ("box_cox", ["positive"])])
def test_power(features, data, scale, names):
    found = features(f"numeric: [{', '.join(names)}]\nscale: {scale}")
    expect(found, preprocessing.PowerTransformer(method=scale.replace("_", "-")), data, names, 2e-5, columns=names)


@pytest.mark.parametrize("method", ["uniform", "quantile", "k_means"])
def test_bins(features, data, method):
    names = ["amount", "skewed", "far"]
    options = {"quantile_method": "averaged_inverted_cdf"} if method == "quantile" else {}
    strategy = method.replace("_", "")
    for encode, theirs in (("ordinal", "ordinal"), ("one_hot", "onehot-dense")):
        found = features(f"numeric: [{', '.join(names)}]\nbins: 5\nbin_method: {method}\nbin_encode: {encode}")
        bins = preprocessing.KBinsDiscretizer(5, encode=theirs, strategy=strategy, subsample=None, **options)
        expect(found, bins, data, names)


def test_one_hot(features, data):
    found = features("categorical: [city, one]\nencode: one_hot")
    expect(found, preprocessing.OneHotEncoder(handle_unknown="ignore"), data, ["city", "one"])
    # Bonn is rare; what is unseen counts as rare too.
    found = features("categorical: [city]\nrare: column\nrare_minimum: 20")
    encoder = preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20)
    expect(found, encoder, data, ["city"])
    found = features("categorical: [city]\nrare: column\nmaximum_categories: 3")
    assert [name for name in found[0]] == ["city=Oslo", "city=Zürich", "city=東京", "city=missing", "city=rare"]


def test_ordinal(features, data):
    found = features("categorical: [city, one]\nencode: ordinal")
    encoder = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    expect(found, encoder, data, ["city", "one"])


@pytest.mark.parametrize(("target", "kind"), [("yes", "binary"), ("kind", "multiclass"), ("price", "continuous")])
@pytest.mark.parametrize("smooth", ["auto", 5.0])
def test_target_encoding(features, data, target, kind, smooth):
    setting = "" if smooth == "auto" else f"\ntarget_smooth: {smooth}"
    train, test = features("categorical: [city, one]\nencode: target" + setting, target)
    rows, later = rows_of(data, ["city"])
    truth = data[1][target].iloc[:TRAIN].to_numpy()
    encoder = preprocessing.TargetEncoder(target_type=kind, smooth=smooth).fit(rows, truth)
    columns = [name for name in test if name.startswith("city~")]
    numpy.testing.assert_allclose(test[columns], encoder.transform(later), atol=1e-6)
    assert not numpy.allclose(train[columns], encoder.transform(rows), atol=1e-6)
    if kind != "continuous":
        return
    # A column of one category is encoded by the mean of the other folds, which tells the folds apart.
    fold_of = train["one~target"].to_numpy()
    assert len(numpy.unique(fold_of)) == 5
    for fold in numpy.unique(fold_of):
        held_out = fold_of == fold
        part = preprocessing.TargetEncoder(target_type=kind, smooth=smooth).fit(rows[~held_out], truth[~held_out])
        numpy.testing.assert_allclose(train[columns][held_out], part.transform(rows[held_out]), atol=2e-6)


def test_polynomial(features, data):
    names = ["amount", "counts", "far"]
    found = features(f"numeric: [{', '.join(names)}]\nimpute: mean\npolynomial: {{columns: [amount, counts], degree: 3}}")
    train, test = rows_of(data, ["amount", "counts"])
    imputer = impute.SimpleImputer().fit(train)
    powers = preprocessing.PolynomialFeatures(3, include_bias=False).fit(train)
    columns = list(powers.get_feature_names_out(["amount", "counts"]))
    for ours, rows in zip(found, (train, test)):
        theirs = powers.transform(pandas.DataFrame(imputer.transform(rows), columns=rows.columns))
        numpy.testing.assert_allclose(ours[columns], theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("wanted", [3, 0.8])
def test_pca(features, data, wanted):
    names = ["amount", "skewed", "counts", "far", "constant"]
    found = features(f"numeric: [{', '.join(names)}]\nimpute: mean\nscale: standard\npca: {{components: {wanted}, whiten: true}}")
    train, test = rows_of(data, names)
    imputer = impute.SimpleImputer().fit(train)
    scaler = preprocessing.StandardScaler().fit(imputer.transform(train))
    pca = decomposition.PCA(wanted, whiten=True, svd_solver="full").fit(scaler.transform(imputer.transform(train)))
    for ours, rows in zip(found, (train, test)):
        theirs = pca.transform(scaler.transform(imputer.transform(rows)))
        assert ours.shape == theirs.shape
        signs = numpy.sign((found[0].to_numpy() * pca.transform(scaler.transform(imputer.transform(train)))).sum(axis=0))
        scale = numpy.maximum(1, numpy.abs(theirs))
        numpy.testing.assert_allclose(ours.to_numpy() / scale, theirs * signs / scale, atol=5e-5)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ("{}", {}),
        ("{ngrams: [1, 2], min_df: 3, max_df: 0.3, sublinear_tf: true, norm: l1}",
         {"ngram_range": (1, 2), "min_df": 3, "max_df": 0.3, "sublinear_tf": True, "norm": "l1"}),
        ("{analyzer: character, ngrams: [2, 3], min_df: 0.02}", {"analyzer": "char", "ngram_range": (2, 3), "min_df": 0.02}),
        ("{use_idf: false, norm: none}", {"use_idf": False, "norm": None}),
        ("{smooth_idf: false}", {"smooth_idf": False}),
    ],
)  # fmt: skip
def test_text(features, data, options, settings):
    found = features(f"text: {{note: {options}}}")
    vectoriser = feature_extraction.text.TfidfVectorizer(**settings)
    notes = data[1]["note"].fillna("")
    vectoriser.fit(notes[:TRAIN])
    columns = ["note:" + term for term in vectoriser.get_feature_names_out()]
    assert sorted(found[0]) == sorted(columns)
    for ours, texts in zip(found, (notes[:TRAIN], notes[TRAIN:])):
        numpy.testing.assert_allclose(ours[columns], vectoriser.transform(texts).todense(), atol=2e-6)


def test_time_parts(features, data):
    found = features("time: {when: [hour, minute, weekday, day, month, year, hour_sin, month_cos]}")
    for ours, when in zip(found, (data[1]["when"][:TRAIN].dt, data[1]["when"][TRAIN:].dt)):
        for part, theirs in (("hour", when.hour), ("minute", when.minute), ("weekday", when.day_of_week), ("day", when.day),
                             ("month", when.month), ("year", when.year), ("hour_sin", numpy.sin(2 * numpy.pi * when.hour / 24)),
                             ("month_cos", numpy.cos(2 * numpy.pi * (when.month - 1) / 12))):  # fmt: skip
            numpy.testing.assert_allclose(ours["when." + part], theirs, atol=1e-6)


def test_options_by_column(features, data):
    found = features("numeric: [amount, counts, far]\nscale: {amount: robust, far: min_max}\nimpute: {counts: median}")
    expect(found, preprocessing.RobustScaler(), data, ["amount"], columns=["amount"])
    expect(found, preprocessing.MinMaxScaler(), data, ["far"], columns=["far"])
    expect(found, impute.SimpleImputer(strategy="median"), data, ["counts"], columns=["counts"])
