"""The program under test: its commands as functions, and its server as a context."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parent.parent


class Outcome:
    """What a finished command left behind."""

    def __init__(self, command, code, stdout, stderr):
        self.command, self.code, self.stdout, self.stderr = command, code, stdout, stderr

    @property
    def document(self):
        """Standard output as the one JSON document that --json promises."""
        return json.loads(self.stdout)

    def __str__(self):
        return f"$ {self.command}\nexit code {self.code}\n{self.stdout}\n{self.stderr}"


class Program:
    def __init__(self, path):
        self.path = path

    def __call__(self, *arguments, cwd, code=0, timeout=600):
        """Runs a command to its end; any other exit code than `code` fails the test with all that was said."""
        words = [str(self.path), *map(str, arguments)]
        run = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        outcome = Outcome(" ".join(["slipway", *words[1:]]), run.returncode, run.stdout, run.stderr)
        assert run.returncode == code, f"expected exit code {code}:\n{outcome}"
        return outcome

    def serve(self, location, *arguments, cwd):
        return Server(self.path, location, arguments, cwd)


class Server:
    """`slipway serve` on a free port, until the context ends."""

    def __init__(self, path, location, arguments, cwd):
        self.words = [str(path), "serve", str(location), "--http", "127.0.0.1:0", *map(str, arguments)]
        self.cwd = cwd

    def __enter__(self):
        self.process = subprocess.Popen(
            self.words, cwd=self.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )
        line = self.process.stdout.readline()
        match = re.search(r"https?://127\.0\.0\.1:(\d+)", line)
        if match is None:
            self.process.kill()
            raise AssertionError(f"the server did not say where it listens: {line}{self.process.communicate()[1]}")
        self.port = int(match[1])
        grpc = re.search(r"gRPC on 127\.0\.0\.1:(\d+)", line)
        self.grpc_port = int(grpc[1]) if grpc else None
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def request(self, method, path, body=None, headers=()):
        """Status, headers and text of one answer. A body that is no text or bytes is sent as JSON."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, _, text = self.request("GET", path)
        assert status == 200, text
        return json.loads(text) if text.strip() else None

    def post(self, path, body, status=200):
        got, _, text = self.request("POST", path, body)
        assert got == status, text
        return json.loads(text)

    def stop(self, timeout=60):
        """SIGTERM; waits for the end and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def refuses_connections(self):
        """Whether, within a few seconds, nobody listens any more."""
        for _ in range(50):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
            try:
                connection.connect()
            except ConnectionRefusedError:
                return True
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        return False


def contents(folder):
    """Every file below a folder with its bytes, to see whether anything changed."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def find_program():
    return pathlib.Path(os.environ.get("SLIPWAY", TOP / "build/release/slipway"))
