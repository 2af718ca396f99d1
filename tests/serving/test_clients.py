"""Do the clients of others work with the real server: Triton's, MLflow's, and Schemathesis as the worst of all?"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from tests.serving import process, releases
from tests.serving.process import Running
from tests.serving.releases import BINARY, BINARY_ROW

pytestmark = pytest.mark.services

CODES = {"number": "FP32", "text": "BYTES"}
SCORES = [[pytest.approx(0.141851, abs=1e-5), pytest.approx(0.858149, abs=1e-5)]] * 2

# What a schema cannot say: all columns of a request have the same number of rows, and a CSV file holds the columns.
# So Schemathesis cannot know which of its "valid" requests really are; tests/serving/test_openapi.py proves that part.
SCHEMATHESIS = """
[checks.negative_data_rejection]
expected-statuses = ["400", "405", "413", "415"]
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("release")
    return folder, releases.binary(folder)


@pytest.fixture(scope="module")
def server(release: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with process.running(*release, tmp_path_factory.mktemp("spool")) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.address) as client:
        yield client


def inputs(*, binary: bool, number: str = "FP32", **changes: Any) -> list[triton.InferInput]:
    """Two rows as Triton's client sends them."""
    row = BINARY_ROW | changes
    found: list[triton.InferInput] = []
    for column in BINARY.columns:
        code = number if column.type == "number" else "BYTES"
        kind: Any = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "INT32": np.int32, "BYTES": object}[
            code
        ]
        tensor = triton.InferInput(column.name, [2, 1], code)
        tensor.set_data_from_numpy(np.array([[row[column.name]]] * 2, dtype=kind), binary_data=binary)
        found.append(tensor)
    return found


def test_tritons_client_sees_server_and_model(client: triton.InferenceServerClient, release: tuple[Path, str]) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("renewal")
    assert client.is_model_ready("renewal", release[1])
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata("renewal")
    assert {given["name"]: given["datatype"] for given in metadata["inputs"]} == {
        column.name: CODES[column.type] for column in BINARY.columns
    }


@pytest.mark.parametrize("number", ["FP32", "FP64", "INT64", "INT32"])
@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_predicts(client: triton.InferenceServerClient, binary: bool, number: str) -> None:
    found = client.infer("renewal", inputs(binary=binary, number=number), request_id="7")
    assert found.as_numpy("score").tolist() == SCORES
    assert found.as_numpy("decision").tolist() == [b"stays", b"stays"]
    assert found.get_response()["id"] == "7"


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_gets_the_outputs_that_it_asks_for(
    client: triton.InferenceServerClient, release: tuple[Path, str], binary: bool
) -> None:
    asked = [triton.InferRequestedOutput("score", binary_data=binary)]
    found = client.infer("renewal", inputs(binary=True), model_version=release[1], outputs=asked)
    assert found.as_numpy("score").tolist() == SCORES
    assert found.as_numpy("decision") is None


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_tritons_client_may_compress_its_requests(client: triton.InferenceServerClient, algorithm: str) -> None:
    found = client.infer("renewal", inputs(binary=True), request_compression_algorithm=algorithm)
    assert found.as_numpy("score").tolist() == SCORES


def test_tritons_client_is_told_what_is_wrong(client: triton.InferenceServerClient) -> None:
    with pytest.raises(
        InferenceServerException, match="column 'amount', row 0: 5000 is outside of 0 to 1000 EUR"
    ) as caught:
        client.infer("renewal", inputs(binary=True, amount=5000))
    assert caught.value.status() == "400"


def test_mlflows_client_predicts_from_a_data_frame(server: Running) -> None:
    import pandas as pd
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    host, _, port = server.address.partition(":")
    client = ScoringServerClient(host, int(port))
    client.ping()
    assert len(client.get_version()) == 64
    frame = pd.DataFrame([BINARY_ROW, BINARY_ROW | {"age": float("nan")}])
    found = client.invoke(frame).get_predictions()
    assert found["score"].iloc[0] == SCORES[0]
    assert len(found) == 2


def test_the_predictions_are_those_of_mlflows_own_scoring_server(
    server: Running, release: tuple[Path, str], tmp_path: Path
) -> None:
    import json

    import httpx
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.onnx import save_model
    from mlflow.pyfunc import load_model, scoring_server
    from mlflow.types import Schema, TensorSpec

    kinds = {"number": np.dtype(np.float32), "text": np.dtype(object)}
    given = Schema([TensorSpec(kinds[column.type], (-1, 1), column.name) for column in BINARY.columns])
    taken = Schema([TensorSpec(np.dtype(np.float32), (-1, 2), "score")])
    save_model(
        onnx.load(release[0] / "model.onnx"), str(tmp_path / "model"), pip_requirements=[],
        signature=ModelSignature(inputs=given, outputs=taken),
    )  # fmt: skip
    model = load_model(str(tmp_path / "model"))
    request = {"inputs": {name: [[value], [value]] for name, value in BINARY_ROW.items()}}
    theirs = scoring_server.invocations(
        json.dumps(request), "application/json", model, model.metadata.get_input_schema()
    )
    assert theirs.status == 200
    ours = httpx.post(f"{server.url}/invocations", json=request).json()
    assert ours["predictions"] == {
        "score": [
            [pytest.approx(score) for score in row] for row in json.loads(theirs.response)["predictions"]["score"]
        ]
    }


def test_schemathesis_finds_no_answer_that_the_document_does_not_describe(server: Running, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(SCHEMATHESIS)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run",
            f"{server.url}/openapi.json", "--phases", "coverage,fuzzing", "--max-examples", "40", "--seed", "1",
            "--exclude-checks", "positive_data_acceptance", "--continue-on-failure", "--no-color",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert server.process.poll() is None
