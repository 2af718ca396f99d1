"""Does a watch over a recorded log, which our server did not write, find what was put into it, and nothing else?"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from environments.edit import edit_endpoint
from pipelines import ledger
from pipelines.errors import NotReady
from pipelines.record import Record
from pipelines.steps.monitor import monitor, table
from serving.predictions import schema
from tests.pipelines import recorded
from tests.pipelines.watched import DAY, NOW, Watched, flowers, rents


@pytest.fixture(params=[flowers, rents], ids=["multi-class", "regression"])
def any_world(request: pytest.FixtureRequest, tmp_path: Path) -> Watched:
    return request.param(tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> Watched:
    return flowers(tmp_path)


def watch(world: Watched, **options: Any) -> Record:
    return monitor(world.env, world.model, now=NOW, **options)


def findings(record: Record, kind: str, name: str | None = None) -> list[dict[str, Any]]:
    return [one for one in record.details["findings"] if one["kind"] == kind and name in (None, one["name"])]


def longer(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"length": [value * 2 for value in given["length"]]}


def always_red(_given: dict[str, Any], values: list[Any]) -> list[Any]:
    return ["red"] * len(values)


def test_the_recorded_log_has_the_columns_that_the_server_writes():
    ours = {(field.name, field.type) for field in schema()}
    assert {(field.name, field.type) for field in recorded.PREDICTIONS} == ours


def test_an_unchanged_population_with_its_labels_is_as_promised(any_world: Watched):
    any_world.live(2000, end=NOW - 12 * DAY, days=15, labels=1.0)
    any_world.live(1500, seed=2, prefix="late", days=10)
    record = watch(any_world)
    assert record.verdict == "ok", record.summary
    assert record.subject == any_world.digest
    assert findings(record, "coverage")[0]["verdict"] == "ok"
    assert all(one["verdict"] == "ok" for one in findings(record, "quality"))


def test_a_shifted_column_is_found_with_where_how_many_and_requests_to_look_at(world: Watched):
    world.live(1500, change=longer)
    record = watch(world)
    assert record.verdict == "drift"
    (finding,) = findings(record, "data-drift", "length")
    assert finding["verdict"] == "drift"
    assert finding["low"] > finding["limit"]
    assert finding["part"]["live"] > finding["part"]["reference"]
    assert len(finding["part"]["examples"]) == 5
    assert findings(record, "data-drift", "width")[0]["verdict"] == "ok"
    assert record.details["owners"] == ["@team/flowers"]


def test_the_examples_of_a_drift_lie_in_the_part_that_it_names(world: Watched):
    world.live(1500, change=lambda given: given | {"length": [50.0 + index for index in range(1500)]})
    (finding,) = findings(watch(world), "data-drift", "length")
    assert finding["part"]["value"].startswith("from ")
    assert finding["part"]["examples"][0] == "request-0"  # the newest


def test_shifted_inputs_of_a_regression_shift_its_predictions(tmp_path: Path):
    world = rents(tmp_path)
    world.live(1500, change=lambda given: given | {"area": [min(500.0, value * 2) for value in given["area"]]})
    record = watch(world)
    assert findings(record, "prediction-drift", "score")[0]["verdict"] == "drift"


def test_missing_values_that_training_did_not_have_are_found(world: Watched):
    scores = None
    rows = 600
    columns = {"length": [None if index % 4 == 0 else 2.0 for index in range(rows)], "width": [1.0] * rows}
    recorded.predictions(
        world.env, world.digest, columns, entities=[f"e{index}" for index in range(rows)],
        event_times=[NOW - DAY] * rows, scores=scores,
    )  # fmt: skip
    (finding,) = findings(watch(world), "missing", "length")
    assert finding["verdict"] == "drift"
    assert finding["value"] == pytest.approx(0.25)


def test_answers_that_turn_out_wrong_are_worse_than_promised_and_the_worst_slice_is_named(world: Watched):
    def wrong_when_long(given: dict[str, Any], values: list[Any]) -> list[Any]:
        return ["blue" if length >= 4 else value for length, value in zip(given["length"], values, strict=True)]

    world.live(3000, end=NOW - 12 * DAY, days=15, labels=1.0, truth=wrong_when_long)
    record = watch(world)
    assert record.verdict == "worse"
    assert findings(record, "quality", "accuracy")[0]["verdict"] == "worse"
    worst = findings(record, "slice")[0]
    assert worst["name"] == "length >= 4"
    assert worst["verdict"] == "worse"
    assert worst["part"]["rows"] > 100
    assert worst["part"]["metric"] < worst["expected"]
    assert len(worst["part"]["examples"]) == 5


def test_a_regression_whose_flats_became_dearer_is_worse_than_promised(tmp_path: Path):
    world = rents(tmp_path)
    world.live(
        1500, end=NOW - 12 * DAY, days=15, labels=1.0, truth=lambda _given, values: [value + 60 for value in values]
    )
    assert findings(watch(world), "quality", "mae")[0]["verdict"] == "worse"


def test_a_sensitive_column_is_no_input_and_its_slice_is_said_to_be_unknown(world: Watched):
    world.live(500, end=NOW - 12 * DAY, labels=1.0)
    (finding,) = findings(watch(world), "slice", "bed")
    assert finding["verdict"] == "pending"
    assert "no request carries it" in finding["message"]


def test_a_few_labels_are_insufficient_for_quality(world: Watched):
    world.live(40, end=NOW - 12 * DAY, days=15, labels=1.0, truth=always_red)
    assert {one["verdict"] for one in findings(watch(world), "quality")} == {"insufficient"}


def test_labels_that_stay_away_are_noticed(world: Watched):
    world.live(1000, end=NOW - 12 * DAY, days=15, labels=0.2)
    (finding,) = findings(watch(world), "coverage")
    assert finding["verdict"] == "insufficient"
    assert "mlops feedback" in finding["message"]


def test_a_label_known_later_than_now_does_not_count(world: Watched):
    world.live(1000, end=NOW - 12 * DAY, days=8, labels=1.0)
    record = monitor(world.env, world.model, now=NOW - 12 * DAY)
    assert findings(record, "quality") == []
    assert findings(record, "coverage")[0]["verdict"] == "pending"


def test_a_corrected_label_replaces_the_earlier_one(world: Watched):
    world.live(1000, end=NOW - 15 * DAY, days=10, labels=1.0, truth=always_red)
    before = findings(watch(world), "quality", "accuracy")[0]["value"]
    times = [NOW - 15 * DAY - DAY * 10 * (index / 1000) for index in range(1000)]
    recorded.labels(
        world.env, [f"request-{index}" for index in range(1000)], times, ["blue"] * 1000, known_after=14 * DAY
    )
    record = watch(world)
    assert findings(record, "coverage")[0]["rows"] == 1000
    assert findings(record, "quality", "accuracy")[0]["value"] != before


def test_a_log_without_a_prediction_is_no_data(world: Watched):
    record = watch(world)
    assert record.verdict == "no-data"
    assert "mlops status" in record.summary


def test_a_rate_that_collapsed_is_no_data(world: Watched):
    world.live(3000, end=NOW - 31 * DAY, days=20, prefix="before")
    world.live(300, days=20)
    assert findings(watch(world), "volume")[0]["verdict"] == "no-data"


def test_without_now_silence_is_judged_by_the_servers_clock(world: Watched):
    world.live(500, received_at=NOW - timedelta(days=60))
    record = monitor(world.env, world.model)
    assert findings(record, "volume")[0]["verdict"] == "no-data"


def test_shadow_answers_do_not_count(world: Watched):
    world.live(800, change=longer, shadow=True)
    assert watch(world).verdict == "no-data"


def test_answers_of_another_release_do_not_count_for_drift(world: Watched):
    world.live(800, change=longer)
    edit_endpoint(world.env.endpoint_file(), {"stable": other_release(world)})
    record = watch(world)
    assert findings(record, "data-drift") == []
    assert findings(record, "volume")[0]["rows"] == 800


def other_release(world: Watched) -> str:
    from pipelines.store import put_release
    from serving.release import LINEAGE, MANIFEST, canonical, seal

    folder = world.root / "release"
    folds = {"validation": 0.25, "salt": "1"}
    (folder / LINEAGE).write_bytes(canonical({"model": "flower", "folds": folds, "seed": 2}))
    (folder / MANIFEST).unlink()
    digest = seal(folder)
    put_release(world.env.store, folder, digest)
    return digest


def test_a_client_that_asks_twice_about_the_same_moment_is_counted_once(world: Watched):
    world.live(300)
    world.live(300)
    record = watch(world)
    assert (record.details["rows"], record.details["entities"]) == (300, 300)


def test_a_window_looks_back_only_so_far(world: Watched):
    world.live(1000, days=20)
    assert watch(world, window=timedelta(days=5)).details["rows"] == pytest.approx(250, abs=2)


def test_an_environment_without_a_stable_release_has_nothing_to_watch(world: Watched):
    edit_endpoint(world.env.endpoint_file(), {"stable": None})
    with pytest.raises(NotReady, match="mlops promote"):
        watch(world)


def test_the_record_is_chained_into_the_ledger_and_shown_as_a_table(world: Watched):
    world.live(1000, change=longer)
    record = watch(world)
    entry, _ = ledger.entries(world.env.store)[-1]
    assert (entry.step, entry.verdict, entry.subject) == ("monitor", "drift", world.digest)
    assert table(record).row_count >= 1


def test_evidence_attested_in_the_environment_before_counts_too(tmp_path: Path):
    from pipelines.watch_labels import evidence

    world = flowers(tmp_path, "local-dev")
    prod = world.env.other("local-prod")
    assert evidence(prod, world.digest) == evidence(world.env, world.digest)
