#include "engine_script.hpp"

namespace slipway::app {

const char* const engine_script = R"PY(
import csv, importlib, json, os, pathlib, sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
package, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
about = json.loads((work / "about.json").read_text(encoding="utf-8"))
kinds, classes = about["kinds"], about["classes"]


def read(name):
    with open(work / name, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def compare(engine, scores, labels):
    expected = numpy.array([[float(cell) for cell in row] for row in read("scores.csv")])
    found = numpy.asarray(scores, dtype=float).reshape(len(expected), -1)
    if classes and found.shape[1] == len(expected[0]) - 1 == 1:
        expected = expected[:, 1:]
    scale = 1.0
    if not classes:
        scale = numpy.maximum(numpy.abs(expected), max(1.0, float(numpy.sqrt((expected**2).mean()))))
    apart = numpy.abs(found - expected) / scale
    apart = numpy.where(numpy.isnan(found) & numpy.isnan(expected), 0, apart)
    apart = numpy.where(numpy.isnan(apart), numpy.inf, apart)
    wrong = 0
    if labels is not None:
        for row, (label, own) in enumerate(zip(labels, (row[0] for row in read("labels.csv")))):
            near = len(classes) == 2 and abs(expected[row][-1] - about["threshold"]) <= 1e-5
            wrong += str(label) != own and not near
    print(json.dumps({"engine": engine, "largest_difference": float(min(apart.max(), 1e30)), "different_labels": int(wrong)}))


def columns():
    rows = read("rows.csv")
    names = [name for name, kind in kinds]
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def tensors(shape):
    feed = {}
    for name, kind in kinds:
        cells = columns()[name]
        if kind == "text":
            feed[name] = numpy.array(cells, dtype=object).reshape(shape)
        elif kind == "time":
            feed[name] = numpy.array([int(cell) if cell else -(2**63) for cell in cells], dtype=numpy.int64).reshape(shape)
        else:
            feed[name] = numpy.array([float(cell or "nan") for cell in cells], dtype=numpy.float32).reshape(shape)
    return feed


def run_tensorflow():
    import tensorflow

    signature = tensorflow.saved_model.load(str(package / "saved_model/1")).signatures["serving_default"]
    feed = tensors((-1,))
    scores, labels = [], []
    for begin in range(0, len(read("rows.csv")), 2048):
        part = {name: tensorflow.constant([text.encode() for text in values[begin:begin + 2048]] if values.dtype == object else values[begin:begin + 2048])
                for name, values in feed.items()}
        given = signature(**part)
        scores.append(given["probabilities" if classes else "score"].numpy())
        labels += [label.decode() for label in given["label"].numpy()] if classes else []
    compare("TensorFlow " + tensorflow.__version__, numpy.concatenate(scores), labels if classes else None)


def run_mlflow():
    import mlflow

    given = mlflow.pyfunc.load_model(str(package)).predict(tensors((-1, 1)))
    labels = [str(label) for label in numpy.asarray(given["label"]).reshape(-1)] if classes else None
    compare("MLflow " + mlflow.__version__, given["probabilities" if classes else "prediction"], labels)


def run_pmml():
    import datetime

    import jpmml_evaluator
    import pandas

    evaluator = jpmml_evaluator.make_evaluator(str(package / "model.pmml"))
    evaluator.verify()
    table = {}
    for name, kind in kinds:
        cells = columns()[name]
        if kind == "number":
            table[name] = [float(cell) if cell else None for cell in cells]
        elif kind == "time":
            start = datetime.datetime(1970, 1, 1)
            table[name] = [(start + datetime.timedelta(seconds=int(cell))).isoformat() if cell else None for cell in cells]
        else:
            table[name] = [cell or None for cell in cells]
    frame = pandas.DataFrame({name: pandas.Series(values, dtype=object) for name, values in table.items()})
    given = evaluator.evaluateAll(frame)
    wanted = ["probability(%s)" % label for label in classes] or ["score"]
    compare("JPMML-Evaluator " + jpmml_evaluator.__version__, given[wanted].to_numpy(dtype=float), given["label"].tolist() if classes else None)


engines = [("TensorFlow", "tensorflow", "saved_model/1/saved_model.pb", run_tensorflow), ("MLflow", "mlflow", "MLmodel", run_mlflow),
           ("JPMML-Evaluator", "jpmml_evaluator", "model.pmml", run_pmml)]
numpy = None
for engine, module, file, run in engines:
    if not (package / file).exists():
        continue
    try:
        numpy = importlib.import_module("numpy")
        importlib.import_module(module)
    except ImportError as problem:
        print(json.dumps({"engine": engine, "absent": str(problem)}))
        continue
    try:
        run()
    except Exception as problem:
        print(json.dumps({"engine": engine, "largest_difference": 1e30, "failure": "%s: %s" % (type(problem).__name__, problem)}))
)PY";

}  // namespace slipway::app
