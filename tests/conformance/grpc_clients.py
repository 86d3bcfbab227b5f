"""What real gRPC clients make of a running server: tritonclient, tensorflow-serving-api, grpcio-health-checking,
grpcio-reflection.

usage: python grpc_clients.py BASE_URL GRPC_ADDRESS MODEL
Prints one line per check; exit code 1 if one fails.
"""

import os
import queue
import sys
import threading

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import grpc
import numpy
import tritonclient.grpc
from serving_clients import PLAIN, Checks, call, expect, NUMPY
from tritonclient.utils import InferenceServerException


def tensors(metadata, rows):
    made = []
    for tensor in metadata.inputs:
        plain = PLAIN[tensor.datatype].encode() if tensor.datatype == "BYTES" else PLAIN[tensor.datatype]
        one = tritonclient.grpc.InferInput(tensor.name, [rows], tensor.datatype)
        one.set_data_from_numpy(numpy.array([plain] * rows, dtype=NUMPY[tensor.datatype]))
        made.append(one)
    return made


def with_triton(checks, address, model):
    client = tritonclient.grpc.InferenceServerClient(address)
    metadata = client.get_model_metadata(model)
    version = metadata.versions[-1]
    checks.run("triton gRPC: live, ready", lambda: expect(client.is_server_live() and client.is_server_ready(), "not so"))
    checks.run("triton gRPC: model ready", lambda: expect(client.is_model_ready(model, version), "not ready"))
    checks.run("triton gRPC: unknown is not ready", lambda: expect(not client.is_model_ready("no-such"), "ready"))
    checks.run("triton gRPC: server metadata", lambda: expect(client.get_server_metadata().name == "slipway", "another"))
    checks.run("triton gRPC: platform", lambda: expect(metadata.platform == "slipway", metadata.platform))
    config = client.get_model_config(model).config
    checks.run(
        "triton gRPC: configuration",
        lambda: expect([t.name for t in config.input] == [t.name for t in metadata.inputs] and config.input[0].data_type > 0, config),
    )
    checks.run(
        "triton gRPC: repository index",
        lambda: expect(any(m.name == model and m.state == "READY" for m in client.get_model_repository_index().models), "absent"),
    )
    answer = client.infer(model, tensors(metadata, 3), request_id="id-é")
    score = answer.as_numpy("score")
    checks.run("triton gRPC: infer", lambda: expect(score.shape == (3,) and numpy.isfinite(score).all(), score))
    checks.run("triton gRPC: the id comes back", lambda: expect(answer.get_response().id == "id-é", answer.get_response().id))
    checks.run("triton gRPC: label", lambda: expect(answer.as_numpy("label")[0] in (b"0", b"1"), answer.as_numpy("label")))
    checks.run(
        "triton gRPC: a version, an output, gzip",
        lambda: expect(
            client.infer(
                model, tensors(metadata, 1), model_version=version, compression_algorithm="gzip",
                outputs=[tritonclient.grpc.InferRequestedOutput("score")],
            ).as_numpy("score").tolist() == score[:1].tolist(),
            "another score",
        ),
    )  # fmt: skip

    def classification():
        output = tritonclient.grpc.InferRequestedOutput("probabilities", class_count=1)
        top = client.infer(model, tensors(metadata, 1), outputs=[output]).as_numpy("probabilities")
        return expect(top.shape == (1, 1) and top[0][0].count(b":") == 2, top)

    checks.run("triton gRPC: classification", classification)

    def statistics():
        before = client.get_inference_statistics(model).model_stats[0].inference_count
        client.infer(model, tensors(metadata, 5))
        return expect(client.get_inference_statistics(model).model_stats[0].inference_count - before == 5, "not 5")

    checks.run("triton gRPC: statistics", statistics)

    def asynchronous():
        answers = queue.Queue()
        for _ in range(8):
            client.async_infer(model, tensors(metadata, 1), callback=lambda result, error: answers.put((result, error)))
        got = [answers.get(timeout=30) for _ in range(8)]
        return expect(all(error is None and result.as_numpy("score")[0] == score[0] for result, error in got), got)

    checks.run("triton gRPC: async infer", asynchronous)

    def stream():
        answers = queue.Queue()
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        client.async_stream_infer(model, tensors(metadata, 1), request_id="1")
        client.async_stream_infer("no-such", tensors(metadata, 1), request_id="2")
        client.async_stream_infer(model, tensors(metadata, 2), request_id="3")
        got = [answers.get(timeout=30) for _ in range(3)]
        client.stop_stream()
        return expect(
            got[0][1] is None and "unknown model" in str(got[1][1]) and got[2][0].as_numpy("score").shape == (2,), got
        )

    checks.run("triton gRPC: stream, with an error in it", stream)

    def unload_and_load():
        client.unload_model(model)
        gone = client.is_model_ready(model)
        client.load_model(model)
        return expect(not gone and client.is_model_ready(model), f"ready after unload {gone}")

    checks.run("triton gRPC: unload and load", unload_and_load)

    def refused(name, make, code, part):
        def check():
            try:
                make()
            except InferenceServerException as error:
                return expect(code in error.status() and part in error.message(), f"{error.status()} {error.message()}")
            return "was accepted"

        checks.run(f"triton gRPC: {name} is refused", check)

    refused("an unknown model", lambda: client.infer("no-such", tensors(metadata, 1)), "NOT_FOUND", "Request for unknown model: 'no-such' is not found")
    refused("an unknown version", lambda: client.infer(model, tensors(metadata, 1), model_version="999"), "NOT_FOUND", "999")
    refused("an uneven request", lambda: client.infer(model, [*tensors(metadata, 2)[:1], *tensors(metadata, 1)[1:]]), "INVALID_ARGUMENT", "rows")

    def typed():
        """Contents instead of raw bytes, as other clients of the protocol send them."""
        from tritonclient.grpc import service_pb2, service_pb2_grpc

        request = service_pb2.ModelInferRequest(model_name=model)
        field = {"FP32": "fp32_contents", "BYTES": "bytes_contents", "INT64": "int64_contents"}
        for tensor in metadata.inputs:
            plain = PLAIN[tensor.datatype].encode() if tensor.datatype == "BYTES" else PLAIN[tensor.datatype]
            one = request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=[1])
            getattr(one.contents, field[tensor.datatype]).append(plain)
        with grpc.insecure_channel(address) as channel:
            got = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
        return expect(got.outputs[0].contents.fp32_contents[0] == score[0] and not got.raw_output_contents, got)

    checks.run("triton gRPC: typed contents in, typed contents out", typed)
    client.close()
    return metadata, score


def with_tensorflow(checks, address, model, metadata, score):
    import tensorflow
    from tensorflow_serving.apis import (
        classification_pb2, get_model_metadata_pb2, get_model_status_pb2, inference_pb2, model_service_pb2_grpc, predict_pb2,
        prediction_service_pb2_grpc, regression_pb2,
    )  # fmt: skip

    channel = grpc.insecure_channel(address)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    types = {"FP32": tensorflow.float32, "BYTES": tensorflow.string, "INT64": tensorflow.int64}

    def request_of(kind):
        request = kind()
        request.model_spec.name = model
        return request

    def predict(rows, label=None, filtered=()):
        request = request_of(predict_pb2.PredictRequest)
        if label:
            request.model_spec.version_label = label
        request.output_filter.extend(filtered)
        for tensor in metadata.inputs:
            values = tensorflow.constant([PLAIN[tensor.datatype]] * rows, dtype=types[tensor.datatype])
            request.inputs[tensor.name].CopyFrom(tensorflow.make_tensor_proto(values))
        return stub.Predict(request, timeout=30)

    def predicted():
        answer = predict(2)
        values = tensorflow.make_ndarray(answer.outputs["score"])
        return expect(values.tolist() == [score[0]] * 2 and answer.model_spec.version.value >= 1, answer)

    checks.run("TensorFlow gRPC: predict", predicted)
    checks.run("TensorFlow gRPC: by label, filtered", lambda: expect(list(predict(1, "champion", ["label"]).outputs) == ["label"], "others too"))

    def example():
        one = tensorflow.train.Example()
        for tensor in metadata.inputs:
            feature = one.features.feature[tensor.name]
            if tensor.datatype == "BYTES":
                feature.bytes_list.value.append(PLAIN["BYTES"].encode())
            elif tensor.datatype == "FP32":
                feature.float_list.value.append(PLAIN["FP32"])
            else:
                feature.int64_list.value.append(PLAIN["INT64"])
        return one

    def classify():
        request = request_of(classification_pb2.ClassificationRequest)
        request.input.example_list.examples.append(example())
        classes = stub.Classify(request, timeout=30).result.classifications[0].classes
        return expect(classes[1].label == "1" and numpy.float32(classes[1].score) == score[0], classes)

    def regress():
        request = request_of(regression_pb2.RegressionRequest)
        request.input.example_list_with_context.examples.add()
        request.input.example_list_with_context.context.CopyFrom(example())
        return expect(numpy.float32(stub.Regress(request, timeout=30).result.regressions[0].value) == score[0], "another score")

    def several():
        request = inference_pb2.MultiInferenceRequest()
        for method in ("classify", "regress"):
            task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
            task.model_spec.name = model
        request.input.example_list.examples.append(example())
        results = stub.MultiInference(request, timeout=30).results
        return expect(results[0].HasField("classification_result") and results[1].HasField("regression_result"), results)

    checks.run("TensorFlow gRPC: classify", classify)
    checks.run("TensorFlow gRPC: regress with a context", regress)
    checks.run("TensorFlow gRPC: both in one call", several)

    def described():
        request = request_of(get_model_metadata_pb2.GetModelMetadataRequest)
        request.metadata_field.append("signature_def")
        answer = stub.GetModelMetadata(request, timeout=30)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        if not answer.metadata["signature_def"].Unpack(signatures):
            return "the Any holds another message"
        inputs = signatures.signature_def["serving_default"].inputs
        return expect(set(inputs) == {tensor.name for tensor in metadata.inputs}, list(inputs))

    def status():
        request = request_of(get_model_status_pb2.GetModelStatusRequest)
        answer = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=30)
        state = get_model_status_pb2.ModelVersionStatus.State.AVAILABLE
        return expect(answer.model_version_status[0].state == state, answer)

    checks.run("TensorFlow gRPC: metadata", described)
    checks.run("TensorFlow gRPC: status", status)

    def refused(name, make, code):
        def check():
            try:
                make()
            except grpc.RpcError as error:
                return expect(error.code() == code, f"{error.code()} {error.details()}")
            return "was accepted"

        checks.run(f"TensorFlow gRPC: {name} is refused", check)

    refused("an unknown label", lambda: predict(1, "blue"), grpc.StatusCode.INVALID_ARGUMENT)
    refused("an unknown output", lambda: predict(1, None, ["scroe"]), grpc.StatusCode.INVALID_ARGUMENT)
    unknown = predict_pb2.PredictRequest()
    unknown.model_spec.name = "no-such"
    refused("an unknown model", lambda: stub.Predict(unknown, timeout=30), grpc.StatusCode.NOT_FOUND)
    refused("a method that is not there", lambda: channel.unary_unary("/tensorflow.serving.PredictionService/Nothing")(b""), grpc.StatusCode.UNIMPLEMENTED)
    channel.close()


def shape_of(message, seen, fields):
    """Every field of a message and of those in it: name, number, type, repeated, in a map or a oneof."""
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        of = field.message_type or field.enum_type
        fields[f"{message.full_name}.{field.name}"] = (
            field.number, field.type, field.is_repeated, of and of.full_name, field.containing_oneof and field.containing_oneof.name,
        )  # fmt: skip
        if field.enum_type:
            fields[field.enum_type.full_name] = {value.name: value.number for value in field.enum_type.values}
        if field.message_type:
            shape_of(field.message_type, seen, fields)


def with_reflection(checks, address):
    """What a client without stubs learns is what the clients' own stubs say."""
    import grpc_health.v1.health_pb2
    import tensorflow_serving.apis.model_service_pb2
    import tensorflow_serving.apis.prediction_service_pb2
    import tritonclient.grpc.service_pb2
    from google.protobuf import descriptor_pool
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    channel = grpc.insecure_channel(address)
    database = ProtoReflectionDescriptorDatabase(channel)
    theirs = {
        "grpc.health.v1.Health": grpc_health.v1.health_pb2, "inference.GRPCInferenceService": tritonclient.grpc.service_pb2,
        "tensorflow.serving.ModelService": tensorflow_serving.apis.model_service_pb2,
        "tensorflow.serving.PredictionService": tensorflow_serving.apis.prediction_service_pb2,
    }  # fmt: skip
    checks.run(
        "reflection: the services",
        lambda: expect(
            sorted(database.get_services()) == sorted([*theirs, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]),
            database.get_services(),
        ),
    )
    pool = descriptor_pool.DescriptorPool(database)

    def same(name, module):
        ours, published = pool.FindServiceByName(name), module.DESCRIPTOR.services_by_name[name.rsplit(".", 1)[1]]
        fields, expected = {}, {}
        for method in ours.methods:
            other = published.methods_by_name[method.name]
            wire = (method.client_streaming, method.server_streaming)
            if wire != (other.client_streaming, other.server_streaming):
                return f"{method.name}: {wire}"
            for one, its in ((method, fields), (other, expected)):
                seen = set()
                shape_of(one.input_type, seen, its)
                shape_of(one.output_type, seen, its)
        wrong = {}
        for key, ours_says in fields.items():
            says = expected.get(key)
            if isinstance(ours_says, dict):  # of an enumeration, as many values as are used
                if not ours_says.items() <= says.items():
                    wrong[key] = (ours_says, says)
            elif ours_says != says:
                wrong[key] = (ours_says, says)
        return expect(len(fields) > 0 and not wrong, wrong)

    for name, module in theirs.items():
        checks.run(f"reflection: {name} is as published", lambda n=name, m=module: same(n, m))

    def ask(version, **question):
        """The bytes are the same for both versions of the protocol."""
        call_it = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        return next(iter(call_it(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=30)))

    checks.run(
        "reflection: v1 too",
        lambda: expect(len(ask("v1", list_services="").list_services_response.service) == 6, ask("v1", list_services="")),
    )
    checks.run(
        "reflection: an unknown symbol is an error in the stream",
        lambda: expect(ask("v1", file_containing_symbol="no.Such").error_response.error_code == 5, "no error"),
    )

    def without_stubs():
        """A call made from what reflection tells alone."""
        from google.protobuf import message_factory

        method = pool.FindMethodByName("inference.GRPCInferenceService.ServerMetadata")
        kinds = [message_factory.GetMessageClass(one) for one in (method.input_type, method.output_type)]
        call_it = channel.unary_unary(
            "/inference.GRPCInferenceService/ServerMetadata", request_serializer=kinds[0].SerializeToString,
            response_deserializer=kinds[1].FromString,
        )  # fmt: skip
        return expect(call_it(kinds[0](), timeout=30).name == "slipway", "another server")

    checks.run("reflection: a call without stubs", without_stubs)
    channel.close()


def with_configuration(checks, address, model):
    """HandleReloadConfigRequest, seen by Health/Watch."""
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

    channel = grpc.insecure_channel(address)
    health = health_pb2_grpc.HealthStub(channel)
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    status = health_pb2.HealthCheckResponse

    def health_of(name):
        return health.Check(health_pb2.HealthCheckRequest(service=name), timeout=30).status

    checks.run("health: the server, a service, a model", lambda: expect({health_of(n) for n in ("", "inference.GRPCInferenceService", model)} == {status.SERVING}, "not so"))

    def unknown_service():
        try:
            health_of("no.Such")
        except grpc.RpcError as error:
            return expect(error.code() == grpc.StatusCode.NOT_FOUND, error.code())
        return "was answered"

    checks.run("health: an unknown service is NOT_FOUND", unknown_service)

    def request(*models):
        made = model_management_pb2.ReloadConfigRequest()
        made.config.model_config_list.SetInParent()
        for one in models:
            made.config.model_config_list.config.add(**one)
        return made

    def reload(*models):
        return stub.HandleReloadConfigRequest(request(*models), timeout=30).status.error_code

    def changes():
        watched = {name: queue.Queue() for name in ("", model)}
        calls = [health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=60) for name in watched]

        def follow(call_it, answers):
            try:
                for answer in call_it:
                    answers.put(answer.status)
            except grpc.RpcError as error:
                answers.put(error.code())

        threads = [threading.Thread(target=follow, args=pair) for pair in zip(calls, watched.values())]
        for thread in threads:
            thread.start()
        told = [[watched[name].get(timeout=30) for name in watched]]
        reload()  # nothing is served any more
        told.append([watched[name].get(timeout=30) for name in watched])
        reload({"name": model})
        told.append([watched[name].get(timeout=30) for name in watched])
        for call_it in calls:
            call_it.cancel()
        for thread in threads:
            thread.join(30)
        return expect(
            told == [[status.SERVING] * 2, [status.NOT_SERVING, status.SERVICE_UNKNOWN], [status.SERVING] * 2]
            and all(answers.get(timeout=30) == grpc.StatusCode.CANCELLED for answers in watched.values()),
            told,
        )

    checks.run("configuration: models go and come, and watchers are told", changes)
    checks.run(
        "configuration: versions and labels",
        lambda: expect(
            reload({"name": model, "model_version_policy": {"specific": {"versions": [1]}}, "version_labels": {"stable": 1}}) == 0, "refused"
        ),
    )

    def labelled():
        from tensorflow_serving.apis import get_model_status_pb2

        asked = get_model_status_pb2.GetModelStatusRequest()
        asked.model_spec.name, asked.model_spec.version_label = model, "stable"
        return expect(stub.GetModelStatus(asked, timeout=30).model_version_status[0].version == 1, "another version")

    checks.run("configuration: the label is served", labelled)

    def refused(name, models, code, part):
        def check():
            try:
                stub.HandleReloadConfigRequest(models, timeout=30)
            except grpc.RpcError as error:
                return expect(error.code() == code and part in error.details(), f"{error.code()} {error.details()}")
            return "was accepted"

        checks.run(f"configuration: {name} is refused", check)

    codes = grpc.StatusCode
    refused("another kind", model_management_pb2.ReloadConfigRequest(), codes.INVALID_ARGUMENT, "Only ModelConfigList is currently supported")
    refused("an unknown model", request({"name": model}, {"name": "no-such"}), codes.NOT_FOUND, "no-such")
    refused("another folder", request({"name": model, "base_path": "/elsewhere"}), codes.INVALID_ARGUMENT, "base_path")
    refused("a model twice", request({"name": model}, {"name": model}), codes.INVALID_ARGUMENT, "multiple times")
    refused("an unknown version", request({"name": model, "model_version_policy": {"specific": {"versions": [9]}}}), codes.NOT_FOUND, "version 9")
    refused(
        "a label of a version that is not served", request({"name": model, "version_labels": {"next": 9}}), codes.FAILED_PRECONDITION,
        "Request to assign label to version 9",
    )  # fmt: skip
    checks.run("configuration: what was refused changed nothing", lambda: labelled() or expect(health_of(model) == status.SERVING, "not served"))
    checks.run("configuration: back to the beginning", lambda: expect(reload({"name": model}) == 0, "refused"))
    channel.close()


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    base, address, model = sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3]
    checks = Checks()
    metadata, score = with_triton(checks, address, model)
    with_tensorflow(checks, address, model, metadata, score)
    with_reflection(checks, address)
    with_configuration(checks, address, model)
    checks.run(
        "gRPC calls are counted",
        lambda: expect('slipway_grpc_requests_total{method="inference.GRPCInferenceService/ModelInfer",code="5"}' in call(base, "GET", "/metrics")[2], "not so"),
    )
    return checks.report()


if __name__ == "__main__":
    sys.exit(main())
