"""What journeys and conformance tests share: the program, example data, and one trained project."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from program import Program, find_program  # noqa: E402

ROWS = 20000

# The reference configuration with a small grid.
CONFIGURATION = """\
name: fraud
source:
  transactions: data/transactions.csv
  sql: select * from transactions
schema: {target: is_fraud, id: transaction_id, time: timestamp, group: card_id}
prepare:
  - drop_missing: [amount, state]
  - keep: amount > 0
  - drop_duplicates: {by: transaction_id}
split: {method: stratified, test: 0.2, seed: 42}
features:
  numeric: [amount, num_transactions]
  categorical: [state, channel, card_type]
  derived: {amount_per_transaction: amount / (num_transactions + 1)}
learner: random_forest
search:
  method: grid
  folds: 3
  metric: average_precision
  n_estimators: [20, 40]
  max_depth: [5, 10]
evaluate: {threshold: {maximise: f1}, gates: {average_precision: ">= 0.05"}}
explain: {partial_dependence: [amount, num_transactions]}
package: [onnx]
monitor: {window: 1 day, false_alarms: 1 per month}
"""


@pytest.fixture(scope="session")
def slipway():
    path = find_program()
    if not path.is_file():
        pytest.exit(f"{path} is missing: ./test build", returncode=2)
    return Program(path)


@pytest.fixture(scope="session")
def transactions(slipway, tmp_path_factory):
    """A CSV file of example transactions."""
    file = tmp_path_factory.mktemp("transactions") / "transactions.csv"
    slipway("sample", "fraud", "--rows", ROWS, "--seed", 1, "--out", file, cwd=file.parent)
    return file


@pytest.fixture
def make_project(tmp_path, transactions):
    """Makes a project folder from a configuration, with the example data in it; nothing has been run."""

    def make(configuration=CONFIGURATION):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data/transactions.csv").write_bytes(transactions.read_bytes())
        (tmp_path / "slipway.yaml").write_text(configuration, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture(scope="session")
def project(slipway, transactions, tmp_path_factory):
    """A project whose line has been run once: models/fraud/1 is published. Tests only read it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "data").mkdir()
    (folder / "data/transactions.csv").write_bytes(transactions.read_bytes())
    (folder / "slipway.yaml").write_text(CONFIGURATION, encoding="utf-8")
    slipway("run", "slipway.yaml", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def bundle(project):
    return project / "models/fraud/1"
