"""What does a request of MLflow's scoring protocol ask, and how is it answered?

`dataframe_split`, `dataframe_records`, `inputs`, `instances` or CSV. The answer's `predictions` is what MLflow answers
for the release's ONNX graph; the decisions stand beside it.
"""

import csv
import io
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from serving.batch import Intake
from serving.body import CSV
from serving.columns import Values, kind
from serving.notation import decode
from serving.refusal import Refusal

FORMATS = ("dataframe_split", "dataframe_records", "inputs", "instances")


class Split(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A data frame: names of columns, then rows."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] | UnsetType = UNSET


class Invocation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request: exactly one of the four formats."""

    dataframe_split: Split | UnsetType = UNSET
    dataframe_records: list[dict[str, Any]] | UnsetType = UNSET
    inputs: dict[str, Any] | list[Any] | UnsetType = UNSET
    instances: list[Any] | UnsetType = UNSET
    params: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Invocation)
_encode = msgspec.json.Encoder().encode


def read(body: bytes, media_type: str, intake: Intake) -> dict[str, Values]:
    """The columns in a request."""
    if media_type == CSV:
        return from_csv(body, intake)
    request = decode(_decoder, body)
    given = one_format(request)
    if request.params:
        raise Refusal("wrong_format", "this model takes no params", field="params", value=min(request.params))
    if isinstance(given, Split):
        return from_split(given, intake)
    return from_columns(given) if isinstance(given, dict) else from_rows(given, intake)


def one_format(request: Invocation) -> Split | dict[str, Any] | list[Any]:
    """The content of the only format in a request; two or none are refused."""
    given = [name for name in FORMATS if getattr(request, name) is not UNSET]
    if len(given) != 1:
        raise Refusal(
            "wrong_format", f"expected exactly one of {', '.join(FORMATS)}", field="$", value=given, limit=list(FORMATS)
        )
    return getattr(request, given[0])


def from_split(frame: Split, intake: Intake) -> dict[str, Values]:
    """The columns of names and rows."""
    width = len(frame.columns)
    if frame.columns != intake.names:
        intake.known(frame.columns)
        if len(set(frame.columns)) != width:
            name = next(name for name in frame.columns if frame.columns.count(name) > 1)
            raise Refusal("repeated_column", f"column '{name}' is there twice", field=name)
    intake.countable(len(frame.data))
    for row, cells in enumerate(frame.data):
        if len(cells) != width:
            raise wrong_width(row, len(cells), width)
    return dict(zip(frame.columns, map(list, zip(*frame.data, strict=True)), strict=True))


def wrong_width(row: int, found: int, expected: int) -> Refusal:
    """A row with more or fewer cells than there are columns."""
    return Refusal(
        "wrong_shape", f"row {row} has {found} values for {expected} columns", field="data", row=row, value=found,
        limit=expected,
    )  # fmt: skip


def from_records(records: list[dict[str, Any]], intake: Intake) -> dict[str, Values]:
    """The columns of one object per row; all rows have the same names."""
    intake.countable(len(records))
    names = records[0].keys()
    for row, record in enumerate(records):
        if record.keys() != names:
            intake.known(record)
            name = min(record.keys() ^ names)
            raise Refusal(
                "missing_column", f"row {row if name in names else 0} has no column '{name}', others have", field=name,
                row=row if name in names else 0,
            )  # fmt: skip
    return {name: [record[name] for record in records] for name in names}


def from_columns(columns: dict[str, Any]) -> dict[str, Values]:
    """The columns of an object of arrays, [n] or [n, 1], or of scalars only, which are one row."""
    if not any(isinstance(given, list) for given in columns.values()):
        return {name: [given] for name, given in columns.items()}
    return {name: column(name, given) for name, given in columns.items()}


def column(name: str, given: Any) -> Values:
    """The values of one array."""
    if not isinstance(given, list):
        raise Refusal(
            "wrong_type", f"column '{name[:100]}': {kind(given)}, expected an array, as other columns are",
            field=name[:100], value=given, limit="an array",
        )  # fmt: skip
    values: Values = given
    if not values or not isinstance(values[0], list):
        return values
    for row, value in enumerate(values):
        if not isinstance(value, list) or len(value) != 1:
            raise Refusal(
                "wrong_shape", f"column '{name[:100]}', row {row}: expected an array of one value, as [n, 1] has",
                field=name[:100], row=row, value=value, limit="[n] or [n, 1]",
            )  # fmt: skip
    return [value[0] for value in values]


def from_rows(rows: list[Any], intake: Intake) -> dict[str, Values]:
    """The columns of rows: objects, or arrays of the model's columns in order."""
    if rows and isinstance(rows[0], dict):
        for row, value in enumerate(rows):
            if not isinstance(value, dict):
                raise wrong_row(row, value, "an object, as row 0 is")
        return from_records(rows, intake)
    for row, value in enumerate(rows):
        if not isinstance(value, list):
            raise wrong_row(row, value, "an object or an array")
    return from_split(Split(columns=intake.names, data=rows), intake)


def wrong_row(row: int, value: Any, expected: str) -> Refusal:
    """A row that is no row."""
    return Refusal(
        "wrong_type", f"row {row}: {kind(value)}, expected {expected}", field="$", row=row, value=value, limit=expected
    )


def from_csv(body: bytes, intake: Intake) -> dict[str, Values]:
    """The columns of a CSV file with a header; an empty cell is a missing value."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal("broken_body", f"the body is not UTF-8 at byte {error.start}", field="body") from None
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise Refusal("broken_body", f"the body is no valid CSV: {error}", field="body") from None
    if not lines:
        raise Refusal("no_rows", "there is no header: send the names of the columns first", field="body")
    found = from_split(Split(columns=lines[0], data=lines[1:]), intake)
    return {name: [cell(intake, name, value) for value in values] for name, values in found.items()}


def cell(intake: Intake, name: str, value: str) -> Any:
    """A cell as the type of its column; what is no number stays a string, for the column to refuse."""
    if not value:
        return None
    if intake.types.get(name) != "number" or "_" in value:
        return value
    try:
        return float(value)
    except ValueError:
        return value


def encode(scores: np.ndarray, decisions: list[str | float]) -> bytes:
    """The body of an answer."""
    return _encode({"predictions": {"score": scores.tolist()}, "decisions": decisions})
