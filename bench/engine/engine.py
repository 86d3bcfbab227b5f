"""Scores of Slipway, ONNX Runtime, XGBoost, LightGBM, lleaves, Treelite and TL2cgen on the same models and rows, one thread.

    python engine.py --driver build/bench/bench/engine/bench_engine --peers build/bench/bench/engine/bench_peers \\
        --slipway build/release/slipway [--repeats 3] [--ydf]

Needs numpy, onnx, scikit-learn, xgboost, lightgbm, lleaves, treelite and tl2cgen; with --ydf also ydf, which trains a model
of its own of the same size. Models as in bench/explain/explain.py. Batches of 100,000 rows x 30; one row hot, and cold
(after a sweep over 64 MB). CPU seconds of the process, medians of alternating repeats. ONNX Runtime, XGBoost and LightGBM
through their C APIs (ONNX Runtime with the trees behind one matrix), TL2cgen's C code compiled by gcc -O3; lleaves,
Treelite, YDF and scikit-learn, which have none that a wheel brings, in batches through Python.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import lightgbm
import lleaves
import numpy as np
import onnx
import sklearn.ensemble
import tl2cgen
import treelite
import xgboost

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "explain"))
import explain  # noqa: E402

forest_as_xgboost = explain.forest_as_xgboost


def matrix_model(path):
    """The trees of a bundle's file behind one matrix of all columns."""
    whole = onnx.load(path)
    (trees,) = [node for node in whole.graph.node if node.op_type.startswith("TreeEnsemble")]
    node = onnx.NodeProto()
    node.CopyFrom(trees)
    node.input[0] = "x"
    numbers = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "trees",
        [onnx.helper.make_tensor_value_info("x", numbers, [None, explain.COLUMNS])],
        [onnx.helper.make_tensor_value_info(node.output[0], numbers, [None, None])],
        whole.graph.initializer,
    )
    return onnx.helper.make_model(graph, opset_imports=whole.opset_import, ir_version=whole.ir_version)


def peers_of(model, file):
    """Peers that are called from Python, in batches: name -> function of rows."""
    peers = {}
    if isinstance(model, lightgbm.LGBMClassifier):
        compiled = lleaves.Model(model_file=str(file))
        try:
            compiled.compile()
            peers["lleaves"] = lambda rows: compiled.predict(rows.astype(np.float64), n_jobs=1)
        except AttributeError as problem:  # lleaves 1.3 needs an older llvmlite than the newest
            print(f"lleaves was not run: {problem}")
    trees = treelite_model(model, file)
    peers["Treelite"] = lambda rows: treelite.gtil.predict(trees, rows, nthread=1)
    if isinstance(model, sklearn.ensemble.RandomForestClassifier):
        model.set_params(n_jobs=1)
        peers["scikit-learn"] = model.predict_proba
    return peers


def treelite_model(model, file):
    if isinstance(model, lightgbm.LGBMClassifier):
        return treelite.frontend.load_lightgbm_model(file)
    return treelite.frontend.load_xgboost_model(file, format_choice="use_suffix")


def library_of(package):
    (library,) = pathlib.Path(package.__file__).parent.glob("lib/lib*.so")
    return library


def native_peers(model, file, folder):
    """Peers that bench_peers calls through their C interfaces: name -> its first three words."""
    code = folder / "tl2cgen"
    tl2cgen.generate_c_code(treelite_model(model, file), code, params={"parallel_comp": 16})
    sources = sorted(code.glob("*.c"))
    subprocess.run(["gcc", "-O3", "-march=native", "-shared", "-fPIC", "-o", folder / "tl2cgen.so", *sources, "-lm"], check=True)
    peers = {"TL2cgen": ["tl2cgen", folder / "tl2cgen.so", "-"]}
    if isinstance(model, lightgbm.LGBMClassifier):
        peers["LightGBM"] = ["lightgbm", library_of(lightgbm), file]
    else:
        peers["XGBoost"] = ["xgboost", library_of(xgboost), file]
    return peers


def ydf_model(name, values, labels):
    import pandas
    import ydf

    table = pandas.DataFrame(values, columns=[f"f{i}" for i in range(values.shape[1])]).assign(y=labels)
    if name.startswith("boosted 300 x depth 6"):
        learner = ydf.GradientBoostedTreesLearner(label="y", num_trees=300, max_depth=7, validation_ratio=0.0, shrinkage=0.05)
    elif name.startswith("boosted"):
        learner = ydf.GradientBoostedTreesLearner(
            label="y", num_trees=300, growing_strategy="BEST_FIRST_GLOBAL", max_num_nodes=31, max_depth=-1, validation_ratio=0.0
        )
    else:
        return None
    model = learner.train(table)
    rows = table.drop(columns="y")
    return lambda given: model.predict(rows.head(len(given)), num_threads=1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--driver", required=True)
    arguments.add_argument("--peers", required=True)
    arguments.add_argument("--slipway", required=True)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--ydf", action="store_true")
    arguments = arguments.parse_args()
    values, labels = explain.made_table(100_000)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        values.tofile(folder / "rows.f32")
        for name, model in explain.models(values, labels).items():
            file = explain.save(model, folder)
            bundle = folder / name.replace(" ", "_")
            subprocess.run([arguments.slipway, "import", file, "--name", "peer", "--out", bundle], check=True, capture_output=True)
            onnx.save(matrix_model(bundle / "model.onnx"), folder / "matrix.onnx")
            peers, native = peers_of(model, file), native_peers(model, file, folder)
            if arguments.ydf and (own := ydf_model(name, values[:20_000], labels[:20_000])):
                peers["YDF (its own model)"] = own
            runs, rates, natives = [], {peer: [] for peer in peers}, {peer: [] for peer in native}
            for _ in range(arguments.repeats):
                command = [arguments.driver, bundle, folder / "rows.f32", folder / "matrix.onnx"]
                runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
                for peer, words in native.items():
                    command = [arguments.peers, *words, folder / "rows.f32", str(explain.COLUMNS)]
                    natives[peer].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
                for peer, score in peers.items():
                    rates[peer].append(explain.rows_per_second(score, values[:20_000], 1))
            own = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            found[name] = own
            print(f"{name}: Slipway {own['automatic']:,.0f} rows/s")
            for kernel in ("walk", "interleaved", "avx2", "avx512", "sliced", "sliced_avx2", "sliced_avx512", "masks", "masks_avx2", "masks_avx512"):
                if kernel in own:
                    print(f"  kernel {kernel:14} {own[kernel]:12,.0f}")
            known = model.predict_proba(values[:100])[:, 1]
            own["peers"] = {"ONNX Runtime": own["onnx_runtime"]}
            own["one_row"] = {"ONNX Runtime": [own["onnx_runtime_one_row_us"], own["onnx_runtime_one_row_cold_us"]]}
            for peer, several in natives.items():
                worst = np.abs(known - several[0]["scores"]).max()
                if worst > 1e-4:
                    print(f"  {peer} differs by {worst:.2g}")
                own["peers"][peer], *own["one_row"][peer] = (
                    statistics.median(run[key] for run in several) for key in ("rows_per_second", "one_row_us", "one_row_cold_us")
                )
            own["peers"].update({peer: statistics.median(several) for peer, several in rates.items()})
            for peer, rate in own["peers"].items():
                print(f"  {peer:21} {rate:12,.0f} rows/s ({own['automatic'] / rate:.1f}x)")
            print(f"  one row: Slipway hot {own['one_row_us']:.2f} us, cold {own['one_row_cold_us']:.1f} us")
            for peer, (hot, cold) in own["one_row"].items():
                print(f"  {peer:21} hot {hot:7.2f} us ({hot / own['one_row_us']:.1f}x), cold {cold:7.1f} us "
                      f"({cold / own['one_row_cold_us']:.1f}x)", flush=True)  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
