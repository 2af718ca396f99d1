"""What do clients and the log see when a server answers 500, hangs, is killed or replaced?"""

import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bench import servers
from bench.load import Load, load, request
from bench.servers import free_ports
from environments.declaration import Gateway as Limits
from environments.declaration import Traffic
from infra.gateway import Address
from tests.infra import gateway_stub
from tests.infra.gateway_envoy import KEY, Gateway, running, settings_for, until
from tests.infra.gateway_stub import Stub

pytestmark = pytest.mark.services

ALL_TO_CANDIDATE = Traffic(candidate=100)
LOAD_SECONDS = 4.0


@pytest.fixture
def stable() -> Iterator[Stub]:
    with Stub("release-a") as stub:
        yield stub


@pytest.fixture
def candidate() -> Iterator[Stub]:
    with Stub("release-b") as stub:
        yield stub


@contextmanager
def process(port: int, release: str, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """A stub in a process of its own, from when it is ready; it is gone at the end, if it was not killed before."""
    command = [sys.executable, gateway_stub.__file__, str(port), release]
    ready = f"http://127.0.0.1:{port}/v2/health/ready"
    with servers.running(command, ready, folder / f"{release}.log") as child:
        yield child


@contextmanager
def under_load(gateway: Gateway, seconds: float = LOAD_SECONDS) -> Generator[list[Load]]:
    """Eight busy connections during the block and to the end of `seconds`; then the list holds what they saw."""
    headers = {"x-api-key": KEY}
    requests = [
        request("/v2/models/m/infer", b"{}", headers | {"x-entity-id": str(entity)}, host="127.0.0.1")
        for entity in range(200)
    ]
    seen: list[Load] = []
    worker = threading.Thread(
        target=lambda: seen.append(load("127.0.0.1", gateway.port, requests, connections=8, seconds=seconds))
    )
    worker.start()
    try:
        yield seen
    finally:
        worker.join()


def in_force(gateway: Gateway) -> None:
    """Wait until the gateway has seen the newest settings."""
    until(lambda: gateway.line(gateway.ask())["step"] == gateway.settings.step, "the step is in force")


def failed(gateway: Gateway) -> list[dict[str, object]]:
    """The lines of the log that are not of a success: what to read when the next assertion fails."""
    return [line for line in gateway.lines() if line["status"] != 200][:5]


def test_a_candidate_that_answers_500_costs_no_client_an_error_and_the_log_convicts_it(
    tmp_path: Path, stable: Stub, candidate: Stub
) -> None:
    candidate.status = 500
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port, traffic=ALL_TO_CANDIDATE)
    with running(settings) as gateway:
        first = gateway.ask("e")
        line = gateway.line(first)
        facts = {name: line[name] for name in ("status", "assigned", "release", "attempts", "step")}
        assert facts == {
            "status": 200, "assigned": "candidate", "release": "release-a", "attempts": 2, "step": "step-1"
        }  # fmt: skip
        assert (first.headers["x-track"], first.headers["x-release"]) == ("candidate", "release-a")
        answers = [gateway.ask(str(entity)) for entity in range(50)]
        assert {(answer.status_code, answer.headers["x-release"]) for answer in answers} == {(200, "release-a")}


def test_a_candidate_that_keeps_failing_is_left_out_for_a_while(tmp_path: Path, stable: Stub, candidate: Stub) -> None:
    candidate.status = 503
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port, traffic=ALL_TO_CANDIDATE)
    with running(settings) as gateway:
        for _ in range(100):
            gateway.ask()
        assert len(candidate.received) < 50
        candidate.status = 200
        until(lambda: gateway.ask().headers["x-release"] == "release-b", "the candidate is asked again")


def test_a_stable_release_that_fails_is_answered_for_by_the_candidate(
    tmp_path: Path, stable: Stub, candidate: Stub
) -> None:
    stable.status = 500
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port, traffic=Traffic(candidate=1))
    with running(settings) as gateway:
        answers = [gateway.ask(str(entity)) for entity in range(30)]
        assert {(answer.status_code, answer.headers["x-release"]) for answer in answers} == {(200, "release-b")}


def test_a_request_near_the_limit_fails_over_whole(tmp_path: Path, stable: Stub, candidate: Stub) -> None:
    candidate.status = 500
    limits = Limits(max_request_bytes=8 << 20)
    settings = settings_for(
        tmp_path, stable=stable.port, candidate=candidate.port, traffic=ALL_TO_CANDIDATE, limits=limits
    )
    with running(settings) as gateway:
        answer = gateway.ask(body=b"x" * (8 << 20))
        assert (answer.status_code, answer.headers["x-release"]) == (200, "release-a")
        assert len(stable.received[0].body) == 8 << 20


def test_a_candidate_that_hangs_is_given_up_within_the_request_time(
    tmp_path: Path, stable: Stub, candidate: Stub
) -> None:
    candidate.silent = True
    limits = Limits(timeout_seconds=1.0)
    settings = settings_for(
        tmp_path, stable=stable.port, candidate=candidate.port, traffic=ALL_TO_CANDIDATE, limits=limits
    )
    with running(settings) as gateway:
        answer = gateway.ask()
        assert (answer.status_code, answer.headers["x-release"]) == (200, "release-a")
        assert gateway.line(answer)["attempts"] == 2


def test_what_a_lone_server_answers_itself_is_not_repeated(tmp_path: Path, stable: Stub) -> None:
    stable.status = 500
    with running(settings_for(tmp_path, stable=stable.port)) as gateway:
        answer = gateway.ask()
        assert (answer.status_code, len(stable.received)) == (500, 1)
        assert gateway.line(answer)["attempts"] == 1


def test_a_client_error_is_nobodys_failure(tmp_path: Path, stable: Stub, candidate: Stub) -> None:
    candidate.status = 422
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port, traffic=ALL_TO_CANDIDATE)
    with running(settings) as gateway:
        answer = gateway.ask()
        assert (answer.status_code, answer.headers["x-release"]) == (422, "release-b")
        assert gateway.line(answer)["attempts"] == 1


def test_when_no_server_answers_the_client_is_told_in_json(tmp_path: Path) -> None:
    limits = Limits(timeout_seconds=0.5)
    with running(settings_for(tmp_path, stable=free_ports(1)[0], limits=limits)) as gateway:
        answer = gateway.ask()
        assert answer.status_code in (503, 504)
        assert answer.json()["error"]


def test_no_request_fails_while_weights_and_shadow_move(tmp_path: Path, stable: Stub, candidate: Stub) -> None:
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port)
    with running(settings) as gateway, under_load(gateway) as seen:
        moves = 0
        while not seen:
            moves += 1
            share = moves * 10 % 101
            gateway.change(traffic=Traffic(candidate=share, shadow=100 - share), step=f"step-{moves}")
            in_force(gateway)
    assert moves >= 10
    assert seen[0].failed == 0, failed(gateway)
    assert seen[0].statuses[200] > 500


@pytest.mark.parametrize("killed", ["stable", "candidate"])
def test_no_request_fails_while_one_of_two_servers_is_killed_and_returns(tmp_path: Path, killed: str) -> None:
    ports = dict(zip(("stable", "candidate"), free_ports(2), strict=True))
    other = "candidate" if killed == "stable" else "stable"
    settings = settings_for(tmp_path, **ports, traffic=Traffic(candidate=50))
    with (
        process(ports[other], f"release-{other}", tmp_path),
        process(ports[killed], f"release-{killed}", tmp_path) as victim,
        running(settings) as gateway,
        under_load(gateway) as seen,
    ):
        kill(victim, gateway)
        until(lambda: any(line["attempts"] == 2 for line in gateway.lines()), "a request failed over")
        with process(ports[killed], f"release-{killed}", tmp_path):
            until(lambda: {f"release-{killed}"} == {answered_by(gateway, killed) for _ in range(5)}, "it is back")
            until(lambda: bool(seen), "the load is over")
    assert seen[0].failed == 0, failed(gateway)


def kill(victim: subprocess.Popen[bytes], gateway: Gateway) -> None:
    """Kill a server that has work to do."""
    until(lambda: len(gateway.lines()) > 200, "the load runs")
    victim.kill()
    victim.wait()


def test_no_request_fails_while_the_only_server_is_killed_and_returns(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with (
        process(port, "release-a", tmp_path) as victim,
        running(settings_for(tmp_path, stable=port)) as gateway,
        under_load(gateway) as seen,
    ):
        kill(victim, gateway)
        with process(port, "release-a", tmp_path):
            until(lambda: bool(seen), "the load is over")
    assert seen[0].failed == 0, failed(gateway)
    assert seen[0].statuses[200] > 500


def test_no_request_fails_while_a_candidate_arrives_is_promoted_and_its_predecessor_leaves(tmp_path: Path) -> None:
    first, second = free_ports(2)
    with process(first, "release-a", tmp_path) as predecessor, running(settings_for(tmp_path, stable=first)) as gateway:
        with under_load(gateway) as seen:
            until(lambda: len(gateway.lines()) > 200, "the load runs")
            with process(second, "release-b", tmp_path):
                gateway.change(candidate=Address(port=second), traffic=Traffic(candidate=100), step="canary")
                until(lambda: answered_by(gateway) == "release-b", "the candidate answers")
                gateway.change(stable=Address(port=second), candidate=None, traffic=Traffic(), step="promoted")
                in_force(gateway)
                predecessor.terminate()
                predecessor.wait()
                until(lambda: bool(seen), "the load is over")
        steps = {line["step"]: line["release"] for line in gateway.lines()}
    assert seen[0].failed == 0, failed(gateway)
    assert (steps["canary"], steps["promoted"]) == ("release-b", "release-b")


def answered_by(gateway: Gateway, track: str = "") -> str | None:
    headers = {"x_model_track": track} if track else {}
    return gateway.ask(**headers).headers.get("x-release")


def test_a_gateway_that_starts_before_its_server_serves_as_soon_as_it_is_there(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with running(settings_for(tmp_path, stable=port)) as gateway, process(port, "release-a", tmp_path):
        started = time.monotonic()
        assert gateway.ask().status_code == 200
        assert time.monotonic() - started < 2.0


def test_the_first_request_of_a_gateway_is_answered(tmp_path: Path, stable: Stub, candidate: Stub) -> None:
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port, traffic=ALL_TO_CANDIDATE)
    with running(settings) as gateway:
        answer = httpx.post(
            f"http://127.0.0.1:{gateway.port}/v2/models/m/infer", headers={"x-api-key": KEY}, content=b"{}"
        )
        assert (answer.status_code, answer.headers["x-release"]) == (200, "release-b")
