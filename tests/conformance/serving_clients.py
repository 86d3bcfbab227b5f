"""What real clients make of a running server: tritonclient over the Open Inference Protocol, plain HTTP elsewhere.

usage: python serving_clients.py BASE_URL GRPC_ADDRESS MODEL
Prints one line per check; exit code 1 if one fails.
"""

import gzip
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import numpy
import tritonclient.http
from tritonclient.utils import InferenceServerException

PLAIN = {"FP32": 1.5, "BYTES": "NY", "INT64": 1795525200}
MISSING = {"FP32": numpy.nan, "BYTES": b"", "INT64": numpy.iinfo(numpy.int64).min}
NUMPY = {"FP32": numpy.float32, "BYTES": numpy.object_, "INT64": numpy.int64}


class Checks:
    """The names of the checks done, and what went wrong."""

    def __init__(self):
        self.lines = []

    def run(self, name, check):
        try:
            problem = check()
        except Exception as failure:  # a check may fail in any way; all of them are told
            problem = f"{type(failure).__name__}: {failure}"
        self.lines.append((name, problem))

    def report(self):
        width = max(len(name) for name, _ in self.lines)
        for name, problem in self.lines:
            print(f"{name:<{width}}  {'ok' if problem is None else 'FAILED: ' + str(problem)}")
        failed = sum(problem is not None for _, problem in self.lines)
        print(f"{len(self.lines) - failed} of {len(self.lines)} passed")
        return 1 if failed else 0


def expect(condition, problem):
    return None if condition else problem


def call(base, method, path, body=None, headers=None):
    """Status, headers and text of an answer."""
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def tensors(metadata, rows, binary):
    """One tensor per input of the model, as tritonclient makes them."""
    made = []
    for tensor in metadata["inputs"]:
        datatype = tensor["datatype"]
        plain = PLAIN[datatype].encode() if datatype == "BYTES" else PLAIN[datatype]
        values = numpy.array([plain] * rows, dtype=NUMPY[datatype])
        one = tritonclient.http.InferInput(tensor["name"], [rows], tensor["datatype"])
        one.set_data_from_numpy(values, binary_data=binary)
        made.append(one)
    return made


def with_triton(checks, base, model):
    client = tritonclient.http.InferenceServerClient(urllib.parse.urlparse(base).netloc)
    metadata = client.get_model_metadata(model)
    version = metadata["versions"][-1]
    checks.run("triton: server live", lambda: expect(client.is_server_live(), "not live"))
    checks.run("triton: server ready", lambda: expect(client.is_server_ready(), "not ready"))
    checks.run("triton: model ready", lambda: expect(client.is_model_ready(model), "not ready"))
    checks.run("triton: model version ready", lambda: expect(client.is_model_ready(model, version), "not ready"))
    checks.run("triton: unknown model is not ready", lambda: expect(not client.is_model_ready("no-such-model"), "ready"))
    checks.run("triton: server metadata", lambda: expect(client.get_server_metadata()["name"], "no name"))
    checks.run("triton: model metadata", lambda: expect(metadata["platform"] and metadata["inputs"], metadata))
    checks.run(
        "triton: repository index",
        lambda: expect(any(m["name"] == model and m["state"] == "READY" for m in client.get_model_repository_index()), "absent"),
    )

    reference = {}
    for binary_in in (False, True):
        for binary_out in (False, True):
            outputs = [
                tritonclient.http.InferRequestedOutput(name, binary_data=binary_out)
                for name in ("score", "probabilities", "label")
                if name in {tensor["name"] for tensor in metadata["outputs"]}
            ]

            def infer():
                result = client.infer(model, tensors(metadata, 3, binary_in), request_id="id-é", outputs=outputs)
                answer = result.get_response()
                score = result.as_numpy("score")
                if answer["id"] != "id-é":
                    return f"id {answer.get('id')!r}"
                if answer["model_name"] != model or answer["model_version"] != version:
                    return f"model {answer['model_name']} version {answer['model_version']}"
                if score.dtype != numpy.float32 or score.shape[0] != 3 or not numpy.isfinite(score).all():
                    return f"score {score!r}"
                labels = result.as_numpy("label")
                kept = (score.tolist(), None if labels is None else [str(v.decode() if isinstance(v, bytes) else v) for v in labels])
                if reference.setdefault("answer", kept) != kept:
                    return f"differs from the first answer: {kept}"
                return None

            checks.run(f"triton: infer, input {'binary' if binary_in else 'JSON'}, output {'binary' if binary_out else 'JSON'}", infer)

    checks.run(
        "triton: infer without choosing outputs",
        lambda: expect(client.infer(model, tensors(metadata, 1, True)).as_numpy("score").shape[0] == 1, "shape"),
    )
    checks.run(
        "triton: infer a version",
        lambda: expect(client.infer(model, tensors(metadata, 1, True), model_version=version).as_numpy("score") is not None, "none"),
    )

    def missing_numbers():
        inputs = []
        for tensor in metadata["inputs"]:
            values = numpy.array([MISSING[tensor["datatype"]]], dtype=NUMPY[tensor["datatype"]])
            one = tritonclient.http.InferInput(tensor["name"], [1, 1], tensor["datatype"])
            one.set_data_from_numpy(values.reshape(1, 1), binary_data=False)
            inputs.append(one)
        return expect(numpy.isfinite(client.infer(model, inputs).as_numpy("score")).all(), "not finite")

    checks.run("triton: NaN in JSON is missing", missing_numbers)

    def async_infer():
        running = [client.async_infer(model, tensors(metadata, 1, True)) for _ in range(8)]
        return expect(len({tuple(one.get_result().as_numpy("score").tolist()) for one in running}) == 1, "answers differ")

    checks.run("triton: async infer", async_infer)

    def refused(name, make, part):
        def check():
            try:
                make()
            except InferenceServerException as error:
                return expect(part in error.message(), error.message())
            return "was accepted"

        checks.run(f"triton: {name} is refused", check)

    refused("an unknown model", lambda: client.infer("no-such-model", tensors(metadata, 1, True)), "unknown model")
    refused("an unknown version", lambda: client.infer(model, tensors(metadata, 1, True), model_version="999"), "999")

    def unknown_input():
        extra = tritonclient.http.InferInput("no_such_input", [1], "FP32")
        extra.set_data_from_numpy(numpy.zeros(1, dtype=numpy.float32))
        client.infer(model, [*tensors(metadata, 1, True), extra])

    refused("an unknown input", unknown_input, "no_such_input")
    refused(
        "an unknown output",
        lambda: client.infer(model, tensors(metadata, 1, True), outputs=[tritonclient.http.InferRequestedOutput("no_such")]),
        "no_such",
    )
    client.close()
    return metadata, reference.get("answer")


def with_triton_extensions(checks, base, model, metadata, answer):
    """What Triton has beside the protocol: packed bodies, classification, configuration, statistics, the repository."""
    client = tritonclient.http.InferenceServerClient(urllib.parse.urlparse(base).netloc)

    def packed(algorithm, binary):
        result = client.infer(
            model, tensors(metadata, 300, binary),
            request_compression_algorithm=algorithm, response_compression_algorithm=algorithm,
        )  # fmt: skip
        return expect(result.as_numpy("score")[:3].tolist() == answer[0], result.as_numpy("score")[:3])

    for algorithm in ("gzip", "deflate"):
        for binary in (False, True):
            checks.run(f"triton: {algorithm} both ways, binary {binary}", lambda a=algorithm, b=binary: packed(a, b))

    def classification():
        output = tritonclient.http.InferRequestedOutput("probabilities", class_count=2)
        top = client.infer(model, tensors(metadata, 2, True), outputs=[output]).as_numpy("probabilities")
        value, index, label = top[0][0].decode().split(":")
        return expect(top.shape == (2, 2) and label == answer[1][0] and float(value) >= 0.5 and index in "01", top)

    checks.run("triton: classification", classification)
    config = client.get_model_config(model)
    checks.run(
        "triton: configuration",
        lambda: expect([t["name"] for t in config["input"]] == [t["name"] for t in metadata["inputs"]], config),
    )

    def statistics():
        before = client.get_inference_statistics(model)["model_stats"][0]
        client.infer(model, tensors(metadata, 3, True))
        after = client.get_inference_statistics(model)["model_stats"][0]
        return expect(
            after["inference_count"] - before["inference_count"] == 3
            and after["inference_stats"]["success"]["count"] - before["inference_stats"]["success"]["count"] == 1,
            (before, after),
        )

    checks.run("triton: statistics", statistics)

    def unload_and_load():
        client.unload_model(model)
        gone = client.is_model_ready(model)
        client.load_model(model)
        return expect(not gone and client.is_model_ready(model), f"ready after unload {gone}")

    checks.run("triton: unload and load", unload_and_load)
    client.close()


def with_mlflow(checks, base, metadata, answer):
    """MLflow's own client of its scoring server."""
    import pandas
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    client = ScoringServerClient("127.0.0.1", urllib.parse.urlparse(base).port)
    row = {tensor["name"]: PLAIN[tensor["datatype"]] for tensor in metadata["inputs"]}

    def invoke(data):
        predictions = client.invoke(data).get_predictions()
        scores = numpy.float32(predictions["score"]).tolist()
        return expect(scores == numpy.float32([answer[0][0]] * 2).tolist(), scores)

    checks.run("MLflow's client: ping", lambda: client.ping())
    checks.run("MLflow's client: a data frame", lambda: invoke(pandas.DataFrame([row, row])))

    def csv():
        text = pandas.DataFrame([row, row]).to_csv(index=False)
        status, _, body = call(base, "POST", "/invocations", text.encode(), {"Content-Type": "text/csv"})
        scores = [numpy.float32(one["score"]) for one in json.loads(body)["predictions"]]
        return expect(status == 200 and scores == [numpy.float32(answer[0][0])] * 2, body)

    checks.run("MLflow: CSV that pandas wrote", csv)
    checks.run(
        "MLflow: an error is BAD_REQUEST",
        lambda: expect(json.loads(call(base, "POST", "/invocations", {})[2])["error_code"] == "BAD_REQUEST", "not so"),
    )
    checks.run(
        "MLflow: another charset is 415 in plain text",
        lambda: expect(call(base, "POST", "/invocations", b"x", {"Content-Type": "text/csv; charset=latin1"})[0] == 415, "not so"),
    )
    checks.run("MLflow: version", lambda: expect(call(base, "GET", "/version")[2].strip(), "empty"))


def with_curl(checks, base, model, metadata):
    """curl as people type it."""
    row = {tensor["name"]: PLAIN[tensor["datatype"]] for tensor in metadata["inputs"]}

    def curl(*words, data=None):
        run = subprocess.run(["curl", "-sS", "-f", *words], input=data, capture_output=True, timeout=30)
        if run.returncode != 0:
            raise AssertionError(run.stderr.decode())
        return run.stdout

    checks.run(
        "curl: -d without a content type",
        lambda: expect("score" in json.loads(curl(base + f"/score?model={model}", "-d", json.dumps(row))), "no score"),
    )
    checks.run(
        "curl: --compressed with a packed body",
        lambda: expect(
            len(
                json.loads(
                    curl(
                        "--compressed", "-H", "Content-Encoding: gzip", "--data-binary", "@-", base + f"/score?model={model}",
                        data=gzip.compress(json.dumps([row] * 100).encode()),
                    )
                )
            )
            == 100,
            "not 100 rows",
        ),
    )  # fmt: skip
    checks.run(
        "curl: chunked and Expect: 100-continue",
        lambda: expect(
            b"score" in curl("-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "--data-binary", "@-",
                             base + f"/score?model={model}", data=json.dumps(row).encode()),
            "no score",
        ),
    )  # fmt: skip
    checks.run("curl: HEAD", lambda: expect(b"200 OK" in curl("-I", base + "/v2/health/live"), "not 200"))
    checks.run(
        "curl: the OpenAPI document",
        lambda: expect(json.loads(curl(base + "/openapi.json"))["openapi"].startswith("3."), "no version"),
    )


def with_plain_http(checks, base, model, metadata, answer):
    fields = {tensor["name"]: PLAIN[tensor["datatype"]] for tensor in metadata["inputs"]}
    path = f"/v1/models/{model}"

    def predictions(body, key="predictions", target=path + ":predict"):
        status, _, text = call(base, "POST", target, body)
        if status != 200:
            raise AssertionError(f"{status}: {text}")
        return json.loads(text)[key]

    def same_score(row):
        scores = row["scores"].values() if "scores" in row else [row["score"]]
        expected = numpy.ravel(answer[0][0])
        return expect(numpy.float32(list(scores)).tolist() == numpy.float32(expected).tolist(), f"{row}, expected {expected}")

    checks.run("TensorFlow Serving: status", lambda: expect("AVAILABLE" in call(base, "GET", path)[2], "not available"))
    checks.run(
        "TensorFlow Serving: metadata",
        lambda: expect(
            set(json.loads(call(base, "GET", path + "/metadata")[2])["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"])
            == set(fields),
            "inputs differ",
        ),
    )
    checks.run("TensorFlow Serving: rows by position", lambda: same_score(predictions({"instances": [list(fields.values())]})[0]))
    checks.run("TensorFlow Serving: rows by name", lambda: same_score(predictions({"instances": [fields]})[0]))
    checks.run(
        "TensorFlow Serving: signature and version",
        lambda: same_score(
            predictions({"signature_name": "serving_default", "instances": [fields]}, target=f"{path}/versions/{metadata['versions'][-1]}:predict")[0]
        ),
    )
    checks.run(
        "TensorFlow Serving: columns",
        lambda: expect(len(predictions({"inputs": {name: [value] * 2 for name, value in fields.items()}}, "outputs")) >= 1, "no outputs"),
    )
    checks.run(
        "TensorFlow Serving: neither instances nor inputs is 400",
        lambda: expect(call(base, "POST", path + ":predict", {})[0] == 400, "accepted"),
    )
    checks.run(
        "TensorFlow Serving: unknown model is 404 with an error",
        lambda: expect(
            (lambda answered: answered[0] == 404 and "error" in json.loads(answered[2]))(call(base, "POST", "/v1/models/no-such:predict", {"instances": []})),
            "not so",
        ),
    )
    checks.run(
        "MLflow: dataframe_split",
        lambda: same_score(
            predictions({"dataframe_split": {"columns": list(fields), "data": [list(fields.values())]}}, target=f"/invocations?model={model}")[0]
        ),
    )
    checks.run(
        "MLflow: dataframe_records",
        lambda: same_score(predictions({"dataframe_records": [fields]}, target=f"/invocations?model={model}")[0]),
    )
    checks.run(
        "TensorFlow Serving: classify",
        lambda: expect(
            [numpy.float32(score) for _, score in predictions({"examples": [fields]}, "results", path + ":classify")[0]][-1]
            == numpy.float32(answer[0][0]),
            "another score",
        ),
    )
    checks.run(
        "TensorFlow Serving: regress by label",
        lambda: expect(
            numpy.float32(predictions({"examples": [fields]}, "results", path + "/labels/champion:regress")[0])
            == numpy.float32(answer[0][0]),
            "another score",
        ),
    )
    checks.run(
        "TensorFlow Serving: an unknown label is 400",
        lambda: expect(call(base, "POST", path + "/labels/blue:predict", {"instances": [fields]})[0] == 400, "not so"),
    )
    checks.run("MLflow: ping", lambda: expect(call(base, "GET", "/ping")[0] == 200, "not 200"))

    def score():
        status, headers, text = call(base, "POST", f"/score?model={model}", fields, {"X-Request-Id": "abc"})
        row = json.loads(text)
        if status != 200 or headers["X-Request-Id"] != "abc" or row["request_id"] != "abc":
            return f"{status} {headers} {text}"
        return same_score(row)

    checks.run("/score: named fields and request id", score)

    def policy():
        """The answer names the rule that decided its label; what the rule is stands at the root."""
        row = json.loads(call(base, "POST", f"/score?model={model}", fields)[2])
        stated = next(one for one in json.loads(call(base, "GET", "/")[2])["models"] if one["version"] == row["version"])["policy"]
        return expect(row["policy"] == stated["version"] and row["label"] == ("1" if row["score"] >= stated["threshold"] else "0"), (row, stated))

    checks.run("/score: the label's policy", policy)
    checks.run("wrong verb is 405 with Allow", lambda: expect(call(base, "GET", "/score")[1]["Allow"] == "POST", "no Allow"))
    checks.run(
        "metrics have HELP and TYPE",
        lambda: expect("# HELP slipway_rows_scored_total" in call(base, "GET", "/metrics")[2], "absent"),
    )


def with_kserve(checks, base, model, metadata, answer):
    """KServe's V1 protocol, which shares its paths with TensorFlow Serving."""
    row = {tensor["name"]: PLAIN[tensor["datatype"]] for tensor in metadata["inputs"]}

    def post(verb):
        status, _, text = call(base, "POST", f"/v1/models/{model}:{verb}", {"instances": [row, list(row.values())]})
        if status != 200:
            raise AssertionError(f"{status}: {text}")
        return json.loads(text)

    def scores(rows):
        return expect([numpy.float32(one["score"]) for one in rows] == [numpy.float32(answer[0][0])] * 2, rows)

    checks.run("KServe V1: alive", lambda: expect(json.loads(call(base, "GET", "/")[2])["status"] == "alive", "not so"))
    checks.run("KServe V1: the models", lambda: expect(model in json.loads(call(base, "GET", "/v1/models")[2])["models"], "absent"))
    checks.run("KServe V1: predict", lambda: scores(post("predict")["predictions"]))
    checks.run("KServe V1: explain", lambda: scores(post("explain")["explanations"]))
    checks.run("KServe V1: explain gives reasons", lambda: expect(all("reasons" in one for one in post("explain")["explanations"]), "none"))
    for verb in ("predict", "explain"):
        checks.run(
            f"KServe V1: {verb} of an unknown model is 404",
            lambda v=verb: expect(call(base, "POST", f"/v1/models/no-such:{v}", {"instances": []})[0] == 404, "not so"),
        )


def with_prometheus(checks, base, model):
    """Every metric as Prometheus' own client reads it."""
    from prometheus_client.parser import text_string_to_metric_families

    status, headers, text = call(base, "GET", "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    checks.run("metrics: content type", lambda: expect(status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers))

    def documented():
        wrong = [f.name for f in families.values() if not f.documentation or f.type == "unknown" or not f.samples and "slipway" not in f.name]
        return expect(not wrong, wrong)

    checks.run("metrics: each has its help and type", documented)

    def histograms():
        found = 0
        for family in families.values():
            if family.type != "histogram":
                continue
            series = {}
            for sample in family.samples:
                labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
                series.setdefault(labels, {}).setdefault(sample.name.rsplit("_", 1)[1], []).append((sample.labels.get("le"), sample.value))
            for labels, parts in series.items():
                counts = [value for _, value in parts["bucket"]]
                if counts != sorted(counts) or parts["bucket"][-1][0] != "+Inf" or counts[-1] != parts["count"][0][1] or len(parts["sum"]) != 1:
                    return f"{family.name} {labels}: {parts}"
                found += 1
        return expect(found > 0, "there are none")

    checks.run("metrics: histograms are cumulative and whole", histograms)

    def value(name, **labels):
        """The sum of a metric's samples; the parser adds `_total` to what counts."""
        samples = [s for f in families.values() for s in f.samples if s.name in (name, name + "_total")]
        if not samples:
            raise AssertionError(f"{name} is absent")
        return sum(s.value for s in samples if labels.items() <= s.labels.items())

    triton = ("nv_inference_request_success", "nv_inference_count", "nv_inference_exec_count", "nv_inference_request_duration_us",
              "nv_inference_compute_input_duration_us", "nv_inference_compute_infer_duration_us", "nv_inference_compute_output_duration_us")  # fmt: skip
    checks.run("metrics: Triton's names count", lambda: expect(all(value(name, model=model) > 0 for name in triton), [value(n, model=model) for n in triton]))
    checks.run("metrics: Triton's queue is empty", lambda: expect(value("nv_inference_queue_duration_us") == value("nv_inference_pending_request_count") == 0, "not so"))
    checks.run("metrics: Triton's failures have a reason", lambda: expect(value("nv_inference_request_failure", model=model, reason="OTHER") > 0, "none"))
    checks.run("metrics: TensorFlow Serving's requests", lambda: expect(value(":tensorflow:serving:request_count", model_name=model, status="OK") > 0, "none"))
    latency = {"model_name": model, "API": "Predict", "entrypoint": "REST"}
    name = ":tensorflow:serving:request_latency"
    checks.run(
        "metrics: TensorFlow Serving's latencies, 33 buckets from 10 microseconds on",
        lambda: expect(
            value(name + "_count", **latency) > 0
            and [s.labels["le"] for s in families[name].samples if s.name == name + "_bucket" and latency.items() <= s.labels.items()][:3] == ["10", "18", "32.4"]
            and len([s for s in families[name].samples if s.name == name + "_bucket" and latency.items() <= s.labels.items()]) == 34,
            families[name],
        ),
    )
    checks.run("metrics: and of the model alone", lambda: expect(value(":tensorflow:serving:runtime_latency_count", API="Classify") > 0, "none"))


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    base, model = sys.argv[1].rstrip("/"), sys.argv[3]
    checks = Checks()
    metadata, answer = with_triton(checks, base, model)
    with_triton_extensions(checks, base, model, metadata, answer)
    with_plain_http(checks, base, model, metadata, answer)
    with_mlflow(checks, base, metadata, answer)
    with_curl(checks, base, model, metadata)
    with_kserve(checks, base, model, metadata, answer)
    with_prometheus(checks, base, model)
    return checks.report()


if __name__ == "__main__":
    sys.exit(main())
