"""Running the server: TLS, clients, limits, versions that change under load, and the files of deploy/."""

import hashlib
import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
ROW = {"amount": 100.0, "num_transactions": 2, "state": "NY", "channel": "online", "card_type": "credit"}
RELOADS = 20


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, the server's certificate for 127.0.0.1, and a client's."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}-7")
        (folder / "extension").write_text(extension)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "extension", "-out", f"{name}.pem")  # fmt: skip
    return folder


def get(port, context, path="/v2/models", headers=None):
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers=headers or {})
    with urllib.request.urlopen(request, timeout=20, context=context) as answer:
        return json.loads(answer.read())


def test_tls_and_client_certificates(slipway, bundle, certificates, tmp_path):
    words = ("--tls-certificate", certificates / "server.pem", "--tls-key", certificates / "server.key")
    trusting = ssl.create_default_context(cafile=certificates / "ca.pem")
    with slipway.serve(bundle, *words, cwd=tmp_path) as running:
        assert get(running.port, trusting) == {"models": ["fraud"]}
        with pytest.raises(urllib.error.URLError):  # another authority's certificate
            get(running.port, ssl.create_default_context())
        assert running.stop() == 0
    clients = [{"name": "shop", "certificate": "client-7"}]
    (tmp_path / "clients.json").write_text(json.dumps(clients))
    words += ("--tls-clients", certificates / "ca.pem", "--clients", "clients.json", "--access-log", "access.log")
    with slipway.serve(bundle, *words, cwd=tmp_path) as running:
        with pytest.raises((urllib.error.URLError, OSError)):
            get(running.port, trusting)
        known = ssl.create_default_context(cafile=certificates / "ca.pem")
        known.load_cert_chain(certificates / "client.pem", certificates / "client.key")
        assert get(running.port, known) == {"models": ["fraud"]}
        assert running.stop() == 0
    assert json.loads((tmp_path / "access.log").read_text().splitlines()[-1])["client"] == "shop"
    wrong = slipway("serve", bundle, "--tls-certificate", certificates / "server.pem", "--tls-key", certificates / "client.key",
                    cwd=tmp_path, code=2)  # fmt: skip
    assert "private key" in wrong.stderr


def test_clients_rates_and_administration(slipway, project, tmp_path):
    clients = [
        {"name": "shop", "key_sha256": hashlib.sha256(b"shop-key").hexdigest(), "rate": 3},
        {"name": "ops", "key_sha256": hashlib.sha256(b"ops-key").hexdigest(), "admin": True},
    ]
    (tmp_path / "clients.json").write_text(json.dumps(clients))
    with slipway.serve(project / "models", "--clients", "clients.json", cwd=tmp_path) as running:
        assert running.request("GET", "/v2/health/ready")[0] == 200
        assert running.request("POST", "/score", ROW)[0] == 401
        shop, ops = {"X-API-Key": "shop-key"}, {"Authorization": "Bearer ops-key"}
        answers = [running.request("POST", "/score", ROW, shop) for _ in range(5)]
        assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
        assert int(answers[4][1]["Retry-After"]) >= 1
        assert running.request("POST", "/admin/models/fraud/load", None, ops)[0] == 200
        assert running.request("POST", "/admin/models/fraud/unload", None, ops)[0] == 200
        assert running.request("GET", "/v2/health/ready")[0] == 503
        assert running.request("POST", "/admin/models/fraud/load", None, ops)[0] == 200


def test_slow_and_half_open_clients_are_closed(slipway, bundle, tmp_path):
    with slipway.serve(bundle, "--idle-seconds", "0.5", cwd=tmp_path) as running:
        idle = socket.create_connection(("127.0.0.1", running.port), timeout=20)
        begun = time.monotonic()
        assert idle.recv(1) == b""
        assert 0.4 < time.monotonic() - begun < 5
        # A connection that has begun a request and says no more does not hold up the others.
        half = socket.create_connection(("127.0.0.1", running.port), timeout=20)
        half.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Le")
        assert running.post("/score", ROW)["label"] in ("0", "1")
        half.close()


def test_thousands_of_connections(slipway, bundle, tmp_path):
    with slipway.serve(bundle, "--max-connections", 900, "--threads", 1, cwd=tmp_path) as running:
        open_ones = []
        for _ in range(900):
            open_ones.append(socket.create_connection(("127.0.0.1", running.port), timeout=20))
        time.sleep(0.3)
        status, headers, _ = running.request("GET", "/v2/health/live")
        assert status == 503 and headers["Retry-After"] == "1"
        request = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        for connection in open_ones:
            connection.sendall(request)
        assert all(connection.recv(4096).startswith(b"HTTP/1.1 200") for connection in open_ones)
        for connection in open_ones:
            connection.close()


def test_reloads_under_load_lose_no_request(slipway, project, tmp_path):
    with slipway.serve(project / "models", "--admin", cwd=tmp_path) as running:
        stop = threading.Event()
        failures, answered = [], []

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
            count = 0
            while not stop.is_set():
                connection.request("POST", "/score", json.dumps(ROW))
                answer = connection.getresponse()
                body = answer.read()
                count += 1
                if answer.status != 200:
                    failures.append(body)
            answered.append(count)

        clients = [threading.Thread(target=client) for _ in range(3)]
        for one in clients:
            one.start()
        for _ in range(RELOADS):
            assert running.request("POST", "/admin/models/fraud/load")[0] == 200
        stop.set()
        for one in clients:
            one.join(30)
        assert failures == []
        assert len(answered) == 3 and sum(answered) > RELOADS
        assert f"slipway_model_swaps_total {RELOADS}" in running.request("GET", "/metrics")[2]


def test_a_damaged_version_is_not_served(slipway, project, tmp_path):
    import shutil

    shutil.copytree(project / "models", tmp_path / "models")
    onnx = tmp_path / "models/fraud/1/model.onnx"
    whole = onnx.read_bytes()
    with slipway.serve("models", "--admin", cwd=tmp_path) as running:
        onnx.write_bytes(whole[: len(whole) // 2])  # half copied
        status, _, text = running.request("POST", "/v2/repository/models/fraud/load")
        assert status >= 400 and "model.onnx" in text
        assert running.post("/score", ROW)["version"] == "1"
        index = json.loads(running.request("POST", "/v2/repository/index")[2])
        assert {"READY", "UNAVAILABLE"} >= {one["state"] for one in index}
        onnx.write_bytes(whole)
        assert running.request("POST", "/v2/repository/models/fraud/load")[0] == 200


def test_flags_of_the_deployment_files_exist(slipway):
    known = set(re.findall(r"--[a-z][a-z-]*", slipway("serve", "--help", cwd=TOP).stdout))
    for name in ("slipway.service", "Dockerfile", "kubernetes.yaml"):
        text = (TOP / "deploy" / name).read_text()
        begin = {"slipway.service": "ExecStart=", "Dockerfile": "CMD", "kubernetes.yaml": "args:"}[name]
        words = text.split(begin, 1)[1]
        used = set(re.findall(r"(?<=[\s\"])--[a-z][a-z-]*", words))
        assert used and used <= known, used - known
