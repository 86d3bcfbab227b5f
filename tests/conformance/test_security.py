"""Who may ask, with real clients: gRPC over TLS with and without client certificates, tokens signed with RSA, rates."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

ROW = {"amount": 100.0, "num_transactions": 2, "state": "NY", "channel": "online", "card_type": "credit"}
AUDIENCE, ISSUER = "scores", "https://issuer.example"


def openssl(folder, *words, data=None):
    return subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True, input=data).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two authorities; the server's certificate for 127.0.0.1; a client's of each authority; an RSA key for tokens."""
    folder = tmp_path_factory.mktemp("keys")
    for authority in ("ca", "other"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{authority}.key", "-out", f"{authority}.pem",
                "-subj", f"/CN={authority}", "-days", "2")  # fmt: skip
    for name, authority, extension in (
        ("server", "ca", "subjectAltName=IP:127.0.0.1"), ("client", "ca", "extendedKeyUsage=clientAuth"),
        ("stranger", "other", "extendedKeyUsage=clientAuth"),
    ):  # fmt: skip
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}-7")
        (folder / "extension").write_text(extension)
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
                "-days", "2", "-extfile", "extension", "-out", f"{name}.pem")  # fmt: skip
    openssl(folder, "genrsa", "-out", "token.key", "2048")
    openssl(folder, "rsa", "-in", "token.key", "-pubout", "-out", "token.pem")
    return folder


def metadata_of(channel, **words):
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    return stub.ModelMetadata(service_pb2.ModelMetadataRequest(name="fraud"), timeout=20, **words).name


def secure(port, keys, authority="ca.pem", client=None):
    words = {"root_certificates": (keys / authority).read_bytes()}
    if client:
        words |= {"private_key": (keys / f"{client}.key").read_bytes(), "certificate_chain": (keys / f"{client}.pem").read_bytes()}
    return grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(**words))


def refused(code, make):
    with pytest.raises(grpc.RpcError) as error:
        make()
    assert error.value.code() == code, error.value
    return error.value


def test_grpc_over_tls(slipway, bundle, keys, tmp_path):
    words = ("--grpc", "127.0.0.1:0", "--tls-certificate", keys / "server.pem", "--tls-key", keys / "server.key")
    with slipway.serve(bundle, *words, cwd=tmp_path) as running:
        with secure(running.grpc_port, keys) as channel:
            assert metadata_of(channel) == "fraud"
        with secure(running.grpc_port, keys, "other.pem") as channel:
            refused(grpc.StatusCode.UNAVAILABLE, lambda: metadata_of(channel))
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            refused(grpc.StatusCode.UNAVAILABLE, lambda: metadata_of(channel))
        assert running.stop() == 0


def test_grpc_with_client_certificates(slipway, bundle, keys, tmp_path):
    (tmp_path / "clients.json").write_text(json.dumps([{"name": "shop", "certificate": "client-7"}]))
    words = ("--grpc", "127.0.0.1:0", "--tls-certificate", keys / "server.pem", "--tls-key", keys / "server.key", "--tls-clients",
             keys / "ca.pem", "--clients", "clients.json", "--access-log", "access.log")  # fmt: skip
    with slipway.serve(bundle, *words, cwd=tmp_path) as running:
        with secure(running.grpc_port, keys, client="client") as channel:
            assert metadata_of(channel) == "fraud"
        for client in (None, "stranger"):
            with secure(running.grpc_port, keys, client=client) as channel:
                refused(grpc.StatusCode.UNAVAILABLE, lambda: metadata_of(channel))
        assert running.stop() == 0
    entries = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert [entry["client"] for entry in entries] == ["shop"]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(keys, algorithm, changes=(), signed=True):
    """A token for now, signed as its header says; HS256 with the public key as if it were a secret."""
    claims = {"sub": "shop", "iss": ISSUER, "aud": [AUDIENCE], "exp": int(time.time()) + 600, **dict(changes)}
    claims = {name: value for name, value in claims.items() if value is not None}
    text = encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()) + "." + encode(json.dumps(claims).encode())
    if algorithm == "RS256":
        signature = openssl(keys, "dgst", "-sha256", "-sign", "token.key", data=text.encode())
    elif algorithm == "HS256":
        signature = hmac.new((keys / "token.pem").read_bytes().strip(), text.encode(), hashlib.sha256).digest()
    else:
        signature = b""
    if not signed:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return text + "." + encode(signature)


def test_tokens(slipway, bundle, keys, tmp_path):
    words = ("--grpc", "127.0.0.1:0", "--jwt-key", keys / "token.pem", "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE)
    now = int(time.time())
    wrong = {
        "another audience": token(keys, "RS256", {"aud": ["other"]}),
        "no audience": token(keys, "RS256", {"aud": None}),
        "another issuer": token(keys, "RS256", {"iss": "https://evil.example"}),
        "expired": token(keys, "RS256", {"exp": now - 3600}),
        "without an end": token(keys, "RS256", {"exp": None}),
        "not yet": token(keys, "RS256", {"nbf": now + 3600}),
        "for nobody": token(keys, "RS256", {"sub": None}),
        "another signature": token(keys, "RS256", signed=False),
        "no signature": token(keys, "none"),
        "the public key as a secret": token(keys, "HS256"),
        "no token": "abc",
    }
    with slipway.serve(bundle, *words, cwd=tmp_path) as running:
        good = token(keys, "RS256")
        assert running.request("POST", "/score", ROW, {"Authorization": f"Bearer {good}"})[0] == 200
        assert running.request("POST", "/score", ROW)[0] == 401
        for name, one in wrong.items():
            status, headers, _ = running.request("POST", "/score", ROW, {"Authorization": f"Bearer {one}"})
            assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer"), name
        # A token without the scope changes nothing; with it, it may.
        assert running.request("POST", "/admin/models/fraud/load", None, {"Authorization": f"Bearer {good}"})[0] == 403
        admin = token(keys, "RS256", {"scope": "read admin"})
        assert running.request("POST", "/admin/models/fraud/load", None, {"Authorization": f"Bearer {admin}"})[0] == 200
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            assert metadata_of(channel, metadata=[("authorization", f"Bearer {good}")]) == "fraud"
            for name, one in wrong.items():
                refused(grpc.StatusCode.UNAUTHENTICATED, lambda: metadata_of(channel, metadata=[("authorization", f"Bearer {one}")]))
            load = service_pb2.RepositoryModelLoadRequest(model_name="fraud")
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            refused(
                grpc.StatusCode.PERMISSION_DENIED,
                lambda: stub.RepositoryModelLoad(load, timeout=20, metadata=[("authorization", f"Bearer {good}")]),
            )
        assert running.stop() == 0


def test_keys_and_rates_over_grpc(slipway, bundle, tmp_path):
    clients = [
        {"name": "shop", "key_sha256": hashlib.sha256(b"shop-key").hexdigest(), "rate": 2},
        {"name": "bank", "key_sha256": hashlib.sha256(b"bank-key").hexdigest()},
    ]
    (tmp_path / "clients.json").write_text(json.dumps(clients))
    with slipway.serve(bundle, "--grpc", "127.0.0.1:0", "--clients", "clients.json", cwd=tmp_path) as running:
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            refused(grpc.StatusCode.UNAUTHENTICATED, lambda: metadata_of(channel))
            refused(grpc.StatusCode.UNAUTHENTICATED, lambda: metadata_of(channel, metadata=[("x-api-key", "wrong")]))
            answers = []
            for _ in range(6):
                try:
                    answers.append(metadata_of(channel, metadata=[("x-api-key", "shop-key")]))
                except grpc.RpcError as error:
                    answers.append(error.code())
            assert answers[:2] == ["fraud", "fraud"] and answers.count(grpc.StatusCode.RESOURCE_EXHAUSTED) >= 2
            # One client's rate is not another's.
            assert [metadata_of(channel, metadata=[("x-api-key", "bank-key")]) for _ in range(6)] == ["fraud"] * 6
        assert running.stop() == 0
