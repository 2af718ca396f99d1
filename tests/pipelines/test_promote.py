"""Does a release move by verified bytes, evidence of its own and one commit, and by nothing else?"""

from pathlib import Path

import msgspec
import pytest

from pipelines import git as our_git
from pipelines import ledger
from pipelines.attestation import GATES, statements
from pipelines.errors import GateFailed, IntegrityError, NotReady
from pipelines.steps.promote import newest_registered, promote
from pipelines.steps.register import register
from pipelines.steps.validate import validate
from pipelines.tracking import find_version
from serving.release import verify
from tests.pipelines.lifecycle import Trained, each, git, trained, under_git, with_contract

pytestmark = pytest.mark.services
FILE = "environments/endpoint/Pulumi.{}.yaml"


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A release that is registered at the head, and declared nowhere."""
    made = under_git(trained(tmp_path_factory.mktemp("wine") / "world", "wine"))
    validate(made.env, made.model, made.good)
    register(made.env, made.model, made.good)
    return made


@pytest.fixture
def copy(registered: Trained, tmp_path: Path) -> Trained:
    return registered.copy(tmp_path / "world")


def commits(copy: Trained) -> int:
    return len(git(copy.world.root, "log", "--format=%H").split())


def test_the_newest_registered_release_becomes_the_first_stable_one_and_the_anchor(copy: Trained):
    head = ledger.head(copy.env.store)
    record = promote(copy.env, copy.model)
    declared = copy.env.endpoint()
    assert (declared.stable, declared.anchor, declared.candidate) == (copy.good, copy.good, None)
    assert record.subject == copy.good
    assert "mlops up --env local-dev" in record.summary
    trailers = our_git.trailers(copy.world.root, record.details["commit"])
    assert trailers == {"Release": copy.good, "Environment": "local-dev", "Ledger-Head": head}
    said = git(copy.world.root, "show", "--no-patch", "--format=%B", "HEAD")
    assert "as its stable release" in said
    assert "floor" in said
    assert "accuracy" in said
    assert git(copy.world.root, "show", "--name-only", "--format=", "HEAD").split() == [FILE.format("local-dev")]


def test_evidence_that_stands_is_not_made_again_at_the_head(copy: Trained):
    promote(copy.env, copy.model)
    assert len(statements(copy.env.store, copy.good, GATES)) == 1


def test_comments_of_the_declaration_survive(copy: Trained):
    promote(copy.env, copy.model)
    text = (copy.world.root / FILE.format("local-dev")).read_text()
    assert "# Edited by `mlops promote`" in text


def test_the_next_environment_gets_the_same_bytes_its_own_evidence_and_registry_and_then_a_trial(copy: Trained):
    staging = copy.world.env("local-staging")
    record = promote(staging, copy.model, copy.good)
    assert record.details["source"] == "local-dev"
    folder = copy.world.root / ".local/local-staging/store/releases" / copy.good
    verify(folder, copy.good)
    assert statements(staging.store, copy.good, GATES)[-1].predicate["environment"] == "local-staging"
    assert find_version(staging, copy.model.contract, copy.good)
    assert staging.endpoint().stable == copy.good
    assert copy.env.endpoint().stable is None  # each environment has a file of its own


def test_a_release_goes_on_trial_beside_a_stable_one_and_only_one_at_a_time(copy: Trained):
    copy.declare("local-dev", stable=copy.bad, anchor=copy.bad, rollout={"steps": [0, 50, 100]})
    git(copy.world.root, "commit", "--quiet", "-am", "a stable release")
    promote(copy.env, copy.model, copy.good)
    declared = copy.env.endpoint()
    assert (declared.stable, declared.candidate, declared.anchor) == (copy.bad, copy.good, copy.bad)
    assert (declared.traffic.candidate, declared.traffic.shadow) == (0, 100)
    with pytest.raises(NotReady, match="on trial in local-dev already"):
        promote(copy.env, copy.model, copy.good)


def test_a_file_with_changes_of_somebody_is_not_touched(copy: Trained):
    copy.declare(traffic={"candidate": 0})
    file = copy.world.root / FILE.format("local-dev")
    file.write_text(file.read_text() + "# a thought\n")
    before = commits(copy)
    with pytest.raises(NotReady, match="not committed"):
        promote(copy.env, copy.model)
    assert "# a thought" in file.read_text()
    assert commits(copy) == before


def test_a_release_that_is_not_registered_before_cannot_skip_an_environment(copy: Trained):
    prod = copy.world.env("local-prod")
    with pytest.raises(NotReady, match="not registered in local-staging.*mlops promote --env local-staging"):
        promote(prod, copy.model, copy.good)
    with pytest.raises(NotReady, match="no registered release"):
        promote(prod, copy.model)


def test_a_trained_release_that_nobody_registered_cannot_start_the_chain(copy: Trained):
    with pytest.raises(NotReady, match="mlops register --env local-dev"):
        promote(copy.env, copy.model, copy.bad)


def test_a_changed_byte_stops_the_promotion_before_anything_is_declared(copy: Trained):
    file = copy.world.root / ".local/local-dev/store/releases" / copy.good / "model.onnx"
    file.write_bytes(file.read_bytes() + b"\0")
    before = commits(copy)
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        promote(copy.world.env("local-staging"), copy.model, copy.good)
    assert commits(copy) == before
    assert copy.world.env("local-staging").endpoint().stable is None


def test_gates_that_refuse_it_here_stop_it_and_nothing_is_registered(copy: Trained):
    model = with_contract(copy.model, gates=each(copy.model.contract.gates, floor=2.0, direction="higher"))
    staging, before = copy.world.env("local-staging"), commits(copy)
    with pytest.raises(GateFailed, match="local-staging"):
        promote(staging, model, copy.good)
    assert commits(copy) == before
    assert find_version(staging, model.contract, copy.good) is None


@pytest.mark.parametrize(("step", "verdict"), [("rollout", "back"), ("rollback", "done")])
def test_a_release_that_was_sent_back_is_not_picked_again_unasked(copy: Trained, step: str, verdict: str):
    ledger.write(
        copy.env.store, at=copy.env.now(), actor="test", step=step, verdict=verdict, summary="", subject=copy.good
    )
    with pytest.raises(NotReady, match="no registered release"):
        newest_registered(copy.env, copy.env)


def test_the_record_says_what_was_changed_and_is_chained(copy: Trained):
    record = promote(copy.env, copy.model)
    entry, _ = ledger.entries(copy.env.store)[-1]
    assert (entry.step, entry.verdict, entry.subject) == ("promote", "stable", copy.good)
    assert record.details["changes"]["stable"] == copy.good
    assert msgspec.to_builtins(copy.env.endpoint().traffic) == record.details["changes"]["traffic"]
