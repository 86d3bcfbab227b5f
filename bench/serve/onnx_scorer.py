"""What the Python servers share: a row of named values through ONNX Runtime, one thread; MODEL names the file."""

import os

import numpy
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
kinds = {one.name: one.type for one in session.get_inputs()}


def column(kind, value):
    if "string" in kind:
        return numpy.array([[value]], dtype=object)
    return numpy.array([[value]], dtype=numpy.float32 if "float" in kind else numpy.int64)


def score(row):
    """The file's outputs for one row, as lists."""
    outputs = session.run(None, {name: column(kind, row[name]) for name, kind in kinds.items()})
    return [numpy.asarray(one).tolist() for one in outputs]
