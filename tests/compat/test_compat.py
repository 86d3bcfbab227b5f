"""What older versions wrote can be read: bundles score as they did, and every operator's ONNX form is still known.

A folder per version. `two`, `classes` and `regression` hold a bundle and the scores that version gave `rows.csv`; `operators` one ONNX
file per operator or shape of it. Files are only ever added: a folder is what users have on their disks.
"""

import csv
import pathlib

import pytest

HERE = pathlib.Path(__file__).parent
VERSIONS = [folder for folder in sorted(HERE.iterdir()) if (folder / "rows.csv").is_file()]
BUNDLES = [file.parent for version in VERSIONS for file in sorted(version.glob("*/scores.csv"))]
FILES = [file for version in VERSIONS for file in sorted(version.glob("operators/*.onnx"))]


def read(file):
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: str(folder.relative_to(HERE)))
def test_bundles_score_as_they_did(slipway, folder, tmp_path):
    slipway("score", folder / "bundle", folder.parent / "rows.csv", "--out", "scores.csv", cwd=tmp_path)
    found, expected = read(tmp_path / "scores.csv"), read(folder / "scores.csv")
    assert len(expected) == 90
    assert found == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HERE)))
def test_operators_are_read_as_ours(slipway, file, tmp_path):
    document = slipway("import", file, "--out", "bundle", "--json", cwd=tmp_path).document
    assert document["format"] == "Slipway ONNX"
