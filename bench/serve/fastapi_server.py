"""The usual Python server: FastAPI and ONNX Runtime on a bundle's model.onnx.

usage: uvicorn fastapi_server:app, with MODEL naming the file
"""

import onnx_scorer
from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/score")
async def score(request: Request):
    return {"outputs": onnx_scorer.score(await request.json())}
