"""Does a candidate that is bad on live rows only go back by evidence, while no client sees an error?"""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from environments.declaration import Endpoint
from environments.location import home
from infra.local.supervisor import Supervisor
from pipelines.attestation import PARITY, attest, newest
from pipelines.demo import faults
from pipelines.record import Record
from pipelines.steps.data import data, write_data
from pipelines.steps.promote import promote
from pipelines.steps.register import register
from pipelines.steps.rollback import rollback
from pipelines.steps.rollout import rollout
from pipelines.steps.up import up
from pipelines.steps.validate import validate
from pipelines.store import put_release
from serving.spool import segments
from tests.clones import Clone
from tests.loop.workshop import Workshop, open_workshop, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.services]
CANARY = {
    "steps": [50], "minimum_requests": 1000,  # more than ever are sent: no trial here ends with a go
    "latency_floor_ms": 5000.0,  # other tests run beside this one
}  # fmt: skip


@pytest.fixture(scope="module")
def workshop(shared_clone: Clone) -> Workshop:
    """Staging with a stable release, in which a candidate gets half of the traffic at once."""
    at = open_workshop(shared_clone, "tests/models/diabetes")
    at.choose(Endpoint, "local-staging", rollout=CANARY)
    data(at.dev, at.model)
    up(at.staging, ("platform",))
    at.bring(at.released())
    return at


@pytest.fixture
def stable(workshop: Workshop) -> str:
    """The stable release, with nothing on trial."""
    if workshop.staging.endpoint().candidate:
        rollback(workshop.staging, reason="the next test begins", up=True)
    declared = workshop.staging.endpoint().stable
    assert declared is not None
    return declared


@pytest.fixture
def rows(workshop: Workshop):
    return workshop.model.data.read("diabetes")


def brittle(workshop: Workshop, stable: str, rows, folder: Path) -> str:
    """A registered release whose graph fails above the largest value that data and gates ever saw."""
    feature = faults.extreme_column(rows, workshop.model.contract)
    digest = faults.brittle(workshop.dev.release(stable), folder, feature, float(rows[feature.name].max()))
    put_release(workshop.dev.store, folder, digest)
    # On the rows that training had, it answers as its estimator does.
    proven = newest(workshop.dev.store, stable, PARITY)
    attest(workshop.dev.store, digest, name=workshop.model.contract.name, predicate_type=PARITY, predicate=proven)
    validate(workshop.dev, workshop.model, digest)
    register(workshop.dev, workshop.model, digest)
    return digest


def orphans(workshop: Workshop, digest: str) -> list[Path]:
    """What the servers of a release logged and nobody shipped yet."""
    spool = home(workshop.root, workshop.staging.name) / "spool"
    return [segment for segment in segments(spool) if digest[:12] in segment.parent.name]


def reasons(verdict: Record) -> set[str]:
    """The questions that sent a candidate back."""
    return {finding["metric"] for finding in verdict.details["findings"] if finding["verdict"] == "back"}


@contextmanager
def killed_again_and_again(supervisor: Supervisor, name: str) -> Generator[list[int]]:
    """kill -9 of one process whenever it runs, until the block ends; the ids that were killed."""
    ended, killed = threading.Event(), list[int]()

    def kill() -> None:
        while not ended.wait(0.05):
            if pid := supervisor.pid(name):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        wait_until(lambda: bool(killed))
        yield killed
    finally:
        ended.set()
        thread.join()


def test_a_candidate_that_answers_500_only_goes_back_and_its_last_answers_are_in_the_log(
    workshop: Workshop, stable: str, rows, tmp_path: Path
):
    at, env, supervisor = workshop, workshop.staging, workshop.supervisor(workshop.staging)
    digest = brittle(at, stable, rows, tmp_path / "release")
    promote(env, at.model, digest, up=True)
    (server,) = [name for name in supervisor.states() if digest[:12] in name]
    feature = faults.extreme_column(rows, at.model.contract)
    answers = at.live(env, faults.with_extremes(rows, feature, share=1.0, seed=1))
    assert answers.failed() == 0
    assert answers.releases == {stable: len(rows)}
    assert answers.tracks["candidate"] > 0

    assert rollout(env).verdict == "back"
    assert env.endpoint().candidate == digest  # who only judges changes nothing
    verdict = rollout(env, write=True)
    assert verdict.details["evidence"]["candidate"] == {
        "judged": answers.tracks["candidate"], "failures": answers.tracks["candidate"],
    }  # fmt: skip
    assert reasons(verdict) == {"failures"}
    assert (env.endpoint().stable, env.endpoint().candidate) == (stable, None)

    process, shipper = (psutil.Process(supervisor.pid(name)) for name in (server, "shipper"))
    shipper.suspend()
    try:
        last = at.pinned(env, rows.head(40), "candidate")
        up(env, ("endpoint",))
        assert not process.is_running()
        assert server not in supervisor.states()
        assert orphans(at, digest)
    finally:
        shipper.resume()
    wait_until(lambda: not orphans(at, digest))
    logged = at.predictions(env, "request_id", "release")
    assert sorted(row["request_id"] for row in logged if row["release"] == digest) == sorted(last)


def test_a_candidate_that_learned_in_another_unit_goes_back_by_its_predictions(workshop: Workshop, stable: str, rows):
    at, env = workshop, workshop.staging
    write_data(at.dev, at.model, faults.in_another_unit(rows, at.model.contract), "a delivery in thousands")
    try:
        digest = at.released()
        promote(env, at.model, digest, up=True)
    finally:
        data(at.dev, at.model)
    answers, verdict = at.judged(env, rows)
    assert answers.failed() == 0
    assert answers.releases[digest] > 0
    assert verdict.verdict == "back"
    assert reasons(verdict) == {"shift"}
    assert (env.endpoint().stable, env.endpoint().candidate) == (stable, None)


def test_a_candidate_whose_process_is_killed_goes_back_and_no_client_notices(workshop: Workshop, stable: str, rows):
    at, env, supervisor = workshop, workshop.staging, workshop.supervisor(workshop.staging)
    digest = at.released(parameters={"alpha": 5.0})
    promote(env, at.model, digest, up=True)
    (server,) = [name for name in supervisor.states() if digest[:12] in name]
    with killed_again_and_again(supervisor, server):
        answers = at.live(env, rows)
    assert answers.failed() == 0
    assert answers.tracks["candidate"] > 0
    verdict = rollout(env, write=True, up=True)
    assert verdict.verdict == "back"
    assert reasons(verdict) == {"failures"}
    assert (env.endpoint().stable, env.endpoint().candidate) == (stable, None)
    assert at.answering(env) == stable
