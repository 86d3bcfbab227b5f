"""BentoML and ONNX Runtime on a bundle's model.onnx, one worker, access log and metrics off.

usage: bentoml serve bentoml_server:Scorer, with MODEL naming the file
"""

import bentoml
import onnx_scorer


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Scorer:
    @bentoml.api
    def score(self, row: dict) -> list:
        return onnx_scorer.score(row)
