#!/usr/bin/env python3
"""Sends the rows of a CSV file to a running server, in batches, and says what came back.

usage: send.py URL MODEL FILE.csv [--rows N] [--batch N]
Needs nothing but Python's standard library.
"""

import argparse
import csv
import itertools
import json
import time
import urllib.request


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
        return json.load(answer)


def cell(text, datatype):
    """A cell as JSON: empty is missing, a number is one where the model takes numbers."""
    if text == "":
        return None
    return text if datatype == "BYTES" else float(text)


def main():
    parser = argparse.ArgumentParser(description="Send the rows of a CSV file to a server.")
    parser.add_argument("url", help="as in http://127.0.0.1:8080")
    parser.add_argument("model")
    parser.add_argument("file")
    parser.add_argument("--rows", type=int, help="only so many rows")
    parser.add_argument("--batch", type=int, default=500, help="rows per request")
    options = parser.parse_args()

    inputs = call(f"{options.url}/v2/models/{options.model}")["inputs"]
    sent = flagged = 0
    begun = time.monotonic()
    with open(options.file, newline="", encoding="utf-8") as file:
        rows = itertools.islice(csv.DictReader(file), options.rows)
        while batch := list(itertools.islice(rows, options.batch)):
            instances = [[cell(row[i["name"]], i["datatype"]) for i in inputs] for row in batch]
            answer = call(f"{options.url}/v1/models/{options.model}:predict", {"instances": instances})
            sent += len(batch)
            flagged += sum(prediction["label"] == "1" for prediction in answer["predictions"])
    seconds = time.monotonic() - begun
    print(f"{sent} transactions scored in {seconds:.1f} s, {flagged} of them called fraud")


if __name__ == "__main__":
    main()
