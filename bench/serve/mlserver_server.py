"""MLServer and ONNX Runtime on a bundle's model.onnx, in its own process (no parallel workers).

usage: mlserver start FOLDER, with MODEL naming the file and FOLDER holding settings.json and model-settings.json (compare.py writes them)
"""

import json

import onnx_scorer
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Scorer(MLModel):
    async def load(self):
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = onnx_scorer.score({one.name: one.data[0] for one in payload.inputs})
        return InferenceResponse(
            model_name=self.name,
            outputs=[ResponseOutput(name="scores", shape=[1], datatype="BYTES", data=[json.dumps(outputs)])],
        )
