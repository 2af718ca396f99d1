"""Does `make bench` measure real servers of one model, and refuse to compare what differs?"""

import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.load import Load
from bench.result import GATEWAY, MLFLOW_ONNX, MLFLOW_SKLEARN, PRODUCT, Result, Round
from bench.run import Disagreement, NotLogged, Target, agree, logged
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


def test_an_answer_that_the_prediction_log_lacks_ends_the_run(tmp_path: Path) -> None:
    load = Load(seconds=1.0, statuses={200: 2, 500: 5}, errors=0, latencies=[0.1] * 7)
    rounds = {PRODUCT: [Round(warm_up=1, load=load, cpu_seconds=0.1)], GATEWAY: []}
    segment = tmp_path / "1.segment.jsonl"
    segment.write_text("{}\n" * 3)
    assert logged(tmp_path, rounds) == 3
    segment.write_text("{}\n" * 2)
    with pytest.raises(NotLogged, match="3 requests were answered and 2"):
        logged(tmp_path, rounds)


def test_a_server_that_does_not_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    with (
        pytest.raises(NotStarted, match="exit code 1(.|\n)*no such model"),
        running(command, "http://127.0.0.1:9/ready", tmp_path / "log"),
    ):
        raise AssertionError("it runs")
