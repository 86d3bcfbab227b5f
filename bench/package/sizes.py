"""Bytes and load times of a 300-tree forest's packages: Slipway's against skl2onnx's and sklearn2pmml's of scikit-learn's forest.

usage: bench/package/sizes.py [--program build/release/slipway] [--trees 300] [--depth 12] [--rows 50000]

Both forests are fitted on the same example transactions with the same settings (their trees differ); nodes are printed, so that bytes can
be read per node. Load: ONNX Runtime's session of one thread, JPMML-Evaluator's load in a started Java; median of five. Needs the packages of
requirements.txt beside this file, and Java.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import jpmml_evaluator  # noqa: E402
import numpy  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import pandas  # noqa: E402
import skl2onnx  # noqa: E402
import tensorflow  # noqa: E402
from skl2onnx.common.data_types import FloatTensorType  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn2pmml import make_pmml_pipeline, sklearn2pmml  # noqa: E402

NUMBERS = ["amount", "num_transactions"]


def median_seconds(action, repeats=5):
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def onnx_line(name, file):
    content = file.read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    seconds = median_seconds(lambda: onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]))
    return name, len(content), len(gzip.compress(content, 6)), seconds


def pmml_seconds(file):
    return median_seconds(lambda: jpmml_evaluator.make_evaluator(str(file)), 3)


def saved_model_seconds(folder):
    return median_seconds(lambda: tensorflow.saved_model.load(str(folder)).signatures["serving_default"], 3)


def nodes_of(file):
    nodes = 0
    for node in onnx.load(file).graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_featureids":
                nodes += len(attribute.ints)
    return nodes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/slipway")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--rows", type=int, default=20_000)
    arguments = parser.parse_args()
    program = str(pathlib.Path(arguments.program).resolve())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-sizes-"))

    def slipway(*words):
        run = subprocess.run([program, *map(str, words)], cwd=folder, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout

    slipway("sample", "fraud", "--rows", arguments.rows, "--seed", 1, "--out", "all.csv")
    table = pandas.read_csv(folder / "all.csv")
    table["channel_code"] = table["channel"].astype("category").cat.codes
    table["state_code"] = table["state"].astype("category").cat.codes
    columns = [*NUMBERS, "channel_code", "state_code", "hour"]
    table["hour"] = pandas.to_datetime(table["timestamp"]).dt.hour
    high = table["amount"] * table["num_transactions"].fillna(1) > table["amount"].median() * 3
    # A tenth of the labels is wrong, as in life: trees grow to their full depth.
    table["amount_is_high"] = (high ^ (numpy.random.default_rng(1).random(len(table)) < 0.1)).astype(int)
    table[columns] = table[columns].astype("float32").fillna(0)
    table[[*columns, "amount_is_high"]].to_csv(folder / "rows.csv", index=False, float_format="%.9g")
    slipway("train", "rows.csv", "--target", "amount_is_high", "--learner", "random_forest", "--set", f"n_estimators={arguments.trees}",
            "--set", f"max_depth={arguments.depth}", "--set", "min_samples_leaf=5", "--out", "bundle")  # fmt: skip
    lines = []
    variants = [("", []), (", compress 0", ["--compress", "0"]), (", compress 0.001", ["--compress", "0.001"]),
                (", compress 0.01", ["--compress", "0.01"])]  # fmt: skip
    compression = []
    for name, options in variants:
        out = folder / f"out{len(compression)}"
        document = json.loads(slipway("package", "bundle", "--format", "onnx,onnx_compact,pmml,savedmodel", "--out", out, *options,
                                      "--verify", "rows.csv", "--json"))  # fmt: skip
        lines.append(onnx_line(f"Slipway ONNX{name}", out / "model.onnx"))
        lines.append(onnx_line(f"Slipway ONNX compact{name}", out / "model_compact.onnx"))
        for kind, file in (("PMML", out / "model.pmml"), ("SavedModel", out / "saved_model/1/saved_model.pb")):
            content = file.read_bytes()
            seconds = None
            if not name:
                seconds = pmml_seconds(file) if kind == "PMML" else saved_model_seconds(file.parent)
            lines.append((f"Slipway {kind}{name}", len(content), len(gzip.compress(content, 6)), seconds))
        compression.append((name, document.get("compression", {}), (out / "model_compact.onnx").stat().st_size))
    forest = RandomForestClassifier(arguments.trees, max_depth=arguments.depth, min_samples_leaf=5, n_jobs=-1, random_state=1)
    forest.fit(table[columns].to_numpy(), table["amount_is_high"])
    converted = skl2onnx.convert_sklearn(forest, initial_types=[("X", FloatTensorType([None, len(columns)]))],
                                         options={id(forest): {"zipmap": False}}, target_opset={"": 17, "ai.onnx.ml": 3})  # fmt: skip
    (folder / "sklearn.onnx").write_bytes(converted.SerializeToString())
    lines.append(onnx_line("skl2onnx", folder / "sklearn.onnx"))
    named = RandomForestClassifier(**forest.get_params()).fit(table[columns], table["amount_is_high"])
    sklearn2pmml(make_pmml_pipeline(named, columns, "amount_is_high"), str(folder / "sklearn.pmml"))
    content = (folder / "sklearn.pmml").read_bytes()
    lines.append(("sklearn2pmml", len(content), len(gzip.compress(content, 6)), pmml_seconds(folder / "sklearn.pmml")))
    ours = nodes_of(folder / "out0/model.onnx")
    theirs = sum(tree.tree_.node_count for tree in forest.estimators_)
    print(f"{arguments.trees} trees of depth {arguments.depth}: Slipway {ours:,} nodes, scikit-learn {theirs:,}")
    for name, size, packed, seconds in lines:
        load = "" if seconds is None else f"{seconds * 1000:8.0f} ms"
        print(f"{name:40} {size:12,} B {packed:12,} B gzip {load}")
    print("compression: bound, measured difference, labels changed, nodes, leaves, compact bytes")
    for name, made, size in compression[1:]:
        print(f"{made['bound']:g} {made['largest_difference']:.2g} {made['labels_changed']} {made['nodes_after']:,} of "
              f"{made['nodes_before']:,} {made['leaves_after']:,} of {made['leaves_before']:,} {size:,}")  # fmt: skip


if __name__ == "__main__":
    main()
