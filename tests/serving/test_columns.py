"""Does each column take what its schema says, and nothing else?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.columns import FLOAT32, check
from serving.refusal import Refusal
from serving.release import Column

AMOUNT = Column(name="amount", type="number", unit="EUR", minimum=0, maximum=1000)
AGE = Column(name="age", type="number", nullable=True)
ROOMS = Column(name="rooms", type="number", values=[1, 2, 0.1])
PLAN = Column(name="plan", type="text", values=["basic", "plus"])
NOTE = Column(name="note", type="text", nullable=True)


def refused(column: Column, value: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check(column)([value])
    return caught.value


@given(st.integers(0, 1000) | st.floats(0, 1000))
def test_a_number_in_its_range_is_taken_as_int_or_float(value: float) -> None:
    assert check(AMOUNT)([value]) == [value]


@given(st.floats(max_value=-0.001, allow_infinity=False) | st.floats(min_value=1001, allow_infinity=False))
def test_a_number_out_of_range_is_refused_with_the_range(value: float) -> None:
    refusal = refused(AMOUNT, value)
    assert refusal.reason == "out_of_range"
    assert refusal.body()["limit"] == {"minimum": 0, "maximum": 1000}
    assert (refusal.field, refusal.row, refusal.value) == ("amount", 0, value)


@pytest.mark.parametrize("value", [1e39, -1e39, math.inf, -math.inf, 10**50])
def test_a_number_that_float32_cannot_hold_is_refused_without_a_declared_range(value: float) -> None:
    assert refused(AGE, value).reason == "out_of_range"


@pytest.mark.parametrize("value", [FLOAT32, -FLOAT32, 10**30])
def test_the_largest_numbers_of_float32_are_taken(value: float) -> None:
    assert check(AGE)([value]) == [float(value)]


@pytest.mark.parametrize("value", [True, "1", "", [1], {"a": 1}])
def test_what_is_no_number_is_refused_for_a_number(value: object) -> None:
    assert refused(AMOUNT, value).reason == "wrong_type"


@pytest.mark.parametrize("value", [1, 1.5, False, ["plus"], {}])
def test_what_is_no_string_is_refused_for_a_text(value: object) -> None:
    assert refused(PLAN, value).reason == "wrong_type"


@pytest.mark.parametrize("column", [AMOUNT, PLAN])
@pytest.mark.parametrize("value", [None, math.nan])
def test_a_missing_value_is_refused_where_one_is_needed(column: Column, value: object) -> None:
    assert refused(column, value).reason == "not_nullable"


@pytest.mark.parametrize("column", [AGE, NOTE])
@pytest.mark.parametrize("value", [None, math.nan])
def test_a_missing_value_is_none_where_it_may_be_missing(column: Column, value: object) -> None:
    assert check(column)([value]) == [None]


@pytest.mark.parametrize("column", [ROOMS, PLAN])
def test_a_value_beyond_the_allowed_ones_is_refused_with_these(column: Column) -> None:
    refusal = refused(column, 3 if column.type == "number" else "gold")
    assert refusal.reason == "not_allowed"
    assert refusal.limit == column.values


def test_the_float32_of_an_allowed_value_or_limit_is_taken() -> None:
    tenth = float(np.float32(0.1))
    assert check(ROOMS)([tenth]) == [tenth]
    assert check(Column(name="x", type="number", maximum=0.1))([tenth]) == [tenth]


def test_the_refusal_names_the_row() -> None:
    with pytest.raises(Refusal, match="row 2"):
        check(AMOUNT)([1, 2, -1])


def test_a_long_value_is_shown_in_short() -> None:
    assert len(refused(PLAN, "x" * 10_000).body()["value"]) < 200
