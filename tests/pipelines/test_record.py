"""Is what a step found kept as it was, and chained?"""

from pathlib import Path

import pytest

from pipelines import ledger
from pipelines.environment import Environment
from pipelines.errors import IntegrityError
from pipelines.record import history, keep, newest
from tests.pipelines import worlds


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    return worlds.make(tmp_path).env()


def test_a_record_is_chained_with_its_whole_digest(env: Environment):
    record = keep(env, step="train", verdict="trained", summary="done", subject="a" * 64, metrics={"auc": 0.8})
    entry, _ = ledger.entries(env.store)[-1]
    assert (entry.step, entry.verdict, entry.subject, entry.actor) == ("train", "trained", "a" * 64, "test")
    assert len(entry.record_sha256) == 64
    assert history(env) == [record]
    assert record.details == {"metrics": {"auc": 0.8}}


def test_the_newest_record_of_a_step_is_found_and_a_step_that_never_ran_has_none(env: Environment):
    for verdict in ("first", "second"):
        keep(env, step="monitor", verdict=verdict, summary="")
    keep(env, step="train", verdict="other", summary="")
    found = newest(env, "monitor")
    assert found is not None
    assert found.verdict == "second"
    assert newest(env, "rollback") is None


def test_the_same_finding_at_the_same_moment_is_two_entries_and_one_record(env: Environment):
    for _ in range(2):
        keep(env, step="monitor", verdict="ok", summary="")
    assert len(history(env)) == len(ledger.entries(env.store)) == 2


def test_a_changed_record_is_found(env: Environment, tmp_path: Path):
    keep(env, step="train", verdict="trained", summary="honest")
    entry, _ = ledger.entries(env.store)[-1]
    file = tmp_path / ".local/local-dev/store" / entry.record
    file.write_text(file.read_text().replace("honest", "forged"))
    with pytest.raises(IntegrityError, match="the record was changed"):
        history(env)
