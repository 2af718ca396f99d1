"""What does one answered prediction leave behind? The entry that a server logs, and the table that it becomes.

The key of a row is (request id, row, release). Servers append entries to a spool, the shipper turns them into rows of
the Delta table `predictions`, pipelines read that table; all three take the format from here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "predictions"


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request that a release answered, with all its rows.

    `columns` holds one list of length `rows` per input column (a missing number is NaN or None), `scores` is
    [rows, k], `decisions` [rows]: classes, or the value itself for a regression. `entity` and `event_time` are
    [rows], or None when the request did not name them. Times are aware of their zone.
    """

    request_id: str
    release: str
    received_at: datetime
    columns: dict[str, list[Any]]
    scores: list[list[float]]
    decisions: list[str | float]
    client_id: str | None = None
    entity: list[str] | None = None
    event_time: list[datetime] | None = None
    step: str | None = None
    assigned: str | None = None
    shadow: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What all rows of this entry share: the request and the release that answered it."""
        return self.request_id, self.release


SHARED = ("request_id", "release", "client_id", "received_at", "step", "assigned", "shadow")

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The entry as one line of JSON, its end included."""
    return _encoder.encode(entry) + b"\n"


def decode(line: bytes) -> Entry:
    """The entry in one line. Raises ValueError when it is none or its lists differ in length."""
    entry = _decoder.decode(line)
    rows = len(entry.scores)
    lists = {"decisions": entry.decisions, "entity": entry.entity, "event_time": entry.event_time, **entry.columns}
    for name, values in lists.items():
        if values is not None and len(values) != rows:
            raise ValueError(f"'{name}' has {len(values)} values for {rows} rows of scores")
    if entry.received_at.tzinfo is None:
        raise ValueError(f"received_at {entry.received_at.isoformat()} names no time zone")
    return entry


def schema() -> "pa.Schema":
    """The columns of the Delta table. `inputs` is a JSON object, so that they do not depend on the model."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    return pa.schema([
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("release", pa.string(), nullable=False),
        pa.field("client_id", pa.string()),
        pa.field("entity", pa.string()),
        pa.field("event_time", moment, nullable=False),
        pa.field("received_at", moment, nullable=False),
        pa.field("step", pa.string()),
        pa.field("assigned", pa.string()),
        pa.field("shadow", pa.bool_(), nullable=False),
        pa.field("inputs", pa.string(), nullable=False),
        pa.field("scores", pa.list_(pa.float32()), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
    ])  # fmt: skip


def table(entries: Sequence[Entry]) -> "pa.Table":
    """All rows of `entries`, in order, under `schema()`. A row without an event time happened when it was received."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in schema().names}
    for entry in entries:
        rows = len(entry.scores)
        for name in SHARED:
            columns[name] += [getattr(entry, name)] * rows
        columns["row"] += range(rows)
        columns["entity"] += entry.entity or [None] * rows
        columns["event_time"] += entry.event_time or [entry.received_at] * rows
        columns["inputs"] += [
            _encoder.encode(dict(zip(entry.columns, values, strict=True))).decode()
            for values in zip(*entry.columns.values(), strict=True)
        ]
        columns["scores"] += entry.scores
        columns["decision"] += map(str, entry.decisions)
    return pa.table(columns, schema=schema())
