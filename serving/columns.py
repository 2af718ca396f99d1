"""Is this value one that the column takes? Each column of a release becomes one function from a list to a list.

A number may be an int or a float (never a bool, never a string) that float32, the graph's type, can hold.
"""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from serving.refusal import Refusal
from serving.release import Column

Values = list[Any]
Check = Callable[[Values], Values]

FLOAT32 = float(np.finfo(np.float32).max)
KINDS = {bool: "a boolean", str: "a string", int: "a number", float: "a number", list: "an array", dict: "an object"}
EXACT = 2.0**53  # up to here an int and its float are the same, and the log can hold either


def check(column: Column) -> Check:
    """The function that returns a column's values as numbers, strings and None (missing), or raises Refusal."""
    return number_check(column) if column.type == "number" else text_check(column)


def number_check(column: Column) -> Check:
    """The check of a number column."""
    low, high = (min(max(limit, -EXACT), EXACT) for limit in limits(column))
    allowed = None if column.values is None else both_precisions(column.values)

    def checked(values: Values) -> Values:
        for value in values:
            plain = type(value) is float or type(value) is int
            if not plain or not low <= value <= high or (allowed is not None and value not in allowed):
                return [examine_number(column, allowed, row, value) for row, value in enumerate(values)]
        return values

    return checked


def text_check(column: Column) -> Check:
    """The check of a text column."""
    allowed = None if column.values is None else frozenset(column.values)

    def checked(values: Values) -> Values:
        for value in values:
            if type(value) is not str or (allowed is not None and value not in allowed):
                return [examine_text(column, row, value) for row, value in enumerate(values)]
        return values

    return checked


def limits(column: Column) -> tuple[float, float]:
    """The smallest and the largest number that the column takes.

    A limit that float32 cannot hold is widened to its float32, since that is what a client with FP32 tensors sends.
    """
    low = -FLOAT32 if column.minimum is None else min(column.minimum, float(np.float32(column.minimum)))
    high = FLOAT32 if column.maximum is None else max(column.maximum, float(np.float32(column.maximum)))
    return max(low, -FLOAT32), min(high, FLOAT32)


def both_precisions(values: list[str | float]) -> frozenset[float]:
    """Allowed numbers as they stand in the schema, and as float32."""
    numbers = [float(value) for value in values]
    return frozenset(numbers) | {float(np.float32(number)) for number in numbers}


def examine_number(column: Column, allowed: frozenset[float] | None, row: int, value: Any) -> float | None:
    """The number, None for a missing one, or the Refusal that explains it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return missing(column, row)
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse_type(column, row, value, "a number")
    low, high = limits(column)
    if not low <= value <= high:
        refuse_range(column, row, value)
    if allowed is not None and value not in allowed:
        refuse_value(column, row, value)
    return float(value)


def examine_text(column: Column, row: int, value: Any) -> str | None:
    """The text, None for a missing one, or the Refusal that explains it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return missing(column, row)
    if not isinstance(value, str):
        refuse_type(column, row, value, "a string")
    if column.values is not None and value not in column.values:
        refuse_value(column, row, value)
    return value


def missing(column: Column, row: int) -> None:
    """Nothing, when the column may have nothing."""
    if not column.nullable:
        raise Refusal(
            "not_nullable", f"column '{column.name}', row {row}: null, but a value is needed", field=column.name,
            row=row, value="null", limit="not nullable",
        )  # fmt: skip


def refuse_type(column: Column, row: int, value: Any, expected: str) -> NoReturn:
    """A value of another type."""
    raise Refusal(
        "wrong_type", f"column '{column.name}', row {row}: {kind(value)}, expected {expected}", field=column.name,
        row=row, value=value, limit=expected,
    )  # fmt: skip


def refuse_range(column: Column, row: int, value: float) -> NoReturn:
    """A number outside of the column's range, or of what float32 can hold."""
    low = -FLOAT32 if column.minimum is None else column.minimum
    high = FLOAT32 if column.maximum is None else column.maximum
    unit = f" {column.unit}" if column.unit else ""
    raise Refusal(
        "out_of_range", f"column '{column.name}', row {row}: {value:.9g} is outside of {low:.9g} to {high:.9g}{unit}",
        field=column.name, row=row, value=value, limit={"minimum": low, "maximum": high},
    )  # fmt: skip


def refuse_value(column: Column, row: int, value: Any) -> NoReturn:
    """A value that is none of the allowed ones."""
    raise Refusal(
        "not_allowed", f"column '{column.name}', row {row}: the value is none of the allowed ones", field=column.name,
        row=row, value=value, limit=column.values,
    )  # fmt: skip


def kind(value: Any) -> str:
    """The JSON type of a value, in words."""
    return KINDS.get(type(value), "null")
