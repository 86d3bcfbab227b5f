"""Compares scores with those of ONNX Runtime: onnx_check.py MODEL.onnx DATA.csv|.parquet SCORES.csv

The model is checked by onnx.checker, run on the rows of the data and compared, row by row, with the scores file: columns `score` (the
positive class, or a regression's prediction) or `score_<class>`, and `label`. Prints the largest difference. Exit code 1 if
it is above the tolerance or labels differ, 2 for wrong use.
"""

import argparse
import json
import sys

import numpy
import onnx
import onnxruntime
import pandas

MISSING_TIME = numpy.iinfo(numpy.int64).min
MISSING_MARKERS = ["", "?", "NA", "N/A", "NULL", "null", "nan", "NaN"]


def read_table(file):
    if file.endswith(".parquet"):
        return pandas.read_parquet(file)
    return pandas.read_csv(file, dtype=str, keep_default_na=False)


def text_cells(column):
    """The cells as text, with "" for missing ones."""
    cells = column.astype(object).where(column.notna(), "")
    return ["" if str(cell).strip() in MISSING_MARKERS else str(cell).strip() for cell in cells]


def feed_of(session, table):
    """The columns of the table as the model's inputs take them: NaN, the empty text and the smallest integer are missing."""
    feed = {}
    for port in session.get_inputs():
        if port.name not in table.columns:
            sys.exit(f"the data has no column '{port.name}'")
        column = table[port.name]
        if port.type == "tensor(string)":
            values = numpy.array(text_cells(column), dtype=object)
        elif port.type == "tensor(int64)":
            times = pandas.to_datetime(pandas.Series(text_cells(column)).replace("", None), utc=True, format="ISO8601")
            microseconds = times.dt.as_unit("us").astype("int64").to_numpy()
            values = numpy.where(times.isna(), MISSING_TIME, microseconds // 1_000_000)
        elif port.type == "tensor(float)":
            if column.dtype.kind in "fiub":
                values = column.to_numpy(dtype=numpy.float32, na_value=numpy.nan)
            else:
                values = numpy.array([float(cell) if cell else numpy.nan for cell in text_cells(column)], dtype=numpy.float32)
        else:
            sys.exit(f"input '{port.name}' has type {port.type}, which Slipway never writes")
        feed[port.name] = values.reshape(-1, 1)
    return feed


def compare(model_file, data_file, scores_file, tolerance):
    model = onnx.load(model_file)
    onnx.checker.check_model(model, full_check=True)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    classes = json.loads(properties.get("slipway.classes", "[]"))
    session = onnxruntime.InferenceSession(model_file, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, feed_of(session, read_table(data_file)))))
    found = outputs[names[-1]]
    scores = pandas.read_csv(scores_file, dtype={"label": str}, keep_default_na=False)
    if len(scores) != len(found):
        sys.exit(f"{len(scores)} scores for {len(found)} rows")
    if "score" in scores.columns:
        pairs = [("score", found[:, -1])]
    else:
        pairs = [(f"score_{name}", found[:, index]) for index, name in enumerate(classes)]
    largest = 0.0
    for name, theirs in pairs:
        ours = scores[name].to_numpy(dtype=numpy.float64)
        if (numpy.isnan(ours) != numpy.isnan(theirs)).any():
            sys.exit(f"{name}: missing in different rows")
        # Of numbers above 1 (regressions), the relative difference.
        with numpy.errstate(invalid="ignore"):
            differences = numpy.abs(ours - theirs) / numpy.maximum(1, numpy.abs(theirs))
        same = (ours == theirs) | (numpy.isnan(ours) & numpy.isnan(theirs))
        differences = numpy.where(same, 0, numpy.where(numpy.isnan(differences), numpy.inf, differences))
        row = int(numpy.argmax(differences)) if len(differences) else 0
        if len(differences):
            print(f"{name}: largest difference {differences[row]:.3g} in row {row + 1}")
            largest = max(largest, float(differences[row]))
    wrong = 0
    if classes:
        wrong = int((scores["label"].to_numpy() != numpy.asarray(outputs[names[0]], dtype=str).reshape(-1)).sum())
        print(f"labels: {wrong} of {len(scores)} differ")
    return largest <= tolerance and wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("scores")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()
    sys.exit(0 if compare(arguments.model, arguments.data, arguments.scores, arguments.tolerance) else 1)


if __name__ == "__main__":
    main()
