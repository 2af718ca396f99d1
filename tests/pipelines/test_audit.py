"""Is it found when somebody changes what was recorded, wherever they do it?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import ledger
from pipelines.attestation import DEPLOYMENT, attest
from pipelines.errors import IntegrityError
from pipelines.steps.audit import audit, examine
from pipelines.steps.promote import promote
from pipelines.steps.register import register
from pipelines.steps.validate import validate
from pipelines.store import content_digest
from serving.release import canonical
from tests.pipelines.lifecycle import Trained, git, trained, under_git

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A release that is declared at the head."""
    made = under_git(trained(tmp_path_factory.mktemp("wine") / "world", "wine"))
    validate(made.env, made.model, made.good)
    register(made.env, made.model, made.good)
    promote(made.env, made.model)
    return made


@pytest.fixture
def copy(promoted: Trained, tmp_path: Path) -> Trained:
    return promoted.copy(tmp_path / "world")


def store(copy: Trained) -> Path:
    return copy.world.root / ".local/local-dev/store"


def rechain(copy: Trained, change: Callable[[dict[str, object]], None]) -> None:
    """Rewrite the whole ledger, consistent in itself."""
    previous = ledger.GENESIS
    for file in sorted((store(copy) / "ledger").iterdir()):
        entry = json.loads(file.read_text())
        change(entry)
        entry["previous"] = previous
        content = canonical(entry)
        file.write_bytes(content)
        previous = content_digest(content)


def test_an_honest_environment_is_intact_and_its_origin_is_not_proven(copy: Trained):
    record = audit(copy.env)
    assert record.verdict == "intact"
    assert record.details["counts"]["releases"] == 2
    assert any("origin not proven" in note for note in record.details["notes"])


def test_an_audit_leaves_no_trace(copy: Trained):
    before = ledger.head(copy.env.store)
    audit(copy.env)
    assert ledger.head(copy.env.store) == before


def test_an_environment_without_anything_is_intact(copy: Trained):
    assert audit(copy.world.env("local-prod")).verdict == "intact"


def rewritten_entry(copy: Trained) -> None:
    file = store(copy) / ledger.name(2)
    file.write_text(file.read_text().replace('"actor": "test"', '"actor": "else"'))


def rewritten_chain(copy: Trained) -> None:
    rechain(copy, lambda entry: entry.update(actor="mallory"))


def cut_chain(copy: Trained) -> None:
    for file in sorted((store(copy) / "ledger").iterdir())[3:]:
        file.unlink()


def changed_record(copy: Trained) -> None:
    file = next((store(copy) / "records/validate").iterdir())
    file.write_text(file.read_text().replace('"pass"', '"fail"', 1))


def changed_attestation(copy: Trained) -> None:
    for file in (store(copy) / "attestations" / copy.good).iterdir():
        file.write_text(file.read_text().replace('"rows": 67', '"rows": 6700'))


def removed_attestation(copy: Trained) -> None:
    next((store(copy) / "attestations" / copy.good).iterdir()).unlink()


def strange_object(copy: Trained) -> None:
    (store(copy) / "attestations" / copy.good / "99.json").write_text("{}")


def changed_release(copy: Trained) -> None:
    file = store(copy) / "releases" / copy.good / "schema.json"
    file.write_text(file.read_text() + " ")


def declared_by_hand(copy: Trained) -> None:
    copy.declare(stable=copy.bad)
    git(copy.world.root, "commit", "--quiet", "-am", "ship it")


def dropped_commit(copy: Trained) -> None:
    git(copy.world.root, "reset", "--quiet", "--hard", "HEAD~1")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (rewritten_entry, "ledger entry 3 .* entry 2 was changed"),
        (rewritten_chain, "never had it: it was rewritten or cut"),
        (cut_chain, "never had it: it was rewritten or cut"),
        (changed_record, "the record was changed"),
        (changed_attestation, "a record says .* it was changed"),
        (removed_attestation, "is missing; a record says"),
        (strange_object, "99.json is no in-toto statement"),
        (changed_release, r"schema\.json has SHA-256"),
        (declared_by_hand, "no attestation says that it passed the gates there"),
        (dropped_commit, "Git's history of Pulumi.local-dev.yaml lacks it"),
    ],
)
def test_a_change_contradicts_something_and_is_named(copy: Trained, spoil: Callable[[Trained], None], said: str):
    spoil(copy)
    with pytest.raises(IntegrityError, match=said):
        audit(copy.env)
    assert examine(copy.env).verdict == "contradiction"


def test_a_change_by_hand_is_noted(copy: Trained):
    declared_by_hand(copy)
    notes = examine(copy.env).details["notes"]
    assert any("changed Pulumi.local-dev.yaml by hand" in note for note in notes)


def test_a_statement_that_no_record_names_is_noted(copy: Trained):
    attest(copy.env.store, copy.good, name="wine", predicate_type=DEPLOYMENT, predicate={})
    assert any("named by no record" in note for note in examine(copy.env).details["notes"])
