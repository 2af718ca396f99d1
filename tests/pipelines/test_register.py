"""Is a release registered only on evidence that counts now, and once?"""

from pathlib import Path

import pytest

from pipelines.errors import NotReady
from pipelines.steps.register import register
from pipelines.steps.validate import validate
from pipelines.store import read
from pipelines.tracking import client, find_version
from tests.pipelines.lifecycle import Trained, each, trained, with_contract

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    made = trained(tmp_path_factory.mktemp("wine") / "world", "wine")
    validate(made.env, made.model, made.good)
    return made


@pytest.fixture
def copy(passed: Trained, tmp_path: Path) -> Trained:
    return passed.copy(tmp_path / "world")


def test_a_release_that_was_never_judged_is_not_registered(copy: Trained):
    with pytest.raises(NotReady, match=f"never judged.*mlops validate --env local-dev {copy.bad[:12]}"):
        register(copy.env, copy.model, copy.bad)
    assert find_version(copy.env, copy.model.contract, copy.bad) is None


def test_a_pass_is_registered_once_with_its_digest_and_a_card_of_words_and_evidence(copy: Trained):
    record = register(copy.env, copy.model, copy.good)
    assert record.verdict == "registered"
    version = client(copy.env).get_model_version("wine", record.details["version"])
    assert version.tags["mlops.release"] == copy.good
    card = read(copy.env.store, record.details["card"]).decode()
    for expected in (copy.good, "## What it promises", "| accuracy |", "no champion", "| floor |", "@tests"):
        assert expected in card
    again = register(copy.env, copy.model, copy.good)
    assert (again.verdict, again.details["version"]) == ("unchanged", record.details["version"])


def test_evidence_against_another_champion_does_not_count(copy: Trained):
    copy.declare(stable=copy.bad)
    with pytest.raises(NotReady, match="the champion is another release since"):
        register(copy.env, copy.model, copy.good)


def test_evidence_by_other_gates_does_not_count(copy: Trained):
    stricter = with_contract(copy.model, gates=each(copy.model.contract.gates, tolerance=0.001))
    with pytest.raises(NotReady, match="the gates changed since"):
        register(copy.env, stricter, copy.good)


def test_evidence_by_another_metric_of_the_same_name_does_not_count(copy: Trained):
    file = copy.model.folder / "metrics.py"
    file.write_text(file.read_text() + "\n# another definition\n")
    with pytest.raises(NotReady, match="the gates changed since"):
        register(copy.env, copy.model, copy.good)
