"""Scores a second over the size of a forest, Slipway and peers, one thread, as a plot (SVG).

    python bench/engine/sizes.py --driver build/release/bench/engine/bench_engine --peers build/release/bench/engine/bench_peers \\
        --slipway build/release/slipway --out docs/engine_sizes.svg [--trees 100] [--repeats 3]

Needs what engine.py needs. Forests of extremely randomised trees (scikit-learn) with 16 to 16,384 leaves a tree on 100,000 rows x
30. Batches of 20,000 rows and more, and one row hot; CPU time, medians. The limit drawn is memory's: as many random cache
lines a second as this machine reads from an array of the ensemble's size (8 bytes a node), over the nodes that a row visits.
TL2cgen is compiled up to 50,000 nodes. Prints the figures as one JSON object.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import tempfile

import engine
import numpy as np
import onnx
import sklearn.ensemble
import xgboost

explain = engine.explain
LEAVES = (16, 64, 256, 1024, 4096, 16384)
SERIES = {  # name -> colour
    "Slipway, batches": "#0b5fa5",
    "Slipway, one row": "#6aaee0",
    "XGBoost, batches": "#c4511c",
    "XGBoost, one row": "#eeb08f",
    "ONNX Runtime, batches": "#3b7d3b",
    "ONNX Runtime, one row": "#a3cfa3",
    "TL2cgen": "#8a5fb0",
    "memory's limit of a walk": "#888888",
}
CACHES = {"L1": 32 << 10, "L2": 512 << 10, "L3": 32 << 20}


def caches():
    """Sizes of this machine's caches as far as Linux tells."""
    found = {}
    for index in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        read = lambda name: (index / name).read_text().strip()  # noqa: E731, B023
        if read("type") != "Instruction":
            size = read("size")
            found[f"L{read('level')}"] = int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20}[size[-1]]
    return found or CACHES


def measure(arguments, leaves, values, labels, folder):
    forest = sklearn.ensemble.ExtraTreesClassifier(
        arguments.trees, max_features=1, max_leaf_nodes=leaves, random_state=1, n_jobs=1
    ).fit(values, labels)  # fmt: skip
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    path = float(np.diff(forest.decision_path(values[:1000])[0].indptr).mean())
    folder.mkdir()
    file = folder / "model.json"
    explain.forest_as_xgboost.write(forest, [f"f{i}" for i in range(explain.COLUMNS)], file)
    bundle = folder / "bundle"
    subprocess.run([arguments.slipway, "import", file, "--name", "peer", "--out", bundle], check=True, capture_output=True)
    onnx.save(engine.matrix_model(bundle / "model.onnx"), folder / "matrix.onnx")
    rows = folder.parent / "rows.f32"
    peers = {"XGBoost": ["xgboost", engine.library_of(xgboost), file]}
    if nodes <= 50_000:
        peers = engine.native_peers(forest, file, folder)
    own, others = [], {peer: [] for peer in peers}
    for _ in range(arguments.repeats):
        done = subprocess.run([arguments.driver, bundle, rows, folder / "matrix.onnx", "automatic"], check=True, stdout=subprocess.PIPE)
        own.append(json.loads(done.stdout))
        for peer, words in peers.items():
            command = [arguments.peers, *words, rows, str(explain.COLUMNS)]
            others[peer].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    middle = lambda runs, key: statistics.median(run[key] for run in runs)  # noqa: E731
    result = {
        "nodes": nodes,
        "Slipway, batches": middle(own, "automatic"),
        "Slipway, one row": 1e6 / middle(own, "one_row_us"),
        "ONNX Runtime, batches": middle(own, "onnx_runtime"),
        "ONNX Runtime, one row": 1e6 / middle(own, "onnx_runtime_one_row_us"),
        "XGBoost, batches": middle(others["XGBoost"], "rows_per_second"),
        "XGBoost, one row": 1e6 / middle(others["XGBoost"], "one_row_us"),
        "memory's limit of a walk": middle(own, "random_lines_per_second") / path,
    }
    if "TL2cgen" in others:
        result["TL2cgen"] = middle(others["TL2cgen"], "rows_per_second")
    return result


def plot(points, trees, sizes):
    width, height, left, right, top, bottom = 860, 470, 70, 210, 30, 50
    xs = [math.log10(point["nodes"]) for point in points]
    known = [math.log10(point[name]) for point in points for name in SERIES if name in point]
    x0, x1, y0, y1 = math.floor(xs[0] * 4) / 4, math.ceil(xs[-1] * 4) / 4, math.floor(min(known)), math.ceil(max(known))
    x = lambda value: left + (math.log10(value) - x0) / (x1 - x0) * (width - left - right)  # noqa: E731
    y = lambda value: height - bottom - (math.log10(value) - y0) / (y1 - y0) * (height - top - bottom)  # noqa: E731
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="18">Rows a second on one thread over the nodes of a forest of {trees} trees</text>',
    ]
    for power in range(y0, y1 + 1):
        out.append(f'<path d="M{left} {y(10**power):.0f}H{width - right}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{y(10**power) + 4:.0f}" text-anchor="end">{10**power:,}</text>')
    for power in range(math.ceil(x0), math.floor(x1) + 1):
        out.append(f'<text x="{x(10**power):.0f}" y="{height - bottom + 18}" text-anchor="middle">{10**power:,}</text>')
    out.append(f'<text x="{(left + width - right) / 2:.0f}" y="{height - 12}" text-anchor="middle">nodes (8 bytes each)</text>')
    for name, size in sorted(sizes.items()):
        if 10**x0 < size / 8 < 10**x1:
            out.append(f'<path d="M{x(size / 8):.0f} {top}V{height - bottom}" stroke="#aaa" stroke-dasharray="4 4"/>')
            out.append(f'<text x="{x(size / 8) + 4:.0f}" y="{top + 12}" fill="#666">{name} full</text>')
    ends = []
    for name, colour in SERIES.items():
        places = [(x(point["nodes"]), y(point[name])) for point in points if name in point]
        if not places:
            continue
        line = "L".join(f"{a:.0f} {b:.0f}" for a, b in places)
        dashes = ' stroke-dasharray="2 3"' if name.startswith("memory") else ""
        out.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        ends.append((places[-1][1], name, colour))
    place = 0
    for end, name, colour in sorted(ends):
        place = max(place + 15, end + 4)
        out.append(f'<text x="{width - right + 8}" y="{place:.0f}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--driver", "--peers", "--slipway", "--out"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--trees", type=int, default=100)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments = arguments.parse_args()
    values, labels = explain.made_table(100_000)
    points = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        values.tofile(folder / "rows.f32")
        for leaves in LEAVES:
            points.append(measure(arguments, leaves, values, labels, folder / str(leaves)))
            print({name: round(value) for name, value in points[-1].items()}, flush=True)
    pathlib.Path(arguments.out).write_text(plot(points, arguments.trees, caches()))
    print(json.dumps(points))


if __name__ == "__main__":
    main()
