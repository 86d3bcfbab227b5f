"""`slipway serve`: every protocol gives the same score, the log has every row, and SIGTERM loses nothing."""

import json
import signal
import socket
import time

import pytest

ROW = {"amount": 100.0, "num_transactions": 2, "state": "NY", "channel": "online", "card_type": "credit"}


@pytest.fixture(scope="module")
def server(slipway, project):
    with slipway.serve("models/", cwd=project) as running:
        yield running


@pytest.fixture(scope="module")
def score(slipway, bundle, tmp_path_factory):
    """What `slipway score` says of ROW."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "row.csv").write_text(",".join(ROW) + "\n" + ",".join(map(str, ROW.values())) + "\n")
    slipway("score", bundle, "row.csv", "--out", "scores.csv", cwd=folder)
    header, line = (folder / "scores.csv").read_text().splitlines()
    return float(dict(zip(header.split(","), line.split(",")))["score"])


def tensors(row):
    return [
        {"name": name, "datatype": "BYTES" if isinstance(value, str) else "FP32", "shape": [1, 1], "data": [value]}
        for name, value in row.items()
    ]


def output(answer, name):
    return next(tensor for tensor in answer["outputs"] if tensor["name"] == name)


def test_health_and_metadata(server):
    assert server.request("GET", "/v2/health/live")[0] == 200
    assert server.request("GET", "/v2/health/ready")[0] == 200
    assert server.request("GET", "/v2/models/fraud/ready")[0] == 200
    assert server.get("/v2")["name"]
    metadata = server.get("/v2/models/fraud")
    assert metadata["name"] == "fraud"
    assert metadata["versions"] == ["1"]
    assert [tensor["name"] for tensor in metadata["inputs"]] == list(ROW)
    assert {tensor["name"]: tensor["datatype"] for tensor in metadata["inputs"]}["state"] == "BYTES"


def test_score_by_named_fields(server, score):
    answer = server.post("/score", ROW)
    assert answer["score"] == pytest.approx(score, abs=1e-7)
    assert answer["label"] in ("0", "1")
    assert (answer["model"], answer["version"]) == ("fraud", "1")
    assert "reasons" not in answer


def test_reasons(server):
    odd = {**ROW, "amount": 25000.0, "num_transactions": 12}
    reasons = server.post("/score?reasons=3", odd)["reasons"]
    assert 1 <= len(reasons) <= 3
    assert all(reason["input"] in ROW for reason in reasons)
    sizes = [reason["contribution"] for reason in reasons]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 0
    assert any("amount" in reason["text"] for reason in reasons)


def test_score_of_several_rows(server, score):
    answers = server.post("/score", [ROW, {**ROW, "amount": None}, {**ROW, "state": "never seen"}])
    assert len(answers) == 3
    assert answers[0]["score"] == pytest.approx(score, abs=1e-7)


def test_predict_by_position(server, score):
    answer = server.post("/v1/models/fraud:predict", {"instances": [[100.0, 2, "NY", "online", "credit"]]})
    assert answer["predictions"][0]["score"] == pytest.approx(score, abs=1e-7)


def test_predict_by_name_and_by_column(server, score):
    rows = server.post("/v1/models/fraud/versions/1:predict", {"instances": [ROW, ROW]})["predictions"]
    assert [row["score"] for row in rows] == pytest.approx([score, score], abs=1e-7)
    columns = server.post("/v1/models/fraud:predict", {"inputs": {name: [value] for name, value in ROW.items()}})
    assert columns["outputs"]["score"] == pytest.approx([score], abs=1e-7)


def test_infer(server, score):
    answer = server.post("/v2/models/fraud/infer", {"id": "abc", "inputs": tensors(ROW)})
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("fraud", "1", "abc")
    assert output(answer, "score")["data"] == pytest.approx([score], abs=1e-7)
    probabilities = output(answer, "probabilities")
    assert probabilities["shape"] == [1, 2]
    assert sum(probabilities["data"]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "path, body, parts",
    [
        ("/score", {**ROW, "amount": "a lot"}, ["amount", "number", "a lot"]),
        ("/score", {**ROW, "state": {"name": "NY"}}, ["state"]),
        ("/score", {**{k: v for k, v in ROW.items() if k != "amount"}, "amonut": 1}, ["amonut", "amount"]),
        ("/score", "{not json", ["JSON"]),
        ("/v1/models/fraud:predict", {"instances": [["100", 2, "NY", "online", "credit"]]}, ["amount", "number"]),
        ("/v1/models/fraud:predict", {"instances": [[100.0, 2, "NY"]]}, ["5", "3"]),
        ("/v1/models/fraud:predict", {}, ["instances"]),
        ("/v2/models/fraud/infer", {"inputs": tensors({**ROW, "amount": "a lot"})}, ["amount"]),
    ],
)
def test_bad_requests(server, path, body, parts):
    answer = server.post(path, body, status=400)
    for part in parts:
        assert part in answer["error"], answer


def test_unknown_model_and_path(server):
    assert "frau" in server.post("/v1/models/frau:predict", {"instances": []}, status=404)["error"]
    assert server.request("GET", "/no/such/path")[0] == 404


def test_metrics(server):
    before = server.request("GET", "/metrics")[2]
    server.post("/score", ROW)
    after = server.request("GET", "/metrics")[2]
    assert "# TYPE" in after and 'model="fraud"' in after

    def rows(text):
        """The number of scored rows, whatever the other labels are."""
        lines = [line for line in text.splitlines() if line.startswith("slipway_") and "rows" in line.split("{")[0]]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if "rejected" not in line)

    assert rows(after) - rows(before) == 1


def test_a_bundle_is_served_alone(slipway, bundle, tmp_path, score):
    with slipway.serve(bundle, cwd=tmp_path) as running:
        assert running.post("/score", ROW)["score"] == pytest.approx(score, abs=1e-7)
        assert running.stop() == 0


def test_every_scored_row_is_in_the_log(slipway, project, tmp_path):
    with slipway.serve(project / "models", "--log", "log", cwd=tmp_path) as running:
        scores = [running.post("/score", {**ROW, "amount": float(amount)})["score"] for amount in (1, 10, 100, 1000)]
        running.post("/score", {**ROW, "amount": "a lot"}, status=400)
        assert running.stop() == 0
    lines = [json.loads(line) for file in sorted((tmp_path / "log").glob("*.ndjson")) for line in file.read_text().splitlines()]
    assert [line["inputs"]["amount"] for line in lines] == [1, 10, 100, 1000]
    assert [line["score"] for line in lines] == pytest.approx(scores, abs=1e-7)
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4]


def test_sigterm_finishes_the_request_in_flight(slipway, project, tmp_path):
    with slipway.serve(project / "models", "--log", "log", cwd=tmp_path) as running:
        body = json.dumps([ROW] * 200).encode()
        connection = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:1000])
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        assert running.refuses_connections(), "no new connection is taken"
        assert running.process.poll() is None, "it waits for the request that has begun"
        connection.sendall(body[1000:])
        answer = b""
        while part := connection.recv(65536):
            answer += part
        connection.close()
        head, _, text = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        assert b"connection: close" in head.lower()
        assert len(json.loads(text)) == 200
        assert running.process.wait(30) == 0
    logged = sum(len(file.read_text().splitlines()) for file in (tmp_path / "log").glob("*.ndjson"))
    assert logged == 200


def test_status_of_a_model_by_either_protocol_of_that_path(slipway, project, server):
    assert server.get("/v1/models/fraud")["model_version_status"][0]["state"] == "AVAILABLE"
    with slipway.serve("models/", "--kserve", cwd=project) as kserve:
        assert kserve.get("/v1/models/fraud") == {"name": "fraud", "ready": True}
        assert kserve.request("GET", "/v1/models/frau")[0] == 404
