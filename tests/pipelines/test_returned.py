"""Do exactly the labelled live rows that are new come back as training data?"""

from datetime import timedelta
from pathlib import Path

import pytest

from environments.edit import edit_endpoint
from pipelines.returned import Returned, gather
from pipelines.steps.data import write_data
from tests.pipelines import recorded
from tests.pipelines.watched import DAY, NOW, Watched, flowers


@pytest.fixture
def world(tmp_path: Path) -> Watched:
    return flowers(tmp_path)


def returned(world: Watched) -> Returned:
    return gather(world.env, world.model.contract, NOW)


def test_labelled_rows_come_back_with_their_truth_and_rows_without_a_label_do_not(world: Watched):
    world.live(400, end=NOW - 15 * DAY, labels=0.5)
    found = returned(world)
    assert 150 < found.rows()["local-dev"] < 250
    frame = found.new["local-dev"]
    assert set(frame["colour"]) <= {"red", "green", "blue"}
    assert frame["length"].notna().all()


def test_a_column_that_is_no_input_is_missing_in_them_and_the_data_contract_allows_that(world: Watched):
    world.live(400, end=NOW - 15 * DAY, labels=1.0)
    found = returned(world)
    assert found.new["local-dev"]["bed"].isna().all()
    record = write_data(world.env, world.model, found.united(), "test")
    assert record.details["rows"] == len(found.present) + 400
    assert record.details["quarantined"] == 0


def test_rows_that_the_data_has_already_do_not_come_back_again(world: Watched):
    world.live(400, end=NOW - 15 * DAY, labels=1.0)
    write_data(world.env, world.model, returned(world).united(), "test")
    assert returned(world).rows()["local-dev"] == 0


def test_a_label_that_becomes_known_later_does_not_count_yet(world: Watched):
    world.live(400, end=NOW - DAY, days=5, labels=1.0)
    assert returned(world).rows()["local-dev"] == 0


def test_an_event_answered_by_two_releases_and_in_two_environments_comes_back_once(world: Watched):
    world.live(200, end=NOW - 15 * DAY, labels=1.0)
    prod = world.env.other("local-prod")
    from pipelines.store import put_release

    put_release(prod.store, world.root / "release", world.digest)
    edit_endpoint(prod.endpoint_file(), {"stable": world.digest})
    times = [NOW - 15 * DAY - timedelta(days=20 * index / 200) for index in range(200)]
    names = [f"request-{index}" for index in range(200)]
    recorded.predictions(
        prod, world.digest, {"length": [1.0] * 200, "width": [1.0] * 200}, entities=names, event_times=times
    )
    recorded.labels(prod, names, times, ["red"] * 200, known_after=DAY)
    found = returned(world)
    assert found.rows() == {"local-dev": 200, "local-staging": 0, "local-prod": 0}
