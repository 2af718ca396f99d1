"""Does `make bench` measure real servers of one model, and refuse to compare what differs?"""

import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.result import GATEWAY, MLFLOW_ONNX, MLFLOW_SKLEARN, PRODUCT, Result
from bench.run import Disagreement, Target, agree
from bench.servers import NotStarted, running
from tests.infra.gateway_stub import Stub

pytestmark = pytest.mark.services

MODEL = Path(__file__).parent.parent / "models" / "wine"


def test_a_run_writes_figures_of_all_servers_and_their_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["--model", str(MODEL), "--rounds", "1", "--seconds", "0.5", "--output", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    result = msgspec.json.decode((tmp_path / "bench" / "result.json").read_bytes(), type=Result)
    assert set(result.servers) == {PRODUCT, GATEWAY, MLFLOW_SKLEARN, MLFLOW_ONNX}
    for server in result.servers.values():
        assert server.failed == 0
        assert server.answers > 0
        assert server.cpu_ms > 0
    assert result.ratios[MLFLOW_SKLEARN].throughput > 1
    assert result.logged >= result.servers[PRODUCT].answers + result.servers[GATEWAY].answers
    assert (tmp_path / "docs" / "bench.md").read_text() in done.output


def test_servers_that_answer_differently_are_not_compared() -> None:
    with Stub('{"predictions": [[0.25, 0.75]]}') as one, Stub('{"predictions": {"score": [[0.35, 0.65]]}}') as other:
        alike = [Target(name=name, port=one.port, processes=()) for name in ("one", "again")]
        agree(alike, [b"{}"])
        with pytest.raises(Disagreement, match="other answers"):
            agree([*alike, Target(name="other", port=other.port, processes=())], [b"{}"])


def test_a_server_that_does_not_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    with (
        pytest.raises(NotStarted, match="exit code 1(.|\n)*no such model"),
        running(command, "http://127.0.0.1:9/ready", tmp_path / "log"),
    ):
        raise AssertionError("it runs")
