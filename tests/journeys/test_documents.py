"""The commands in the documents work: every block marked `<!-- run -->` is run, in the order of its document."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from program import TOP

BLOCK = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```$", re.M | re.S)
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md")), *sorted((TOP / "examples").glob("*/README.md"))]


def script_of(document):
    return "".join(BLOCK.findall(document.read_text(encoding="utf-8")))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_there_are_such_blocks():
    assert sum(bool(script_of(document)) for document in DOCUMENTS) >= 3


@pytest.mark.parametrize(
    "document", [document for document in DOCUMENTS if script_of(document)], ids=lambda path: str(path.relative_to(TOP))
)
def test_commands_of(document, slipway, tmp_path):
    """Runs in an empty folder that has the examples in it, as the top of the repository has; port 8080 becomes a free one."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/slipway").symlink_to(slipway.path)
    (tmp_path / "examples").symlink_to(TOP / "examples")
    script = "set -euo pipefail\n" + script_of(document).replace(":8080", f":{free_port()}")
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    with open(tmp_path / "output.txt", "w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["bash", "-x", "-c", script], cwd=tmp_path, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(timeout=600)
        finally:
            try:  # servers that it left running
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        output.seek(0)
        assert code == 0, output.read()[-5000:]


def test_links_between_documents_lead_somewhere():
    broken = []
    documents = [TOP / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    for document in documents + [d for d in DOCUMENTS if d not in documents]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target) and not (document.parent / target).exists():
                broken.append(f"{document.relative_to(TOP)}: {target}")
    assert not broken


def test_every_command_of_the_readme_exists(slipway, tmp_path):
    table = re.findall(r"^\| `slipway (\w+)", (TOP / "README.md").read_text(encoding="utf-8"), re.M)
    assert len(table) >= 15
    for command in table:
        outcome = slipway(command, "--help", cwd=tmp_path)
        assert "Example: slipway " + command in outcome.stdout


def test_examples_are_accepted(slipway, tmp_path):
    """A configuration with a mistake fails before its data is looked for; these fail only because their data is not there."""
    for configuration in sorted((TOP / "examples").glob("*/slipway.yaml")):
        folder = tmp_path / configuration.parent.name
        folder.mkdir()
        (folder / "slipway.yaml").write_bytes(configuration.read_bytes())
        outcome = slipway("prepare", "slipway.yaml", cwd=folder, code=2)
        location = re.search(r"data/\w+\.(csv|parquet)", configuration.read_text())[0]
        assert pathlib.Path(location).name in outcome.stderr
        assert "slipway.yaml:" not in outcome.stderr, outcome


def test_the_reference_page_is_the_programs_own(slipway, tmp_path):
    page = (TOP / "docs/reference/options.md").read_text(encoding="utf-8")
    assert slipway("reference", cwd=tmp_path).stdout == page, "slipway reference > docs/reference/options.md"
