"""What the server does when the world is unkind: very many connections, a full disk, slow readers, a clock that jumps."""

import http.client
import json
import os
import pathlib
import resource
import socket
import time

import pytest

ROW = {"amount": 100.0, "num_transactions": 2, "state": "NY", "channel": "online", "card_type": "credit"}
CONNECTIONS = 10_000
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def resident_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def logged(folder):
    return [json.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_text().splitlines()]


def metric(running, name):
    text = running.request("GET", "/metrics")[2]
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + " "))


@pytest.fixture
def many_files():
    """As many open files as 10,000 connections take; the server takes all that it may by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 500:
        pytest.skip(f"at most {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_connections(slipway, bundle, tmp_path, many_files):
    with slipway.serve(bundle, cwd=tmp_path) as running:
        running.post("/score", ROW)
        before = resident_kib(running.process)
        connections = []
        try:
            for number in range(CONNECTIONS):  # of several addresses, so that no range of ports runs out
                source = (f"127.0.0.{2 + number % 8}", 0)
                connections.append(socket.create_connection(("127.0.0.1", running.port), timeout=30, source_address=source))
            for begin in range(0, CONNECTIONS, 1000):
                for connection in connections[begin : begin + 1000]:
                    connection.sendall(LIVE)
                for connection in connections[begin : begin + 1000]:
                    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            assert metric(running, "slipway_connections") >= CONNECTIONS
            assert running.post("/score", ROW)["label"] in ("0", "1")
            each = (resident_kib(running.process) - before) / CONNECTIONS
            print(f"{each:.1f} KiB of memory per connection")
            assert each < 32
        finally:
            for connection in connections:
                connection.close()
        deadline = time.monotonic() + 30
        while metric(running, "slipway_connections") > 10 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert metric(running, "slipway_connections") <= 10
        assert running.stop() == 0


def limit_files(running, size):
    """The server's files can grow to `size` bytes, as if the disk were full then; None ends it."""
    limit = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def test_full_disk_durable(slipway, project, tmp_path):
    with slipway.serve(project / "models", "--log", "log", cwd=tmp_path) as running:
        acknowledged = [running.post("/score", {**ROW, "id": f"before-{i}"})["request_id"] for i in range(5)]
        used = max(file.stat().st_size for file in (tmp_path / "log").glob("*.ndjson"))
        limit_files(running, used + 100)
        for number in range(3):
            status, headers, text = running.request("POST", "/score", {**ROW, "id": f"full-{number}"})
            assert status == 503 and headers["Retry-After"] and "error" in json.loads(text)
        assert running.request("GET", "/v2/health/live")[0] == 200
        assert metric(running, "slipway_journal_failures_total") >= 1
        limit_files(running, None)
        deadline = time.monotonic() + 20
        while running.request("POST", "/score", ROW)[0] != 200:
            assert time.monotonic() < deadline, "room again, and still refused"
            time.sleep(0.1)
        acknowledged += [running.post("/score", {**ROW, "id": f"after-{i}"})["request_id"] for i in range(5)]
        assert running.stop() == 0
    ids = [line["request_id"] for line in logged(tmp_path / "log")]
    assert set(acknowledged) <= set(ids)
    assert not any(one.startswith("full-") for one in ids), "refused, and logged all the same"
    assert slipway("replay", "log", project / "models", "--json", cwd=tmp_path).document["rows"] == len(ids)


def test_full_disk_async(slipway, project, tmp_path):
    with slipway.serve(project / "models", "--log", "log", "--log-mode", "async", cwd=tmp_path) as running:
        running.post("/score", ROW)
        deadline = time.monotonic() + 20
        while metric(running, "slipway_journal_rows_total") < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        used = max(file.stat().st_size for file in (tmp_path / "log").glob("*.ndjson"))
        limit_files(running, used + 100)
        for _ in range(20):
            running.post("/score", ROW)  # answered, though it cannot be logged
        while metric(running, "slipway_journal_rows_lost_total") < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert metric(running, "slipway_journal_rows_lost_total") == 20
        limit_files(running, None)
        assert running.stop() == 0
    assert len(logged(tmp_path / "log")) == 1


def test_a_client_that_does_not_read_holds_up_nobody(slipway, bundle, tmp_path):
    with slipway.serve(bundle, "--threads", 1, cwd=tmp_path) as running:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", running.port))
        body = json.dumps([ROW] * 20_000).encode()
        slow.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        for _ in range(20):
            assert running.post("/score", ROW)["label"] in ("0", "1")
        slow.close()
        assert running.stop() == 0


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed")
def test_the_clock_jumps(slipway, bundle, tmp_path, monkeypatch):
    """A year ahead and back, under a server: time-outs, rates and durations do not notice, the log's order neither."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    monkeypatch.setenv("LD_PRELOAD", str(FAKETIME))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    with slipway.serve(bundle, "--log", "log", "--access-log", "access.log", "--idle-seconds", "30", cwd=tmp_path) as running:
        for name in list(os.environ):
            if name.startswith(("LD_PRELOAD", "FAKETIME")):
                monkeypatch.delenv(name)
        kept = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)

        def score():
            kept.request("POST", "/score", json.dumps(ROW))
            answer = kept.getresponse()
            answer.read()
            return answer.status

        assert score() == 200
        for offset in ("+365d", "-365d", "+0"):
            clock.write_text(offset)
            assert [score() for _ in range(3)] == [200] * 3, "the connection is still the same one"
        kept.close()
        assert running.stop() == 0
    lines = logged(tmp_path / "log")
    assert [line["sequence"] for line in lines] == list(range(1, 11))
    year = 365 * 86400
    times = [time.mktime(time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")) for line in lines]
    assert times[1] - times[0] > 0.9 * year and times[1] - times[4] > 1.9 * year, "the clock did jump"
    access = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert all(0 <= line["microseconds"] < 60e6 for line in access)
