"""Scores of ONNX Runtime for several files of the same rows: onnx_scores.py ROWS.csv OUT.npz MODEL.onnx ...

Writes `scores<number>` and, for classes, `labels<number>` by the file's place; prints the version of ONNX Runtime. Run with PYTHONPATH
to take another version.
"""

import sys

import numpy
import onnx_check
import onnxruntime


def main():
    table = onnx_check.read_table(sys.argv[1])
    onnxruntime.set_default_logger_severity(4)
    found = {}
    for number, file in enumerate(sys.argv[3:]):
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        outputs = session.run(None, onnx_check.feed_of(session, table))
        found[f"scores{number}"] = outputs[-1]
        if len(outputs) == 2:
            found[f"labels{number}"] = outputs[0].astype(str)
    numpy.savez(sys.argv[2], **found)
    print(onnxruntime.__version__)


if __name__ == "__main__":
    main()
