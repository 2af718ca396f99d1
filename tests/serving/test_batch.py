"""Do named lists become a batch, or a refusal that names the column?"""

from typing import Any

import pytest

from serving.batch import Batch, Intake
from serving.refusal import Refusal
from tests.serving.releases import BINARY, BINARY_ROW
from tests.serving.served import NOW

INTAKE = Intake(BINARY, max_rows=3)


def batch(rows: int = 1, **changes: Any) -> Batch:
    given = {name: [value] * rows for name, value in BINARY_ROW.items()} | changes
    return INTAKE.batch({name: values for name, values in given.items() if values is not None}, NOW)


def refused(rows: int = 1, **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        batch(rows, **changes)
    return caught.value


def test_columns_come_in_the_order_of_the_schema() -> None:
    given = {name: [BINARY_ROW[name]] for name in reversed(BINARY_ROW)}
    assert list(INTAKE.batch(given, NOW).columns) == list(BINARY_ROW)


def test_entity_and_event_time_are_kept_apart_from_the_inputs() -> None:
    found = batch(2, customer=["a", 7], asked_at=["2026-01-01T01:00:00+01:00"] * 2)
    assert found.entities == ["a", "7"]
    assert found.event_times is not None
    assert [moment.isoformat() for moment in found.event_times] == ["2026-01-01T00:00:00+00:00"] * 2
    assert set(found.columns) == set(BINARY_ROW)


def test_an_unknown_column_is_refused_with_the_nearest_one() -> None:
    refusal = refused(ammount=[1])
    assert (refusal.reason, refusal.field) == ("unknown_column", "ammount")
    assert "'amount'" in str(refusal)


@pytest.mark.parametrize("name", list(BINARY_ROW))
def test_a_missing_column_is_refused_by_its_name(name: str) -> None:
    refusal = refused(**{name: None})
    assert (refusal.reason, refusal.field) == ("missing_column", name)


def test_a_misspelt_column_is_called_unknown_rather_than_missing() -> None:
    assert refused(amount=None, amuont=[1]).field == "amuont"


@pytest.mark.parametrize("name", ["plan", "customer", "asked_at"])
def test_columns_of_unequal_length_are_refused(name: str) -> None:
    refusal = refused(2, **{name: ["basic"]})
    assert (refusal.reason, refusal.field, refusal.value, refusal.limit) == ("row_counts", name, 1, 2)


def test_too_many_rows_are_refused_with_the_limit() -> None:
    refusal = refused(4)
    assert (refusal.reason, refusal.value, refusal.limit, refusal.status) == ("too_many_rows", 4, 3, 413)


def test_a_request_without_rows_is_refused() -> None:
    assert refused(0).reason == "no_rows"


@pytest.mark.parametrize("entity", [None, "", 1.5, True, "x" * 257, ["a"]])
def test_what_is_no_key_of_an_entity_is_refused(entity: object) -> None:
    assert refused(customer=[entity]).reason == "entity"


@pytest.mark.parametrize(
    "moment",
    [
        None,
        1,
        "",
        "yesterday",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_is_no_moment_is_refused(moment: object) -> None:
    assert refused(asked_at=[moment]).reason == "event_time"


def test_a_moment_later_than_now_is_refused_with_the_present_one() -> None:
    refusal = refused(asked_at=["2026-03-01T12:00:06Z"])
    assert (refusal.reason, refusal.limit) == ("event_time", NOW.isoformat())


def test_a_clock_a_little_ahead_counts_as_now() -> None:
    assert batch(asked_at=["2026-03-01T12:00:04Z"]).event_times == [NOW]
