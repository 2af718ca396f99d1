"""Do the figures follow from the rounds, and does the page say what they are, good or bad?"""

import msgspec
import pytest

from bench.load import Load
from bench.page import page
from bench.result import GATEWAY, MLFLOW_ONNX, MLFLOW_SKLEARN, PRODUCT, Machine, Result, Round, measured, ratio, summary


def a_round(answers: int, *latencies: float, cpu: float = 1.0, failed: int = 0) -> Round:
    statuses = {200: answers} | ({500: failed} if failed else {})
    load = Load(seconds=2.0, statuses=statuses, errors=0, latencies=sorted(latencies or (0.001,)))
    return Round(warm_up=10, load=load, cpu_seconds=cpu)


def result(ours: list[Round], theirs: list[Round], others: float = 0.01) -> Result:
    servers, ratios = summary({PRODUCT: ours, GATEWAY: ours, MLFLOW_SKLEARN: theirs, MLFLOW_ONNX: theirs})
    return Result(
        at="2026-01-31",
        machine=Machine(processor="a chip", cores=2, system="Linux x86_64", others=others, versions={"mlflow": "3.17"}),
        model="renewal", release="ab" * 32, connections=8, rounds=len(ours), seconds=2.0, servers=servers,
        ratios=ratios, logged=12345,
    )  # fmt: skip


def test_a_server_is_the_median_of_its_rounds_and_the_sum_of_its_answers() -> None:
    found = measured([a_round(200, 0.002), a_round(400, 0.001, cpu=0.4), a_round(4000, 0.009, failed=3)])
    assert (found.throughput, found.p50_ms, found.answers, found.failed) == (200.0, 2.0, 4603, 3)


def test_ratios_are_taken_within_a_round_so_that_a_busy_moment_meets_both() -> None:
    ours = [a_round(6000, 0.001), a_round(600, 0.010), a_round(6000, 0.001)]
    theirs = [a_round(100, 0.080), a_round(10, 0.800), a_round(100, 0.080)]
    assert ratio(ours, theirs).throughput == 60.0
    assert ratio(ours, theirs).p99_to_median == pytest.approx(0.0125, abs=1e-3)


def test_processor_time_is_compared_for_one_answer() -> None:
    assert ratio([a_round(1000, cpu=0.1)], [a_round(100, cpu=1.0)]).cpu == 100.0


def test_the_page_says_that_a_target_is_reached_and_that_one_is_not() -> None:
    good = page(result([a_round(6000, 0.001)], [a_round(100, 0.080)]))
    assert "60 ×" in good
    assert "not reached" not in good
    bad = page(result([a_round(600, 0.100)], [a_round(100, 0.080)]))
    assert bad.count("**not reached**") == 4


def test_the_page_names_machine_model_versions_and_failures() -> None:
    text = page(result([a_round(6000, 0.001, failed=7)], [a_round(100, 0.080)]))
    for fact in ("a chip", "2 cores", "mlflow 3.17", "renewal", "abababababab", "12345", "2026-01-31", "| 7 |"):
        assert fact in text


def test_the_page_says_that_the_machine_was_not_quiet() -> None:
    rounds = [a_round(6000, 0.001)], [a_round(100, 0.080)]
    assert "not quiet" not in page(result(*rounds))
    assert "**not quiet: other programs used 40% of it meanwhile**" in page(result(*rounds, others=0.4))


def test_a_result_survives_its_file() -> None:
    one = result([a_round(6000)], [a_round(100)])
    assert msgspec.json.decode(msgspec.json.encode(one), type=Result) == one
