"""Which rows did a request bring? Named lists, checked against the release, become a Batch or a Refusal."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from serving import tensors
from serving.clock import event_time
from serving.columns import Values, check, kind
from serving.refusal import Refusal
from serving.release import Schema

ENTITY_LENGTH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Rows that a release takes: one list of length `rows` per column, in the schema's order; None is missing.

    `entities` and `event_times` are [rows], or None when no column of the request holds them.
    """

    rows: int
    columns: dict[str, Values]
    entities: list[str] | None = None
    event_times: list[datetime] | None = None


class Intake:
    """What a release takes, compiled once: columns in order, the limit of rows."""

    def __init__(self, schema: Schema, max_rows: int) -> None:
        self.schema = schema
        self.max_rows = max_rows
        self.names = [column.name for column in schema.columns]
        self.types = {column.name: column.type for column in schema.columns}
        self.datatypes = {
            schema.entity: tensors.KEYS,
            schema.event_time: tensors.TEXTS,
            **{name: tensors.NUMBERS if kind == "number" else tensors.TEXTS for name, kind in self.types.items()},
        }
        self._checks = [(column.name, check(column)) for column in schema.columns]
        self._first = self.names[0]
        self._known = frozenset([*self.names, schema.entity, schema.event_time])

    def batch(self, given: Mapping[str, Values], received_at: datetime) -> Batch:
        """The rows in `given`. Raises Refusal, naming the column, the row, the value and the limit."""
        columns: dict[str, Values] = {}
        rows = self.count(given)
        for name, checked in self._checks:
            values = given.get(name)
            if values is None:
                raise self.missing(name, given)
            if len(values) != rows:
                raise self.unequal(name, len(values), rows)
            columns[name] = checked(values)
        if len(given) == len(columns):
            return Batch(rows=rows, columns=columns)
        return self.with_keys(given, columns, rows, received_at)

    def count(self, given: Mapping[str, Values]) -> int:
        """The number of rows, once it is one that this server takes."""
        first = given.get(self._first)
        if first is None:
            raise self.missing(self._first, given)
        rows = len(first)
        self.countable(rows)
        return rows

    def countable(self, rows: int) -> None:
        """Refuse a number of rows that this server does not take."""
        if rows > self.max_rows:
            raise Refusal(
                "too_many_rows", f"{rows} rows are more than {self.max_rows}: split the batch",
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, field="rows", value=rows, limit=self.max_rows,
            )  # fmt: skip
        if not rows:
            raise Refusal("no_rows", "there is no row: send at least one", field="rows", value=0, limit=1)

    def with_keys(
        self, given: Mapping[str, Values], columns: dict[str, Values], rows: int, received_at: datetime
    ) -> Batch:
        """The batch of a request that has more columns than the model's inputs."""
        self.known(given)
        entity, moment = given.get(self.schema.entity), given.get(self.schema.event_time)
        for name, values in ((self.schema.entity, entity), (self.schema.event_time, moment)):
            if values is not None and len(values) != rows:
                raise self.unequal(name, len(values), rows)
        return Batch(
            rows=rows,
            columns=columns,
            entities=entity and [self.entity(row, value) for row, value in enumerate(entity)],
            event_times=moment
            and [event_time(self.schema.event_time, value, received_at, row) for row, value in enumerate(moment)],
        )

    def known(self, names: Iterable[str]) -> None:
        """Refuse a name that is no column, with the nearest one that is."""
        for name in names:
            if name not in self._known:
                valid = [*self.names, self.schema.entity, self.schema.event_time]
                near = difflib.get_close_matches(name[:100], valid, n=1, cutoff=0.0)[0]
                raise Refusal(
                    "unknown_column", f"unknown column; the nearest one is '{near}'", field=name[:100], value=name,
                    limit=valid,
                )  # fmt: skip

    def entity(self, row: int, value: Any) -> str:
        """The key of the entity of a row; a whole number is one, too."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        name = self.schema.entity
        if not isinstance(value, str):
            raise Refusal(
                "entity", f"column '{name}', row {row}: {kind(value)}, expected a string; leave the column out when no "
                "row has one", field=name, row=row, value=value, limit="a string",
            )  # fmt: skip
        if not 0 < len(value) <= ENTITY_LENGTH:
            raise Refusal(
                "entity", f"column '{name}', row {row}: {len(value)} characters, expected 1 to {ENTITY_LENGTH}",
                field=name, row=row, value=value, limit=ENTITY_LENGTH,
            )  # fmt: skip
        return value

    def missing(self, name: str, given: Iterable[str]) -> Refusal:
        """No values for a column; a misspelt name explains more than a missing one."""
        self.known(given)
        hint = "send null where a value is unknown" if self.nullable(name) else "every row needs it"
        return Refusal("missing_column", f"column '{name}' is missing: {hint}", field=name, limit=self.names)

    def nullable(self, name: str) -> bool:
        """May the column be null?"""
        return any(column.nullable for column in self.schema.columns if column.name == name)

    def unequal(self, name: str, found: int, rows: int) -> Refusal:
        """A column that is longer or shorter than the first one."""
        return Refusal(
            "row_counts", f"column '{name}' has {found} rows, column '{self._first}' has {rows}", field=name,
            value=found, limit=rows,
        )  # fmt: skip
