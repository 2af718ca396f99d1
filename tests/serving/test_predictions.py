"""Does an entry become the rows that it says?"""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import predictions
from serving.predictions import Entry
from tests.serving.entries import START, entry, later

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    rows = draw(st.integers(1, 4))

    def many(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return Entry(
        request_id=draw(texts), release="b" * 64, received_at=draw(st.datetimes(timezones=st.just(UTC))),
        columns={"amount": many(numbers), "kind": many(texts)},
        scores=many(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2)),
        decisions=many(st.sampled_from(["no", "yes"])),
        entity=draw(st.none() | st.just(["e"] * rows)), event_time=draw(st.none() | st.just([START] * rows)),
        client_id=draw(st.none() | texts), step=draw(st.none() | texts), shadow=draw(st.booleans()),
    )  # fmt: skip


@settings(deadline=None)  # the first call imports pyarrow
@given(entries())
def test_an_entry_survives_its_line(given: Entry) -> None:
    line = predictions.encode(given)
    assert line.count(b"\n") == 1
    assert predictions.decode(line) == given


@settings(deadline=None)  # the first call imports pyarrow
@given(st.lists(entries(), max_size=3))
def test_each_row_keeps_its_own_values(given: list[Entry]) -> None:
    rows = predictions.table(given).to_pylist()
    assert [row["row"] for row in rows] == [row for one in given for row in range(len(one.scores))]
    inputs = [
        {name: values[row] for name, values in one.columns.items()} for one in given for row in range(len(one.scores))
    ]
    assert [msgspec.json.decode(row["inputs"]) for row in rows] == [
        msgspec.json.decode(msgspec.json.encode(i)) for i in inputs
    ]


def test_a_missing_number_is_null_in_the_inputs() -> None:
    given = msgspec.structs.replace(entry("r"), columns={"amount": [math.nan]})
    assert predictions.table([given])["inputs"].to_pylist() == ['{"amount":null}']


def test_a_row_without_an_event_time_happened_when_it_was_received() -> None:
    given = msgspec.structs.replace(entry("r", rows=2), event_time=[later(-60), later(-50)])
    assert predictions.table([entry("s"), given])["event_time"].to_pylist() == [START, later(-60), later(-50)]


def test_a_regression_logs_its_value_as_the_decision() -> None:
    given = msgspec.structs.replace(entry("r"), scores=[[2.5]], decisions=[2.5])
    assert predictions.table([given])["decision"].to_pylist() == ["2.5"]


@pytest.mark.parametrize("field", ["decisions", "entity", "columns"])
def test_a_line_whose_lists_differ_in_length_is_no_entry(field: str) -> None:
    wrong = {"decisions": ["yes"] * 3, "entity": ["e"] * 3, "columns": {"amount": [1.0] * 3}}[field]
    with pytest.raises(ValueError, match="3 values for 2 rows"):
        predictions.decode(predictions.encode(msgspec.structs.replace(entry("r", rows=2), **{field: wrong})))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        predictions.decode(predictions.encode(entry("r", at=datetime(2024, 5, 1))))  # noqa: DTZ001  # that is the point
