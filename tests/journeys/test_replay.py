"""The prediction log: killed servers lose nothing, fields are hidden, and what was scored is scored again."""

import http.client
import json
import os
import signal
import threading
import time

ROW = {"amount": 100.0, "num_transactions": 2, "state": "NY", "channel": "online", "card_type": "credit"}
KILLS = int(os.environ.get("SLIPWAY_KILLS", "3"))


def lines(folder):
    return [json.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_text().splitlines()]


def hammer(port, name, acknowledged):
    """Scores rows until the server dies; notes the ids that were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    number = 0
    try:
        while True:
            row = {**ROW, "id": f"{name}-{number}", "amount": number % 50}
            connection.request("POST", "/score", json.dumps(row))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            acknowledged.append(row["id"])
            number += 1
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


def test_a_killed_server_loses_no_acknowledged_row(slipway, project, tmp_path):
    acknowledged = []
    for kill in range(KILLS):
        with slipway.serve(project / "models", "--log", "log", "--log-segment-mib", 1, cwd=tmp_path) as running:
            clients = [threading.Thread(target=hammer, args=(running.port, f"{kill}-{i}", acknowledged)) for i in range(4)]
            for client in clients:
                client.start()
            time.sleep(0.7)
            running.process.send_signal(signal.SIGKILL)
            for client in clients:
                client.join(30)
            assert not any(client.is_alive() for client in clients)
    assert len(acknowledged) > KILLS * 4
    with slipway.serve(project / "models", "--log", "log", cwd=tmp_path) as running:  # mends a torn tail
        assert running.stop() == 0
    logged = {line["request_id"] for line in lines(tmp_path / "log")}
    assert set(acknowledged) <= logged
    # Every row scores as it did, to the bit.
    replayed = slipway("replay", "log", project / "models", "--json", cwd=tmp_path).document
    assert replayed["rows"] == replayed["equal"] == replayed["same_model"] == len(logged)
    assert replayed["flips"] == 0 and replayed["largest_difference"] == 0


def test_replay_against_another_model(slipway, project, bundle, transactions, tmp_path):
    slipway("train", transactions, "--target", "is_fraud", "--learner", "logistic_regression", "--out", "other", cwd=tmp_path)
    with slipway.serve(bundle, "--log", "log", "--log-pack", cwd=tmp_path) as running:
        rows = [{**ROW, "amount": amount, "state": state} for amount in (1, 500, 20000) for state in ("NY", "CA")]
        running.post("/score", rows)
        assert running.stop() == 0
    document = slipway("replay", "log", "other", "--slice", "state", "--json", cwd=tmp_path).document
    assert document["rows"] + document["refused"] == 6
    assert document["same_model"] == 0
    states = {one["value"]: one["rows"] for one in document["slices"]}
    assert states == {"NY": 3, "CA": 3}
    text = slipway("replay", "log", bundle, cwd=tmp_path).stdout
    assert "6 equal to the bit" in text


def test_hidden_fields_are_not_in_the_log(slipway, bundle, tmp_path):
    (tmp_path / "key").write_text("a key of thirty-two bytes or so")
    words = ("--log", "log", "--log-mask", "state=hash", "--log-mask", "amount=redact", "--log-key", "key")
    with slipway.serve(bundle, *words, cwd=tmp_path) as running:
        running.post("/score", [ROW, ROW])
        assert running.stop() == 0
    first, second = lines(tmp_path / "log")
    assert first["inputs"]["amount"] is None and len(first["inputs"]["state"]) == 64
    assert first["inputs"]["state"] == second["inputs"]["state"]
    assert first["masked"] == ["amount", "state"]
    assert slipway("replay", "log", bundle, "--json", cwd=tmp_path).document["masked"] == 2
    refused = slipway("serve", bundle, "--log", "log2", "--log-mask", "state=hash", cwd=tmp_path, code=2)
    assert "key" in refused.stderr
