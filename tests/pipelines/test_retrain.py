"""Does retraining start from a watch, wait when it must, and end in a release that passed the gates?"""

from pathlib import Path

import pytest

from pipelines.errors import InvalidInput, NotReady
from pipelines.record import history
from pipelines.steps.monitor import monitor
from pipelines.steps.retrain import retrain
from tests.pipelines.watched import DAY, NOW, Watched, flowers


@pytest.fixture
def world(tmp_path: Path) -> Watched:
    return flowers(tmp_path)


def test_without_a_watch_there_is_nothing_to_decide_from(world: Watched):
    with pytest.raises(NotReady, match="mlops monitor --env local-dev"):
        retrain(world.env, world.model, now=NOW)


def test_a_watch_without_findings_asks_for_nothing_and_the_record_says_so(world: Watched):
    world.live(1000, end=NOW - 12 * DAY, days=15, labels=1.0)
    monitor(world.env, world.model, now=NOW)
    record = retrain(world.env, world.model, now=NOW)
    assert record.verdict == "not-needed"
    assert "nothing asks for it" in record.summary
    assert record.details["new_rows"]["local-dev"] == 1000


def test_a_drift_without_new_labels_waits_for_them(world: Watched):
    world.live(1000, change=lambda given: given | {"length": [value * 2 for value in given["length"]]})
    monitor(world.env, world.model, now=NOW)
    record = retrain(world.env, world.model, now=NOW)
    assert record.verdict == "not-needed"
    assert "inputs drifted (length)" in record.summary
    assert "mlops feedback" in record.summary


def test_an_environment_that_the_head_takes_no_feedback_from_is_refused_with_the_file_to_change(world: Watched):
    file = world.root / "environments" / "platform" / "Pulumi.local-dev.yaml"
    file.write_text(file.read_text().replace("[local-dev, local-staging, local-prod]", "[local-dev]"))
    prod = flowers_of(world)
    with pytest.raises(InvalidInput, match=r"'feedback_from' in environments/platform/Pulumi\.local-dev\.yaml"):
        retrain(prod, world.model, now=NOW)


def flowers_of(world: Watched):
    from pipelines.environment import open_environment

    return open_environment(world.root, "local-prod", now=lambda: NOW)


def test_what_a_decision_rests_on_is_read_back_from_the_ledger_only_when_unchanged(world: Watched):
    from pipelines.errors import IntegrityError

    world.live(300)
    monitor(world.env, world.model, now=NOW)
    (file,) = (world.root / ".local" / "local-dev" / "store" / "records" / "monitor").iterdir()
    file.write_bytes(file.read_bytes().replace(b'"verdict": "ok"', b'"verdict": "no"', 1))
    with pytest.raises(IntegrityError, match="the record was changed"):
        history(world.env, "monitor")
