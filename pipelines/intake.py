"""Which rows of a frame are as the contract says, and what is wrong with the others?"""

import difflib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pipelines.contract import Contract, Feature
from pipelines.errors import InvalidInput
from pipelines.frames import data_columns

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

REFUSABLE = 0.2


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The good rows in the table's types, the bad ones as they came, and each bad row's reasons by index."""

    good: "pd.DataFrame"
    bad: "pd.DataFrame"
    reasons: dict[Any, list[str]]


def take_in(contract: Contract, frame: "pd.DataFrame") -> Intake:
    """Check `frame` (any index) against the contract, row by row.

    Raises InvalidInput when a declared column is missing, no row is there, or more than a fifth of them is bad.
    """
    refuse_missing_columns(contract, frame)
    given = frame[data_columns(contract)].reset_index(drop=True)
    if given.empty:
        raise InvalidInput("the data has no rows. Look at `read` in data.py, at the source, and at --now.")
    typed, reasons = convert(contract, given)
    for index, reason in violations(contract, typed):
        known = reasons.setdefault(index, [])
        column = reason.split(":")[0]
        if not any(one.startswith(f"{column}:") for one in known):
            known.append(reason)
    refuse_too_many(given, reasons)
    bad = typed.index.isin(list(reasons))
    return Intake(good=typed[~bad].reset_index(drop=True), bad=given[bad], reasons=reasons)


def refuse_missing_columns(contract: Contract, frame: "pd.DataFrame") -> None:
    """Name the first declared column that is not there, and the nearest that is."""
    present = [str(name) for name in frame.columns]
    for name in data_columns(contract):
        if name not in present:
            near = difflib.get_close_matches(name, present, n=1)
            hint = f"; the nearest it has is '{near[0]}'" if near else ""
            raise InvalidInput(
                f"the data has no column '{name}', which model.toml declares{hint}. "
                "Make `read` in data.py return it, or take it out of model.toml."
            )


def convert(contract: Contract, frame: "pd.DataFrame") -> "tuple[pd.DataFrame, dict[Any, list[str]]]":
    """The declared columns in the table's types, and what could not be converted."""
    import pandas as pd

    kinds = {feature.name: feature.type for feature in contract.features}
    kinds[contract.target] = "number" if contract.task == "regression" else "text"
    typed: dict[str, Any] = {}
    reasons: dict[Any, list[str]] = {}
    for name in frame.columns:
        given = frame[name]
        if name == contract.event_time:
            typed[name], word = times(given), "ISO 8601 time"
        elif kinds.get(name) == "number":
            typed[name], word = pd.to_numeric(given, errors="coerce").astype("float64"), "number"
        else:
            typed[name], word = given.map(as_text).astype("str"), "text"
        for index in frame.index[typed[name].isna() & given.notna()]:
            reasons.setdefault(index, []).append(f"{name}: {given[index]!r} is no {word}")
    return pd.DataFrame(typed), reasons


def times(values: Any) -> Any:
    """Moments in UTC with microseconds; what is none becomes NaT."""
    import pandas as pd

    return pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601").astype("datetime64[us, UTC]")


def as_text(value: Any) -> str | None:
    """A text; whole numbers lose their fraction (class 1.0 is class "1"), missing values stay missing."""
    if isinstance(value, str):
        return value
    import pandas as pd

    if pd.isna(value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def schema(contract: Contract) -> "pa.DataFrameSchema":
    """The Pandera schema of the data table."""
    import pandera.pandas as pa

    fields = {feature.name: field(feature) for feature in contract.features}
    if contract.task == "regression":
        fields[contract.target] = pa.Column(float, pa.Check(finite, error="is not finite"))
    else:
        fields[contract.target] = pa.Column(
            "str", pa.Check.isin(contract.classes, error=f"is none of the classes {contract.classes}")
        )
    fields[contract.entity] = pa.Column("str", pa.Check.str_length(min_value=1, error="is empty"))
    fields[contract.event_time] = pa.Column("datetime64[us, UTC]")
    return pa.DataFrameSchema(fields, unique=[contract.entity, contract.event_time])


def field(feature: Feature) -> "pa.Column":
    """A feature's type, range and values."""
    import pandera.pandas as pa

    checks: list[Any] = [pa.Check(finite, error="is not finite")] if feature.type == "number" else []
    if feature.values is not None:
        checks.append(pa.Check.isin(feature.values, error=f"is none of the declared values {feature.values}"))
    if feature.minimum is not None:
        error = f"is below the minimum {feature.minimum:g} {feature.unit}".rstrip()
        checks.append(pa.Check.ge(feature.minimum, error=error))
    if feature.maximum is not None:
        error = f"is above the maximum {feature.maximum:g} {feature.unit}".rstrip()
        checks.append(pa.Check.le(feature.maximum, error=error))
    # Rows that come back from a prediction log have no column that is no input: it may be missing, and counts as such.
    nullable = feature.nullable or not feature.is_input()
    return pa.Column("float64" if feature.type == "number" else "str", checks, nullable=nullable)


def finite(values: Any) -> Any:
    """Which values are neither infinite nor too large for the graph's float32."""
    return values.abs() <= 3.4e38


def violations(contract: Contract, typed: "pd.DataFrame") -> list[tuple[Any, str]]:
    """Each bad cell: the row's index and "column: value reason"."""
    import pandera.errors

    try:
        schema(contract).validate(typed, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = cast("pd.DataFrame", error.failure_cases)
        rows = zip(cases["index"], cases["column"], cases["failure_case"], cases["check"], strict=True)
        return [(index, sentence(contract, column, value, check)) for index, column, value, check in rows]
    return []


def sentence(contract: Contract, column: Any, value: Any, check: str) -> str:
    """What is wrong with a cell, in words."""
    if check == "multiple_fields_uniqueness":
        return f"{contract.entity}: another row has the same {contract.entity} and {contract.event_time}"
    if check == "not_nullable":
        return f"{column}: is missing"
    return f"{column}: {value!r} {check}"


def refuse_too_many(frame: "pd.DataFrame", reasons: dict[Any, list[str]]) -> None:
    """More than a fifth bad is no matter of rows: the source or the contract is wrong as a whole."""
    if len(reasons) <= REFUSABLE * len(frame):
        return
    columns = Counter(reason.split(":")[0] for row in reasons.values() for reason in row)
    column, count = columns.most_common(1)[0]
    example = next(reason for row in reasons.values() for reason in row if reason.startswith(f"{column}:"))
    raise InvalidInput(
        f"{len(reasons)} of {len(frame)} rows are refused, more than {REFUSABLE:.0%}. "
        f"Most often (in {count}) it is column {example}. "
        "Look at that column's unit and type in the source and in data.py, or widen it in model.toml."
    )


def counted(reasons: dict[Any, list[str]]) -> dict[str, int]:
    """How many rows each column is refused in, most often first."""
    found = Counter(reason.split(":")[0] for row in reasons.values() for reason in row)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
