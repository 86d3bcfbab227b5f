"""Sources that are no plain file: standard input, SQLite, a PostgreSQL server, tables larger than memory, rejected rows."""

import contextlib
import csv
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from program import contents

SCHEMA = "schema: {target: is_fraud}\n"


def write(folder, text, name="slipway.yaml"):
    (folder / name).write_text("name: t\n" + text + SCHEMA, encoding="utf-8")
    return folder / name


def prepared(slipway, folder, *arguments, code=0):
    return slipway("prepare", "slipway.yaml", "--out", "out.csv", "--json", *arguments, cwd=folder, code=code)


def rows_of(file):
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_standard_input(slipway, transactions, tmp_path):
    run = subprocess.run(
        [slipway.path, "profile", "-", "--json"], input=transactions.read_bytes(), capture_output=True, cwd=tmp_path, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert b'"transaction_id"' in run.stdout


def test_sqlite_with_csv_in_one_query(slipway, tmp_path):
    base = sqlite3.connect(tmp_path / "bank.db")
    base.execute("create table cards (card_id integer, holder text, credit real, zip text)")
    base.executemany("insert into cards values (?, ?, ?, ?)", [(1, "Zoë", 0.1, "00123"), (2, None, 1e300, "94110")])
    base.execute("create table other (x)")
    base.commit()
    base.close()
    (tmp_path / "tx.csv").write_text("card_id,is_fraud\n1,0\n2,1\n1,1\n")
    write(tmp_path, "source:\n  cards: bank.db#cards\n  tx: tx.csv\n  sql: select tx.*, holder, credit, zip from tx join cards using (card_id) order by is_fraud, card_id\n")
    document = prepared(slipway, tmp_path).document
    assert document["types"]["cards"] == {"card_id": "integer", "holder": "text", "credit": "number", "zip": "text"}
    assert rows_of(tmp_path / "out.csv")[1:] == [["1", "0", "Zoë", "0.1", "00123"], ["1", "1", "Zoë", "0.1", "00123"], ["2", "1", "", "inf", "94110"]]
    write(tmp_path, "source: bank.db\n")
    assert "holds 2 tables" in prepared(slipway, tmp_path, code=2).stderr


def test_rejected_rows_and_pinned_types(slipway, tmp_path):
    write(tmp_path, "source:\n  tx: tx.csv\n  max_rejects: 2\n")
    good = "".join(f"{i},{i}.5,0{i % 10}\n" for i in range(100))
    (tmp_path / "tx.csv").write_text("is_fraud,amount,zip\n" + good)
    document = prepared(slipway, tmp_path).document
    assert document["rejected_rows"] == 0 and document["rejects"] is None
    pins = tmp_path / "slipway.types.yaml"
    assert '"zip": "text"' in pins.read_text()
    # Later: the zip codes alone would be numbers, and two rows do not fit.
    (tmp_path / "tx.csv").write_text("is_fraud,amount,zip\n1,2,17\n0,many,18\n1\n1,3,19\n")
    document = prepared(slipway, tmp_path).document
    assert document["rejected_rows"] == 2 and document["rows"] == 2
    assert document["types"]["tx"]["zip"] == "text"
    rejects = rows_of(tmp_path / "rejects.csv")
    assert rejects[0] == ["file", "line", "column", "value", "reason"]
    assert [row[1:4] for row in rejects[1:]] == [["3", "amount", "many"], ["4", "", "1"]]
    # One more is an error, and nothing is written.
    (tmp_path / "tx.csv").write_text("is_fraud,amount,zip\n1,a,17\n0,b,18\n1,c,3\n")
    before = contents(tmp_path)
    said = prepared(slipway, tmp_path, code=2).stderr
    assert "line 2" in said and "max_rejects" in said and "slipway.types.yaml" in said
    assert contents(tmp_path) == before


def peak_memory(words, cwd):
    """Runs a command; its largest resident memory in megabytes."""
    pid = os.posix_spawn(words[0], words, {**os.environ, "TMPDIR": str(cwd)}, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, str(cwd / "said"), os.O_WRONLY | os.O_CREAT, 0o600)])  # fmt: skip
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, (cwd / "said").read_text()
    return usage.ru_maxrss / 1024


def test_more_than_memory(slipway, tmp_path):
    """A table several times larger than the limit: the same rows in the same order as without one, memory held."""
    slipway("sample", "fraud", "--rows", 500000, "--seed", 1, "--out", "once.csv", cwd=tmp_path)
    header, _, body = (tmp_path / "once.csv").read_bytes().partition(b"\n")
    os.remove(tmp_path / "once.csv")
    (tmp_path / "tx").mkdir()
    for part in range(6):
        (tmp_path / f"tx/{part}.csv").write_bytes(header + b"\n" + body)
    del body
    write(tmp_path, "source: tx\nprepare: [{keep: amount > 0}, {drop_missing: [state]}, {drop_duplicates: {by: transaction_id}}]\n")
    words = [str(slipway.path), "prepare", str(tmp_path / "slipway.yaml"), "--threads", "2"]
    limited = peak_memory([*words, "--out", str(tmp_path / "limited.csv"), "--memory", "150MB"], tmp_path)
    free = peak_memory([*words, "--out", str(tmp_path / "free.csv")], tmp_path)
    assert (tmp_path / "limited.csv").read_bytes() == (tmp_path / "free.csv").read_bytes()
    # What DuckDB does not count against its limit (the program, buffers of threads) is included here.
    assert limited < 400 and limited < free, (limited, free)
    assert not list(tmp_path.glob("slipway-spill-*"))


# ---- PostgreSQL: a real server, for this test alone, on a unix socket in a temporary folder


def find_postgres():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


class Postgres:
    def __init__(self, tools, folder):
        self.tools, self.folder = tools, folder
        self.user = "postgres" if os.getuid() == 0 else None
        self.address = f"postgresql:///postgres?host={folder}&user=tester"

    def run(self, *words, **options):
        """As the user that the server runs as: it refuses root."""
        become = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        return subprocess.Popen(list(map(str, words)), cwd=self.folder, **become, **options)

    def finish(self, *words):
        process = self.run(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said

    def sql(self, text):
        self.finish(self.tools / "psql", "-h", self.folder, "-U", "tester", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", text)

    def __enter__(self):
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        self.finish(self.tools / "initdb", "-D", self.folder / "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.process = self.run(
            self.tools / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            with contextlib.suppress(AssertionError):
                self.sql("select 1")
                return self
            time.sleep(0.1)
        self.__exit__()
        raise AssertionError("the PostgreSQL server did not start")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def postgres_tools():
    tools = find_postgres()
    if tools is None:
        pytest.fail("there is no PostgreSQL server: scripts/bootstrap --test installs it")
    return tools


@pytest.fixture
def postgres(postgres_tools):
    # A unix socket's path is short, and the server's user must be able to enter.
    folder = pathlib.Path(f"/tmp/slipway-postgres-{os.getpid()}-{random.randrange(10**9)}")
    folder.mkdir(mode=0o755)
    try:
        with Postgres(postgres_tools, folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def test_postgres(slipway, postgres, tmp_path):
    postgres.sql(
        "create table tx (id bigint, amount double precision, price numeric(10, 2), at timestamptz, day date, ok boolean, note text, is_fraud int);"
        "insert into tx values (9007199254740993, 0.1, 12.50, '2026-01-02 03:04:05+02', '2026-01-02', true, E'tab\\t, \"quote\" \\\\ and\\nline', 0),"
        "(2, null, null, null, null, null, null, 1)"
    )
    write(tmp_path, f"source: {{tx: '{postgres.address}#tx'}}\n")
    document = prepared(slipway, tmp_path).document
    assert document["types"]["tx"] == {
        "id": "integer", "amount": "number", "price": "number", "at": "time", "day": "time", "ok": "boolean", "note": "text", "is_fraud": "integer"
    }  # fmt: skip
    assert rows_of(tmp_path / "out.csv")[1:] == [
        ["9007199254740993", "0.1", "12.5", "2026-01-02T01:04:05Z", "2026-01-02T00:00:00Z", "1", 'tab\t, "quote" \\ and\nline', "0"],
        ["2", "", "", "", "", "", "", "1"],
    ]
    query = "select id, is_fraud from tx where is_fraud = 1"
    write(tmp_path, f"source: {{tx: {{location: '{postgres.address}', query: '{query}'}}}}\n")
    (tmp_path / "slipway.types.yaml").unlink()
    assert prepared(slipway, tmp_path).document["rows"] == 1
    write(tmp_path, f"source: {{tx: '{postgres.address}#txx'}}\n")
    assert '"txx" does not exist' in prepared(slipway, tmp_path, code=2).stderr


def test_postgres_to_model_and_killed_half_way(slipway, postgres, tmp_path):
    # The last rows take long: the server is killed while they are on their way.
    postgres.sql(
        "create table tx as select i as id, (i * 7919 % 1000) / 10.0 as amount, (i % 13 = 0)::int as is_fraud from generate_series(1, 3000) i;"
        "create view slow as select id, amount + case when id > 2000 and pg_sleep(0.05) is null then 1 else 0 end as amount, is_fraud from tx"
    )
    learner = "learner: {random_forest: {n_estimators: 5, max_depth: 3}}\n"
    write(tmp_path, f"source: {{tx: '{postgres.address}#tx'}}\n" + learner)
    first = slipway("run", "slipway.yaml", "--json", cwd=tmp_path).document
    assert pathlib.Path(tmp_path / first["bundle"]).is_dir()
    again = slipway("run", "slipway.yaml", "--json", cwd=tmp_path).document
    assert again["model_digest"] == first["model_digest"] and "prepare" in again["cached"]
    write(tmp_path, f"source: {{tx: '{postgres.address}#slow'}}\n" + learner)
    before = contents(tmp_path)
    run = subprocess.Popen(
        [slipway.path, "run", "slipway.yaml"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2)
    assert run.poll() is None, run.communicate()
    server = postgres.process.pid
    for child in pathlib.Path(f"/proc/{server}/task/{server}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):  # one of its short-lived ones
            os.kill(int(child), signal.SIGKILL)
    postgres.process.kill()
    _, said = run.communicate(timeout=60)
    assert run.returncode == 2, said
    assert "broke off after" in said and "postgresql://" in said, said
    assert contents(tmp_path) == before
