"""The usual Python server: FastAPI and ONNX Runtime on a bundle's model.onnx.

usage: uvicorn fastapi_server:app, with MODEL naming the file
"""

import os

import numpy
import onnxruntime
from fastapi import FastAPI, Request

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
kinds = {one.name: one.type for one in session.get_inputs()}
app = FastAPI()


def column(kind, value):
    if "string" in kind:
        return numpy.array([[value]], dtype=object)
    return numpy.array([[value]], dtype=numpy.float32 if "float" in kind else numpy.int64)


@app.post("/score")
async def score(request: Request):
    row = await request.json()
    outputs = session.run(None, {name: column(kind, row[name]) for name, kind in kinds.items()})
    return {"outputs": [numpy.asarray(one).tolist() for one in outputs]}
