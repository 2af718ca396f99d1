"""What does the gateway say about one request? A line of its access log, and the table that those lines become.

The gateway sees what no server can: what was assigned, who answered in the end, after how many attempts.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "requests"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request that reached the gateway; one that was too broken to be routed has no id or no path.

    `assigned` is the track that the traffic declaration chose, `release` the one that answered (its digest),
    `attempts` how many servers were asked. `upstream_ms` is None when no server answered.
    """

    at: datetime
    status: int
    request_id: str | None = None
    path: str | None = None
    flags: str | None = None
    details: str | None = None
    step: str | None = None
    assigned: str | None = None
    release: str | None = None
    attempts: int | None = None
    duration_ms: float | None = None
    upstream_ms: float | None = None


_decoder = msgspec.json.Decoder(Request, strict=False)


def decode(line: bytes) -> Request:
    """The request in one line of the log. Raises ValueError when it is none."""
    return _decoder.decode(line)


def schema() -> "pa.Schema":
    """The columns of the Delta table."""
    import pyarrow as pa

    return pa.schema([
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("status", pa.int32(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("flags", pa.string()),
        pa.field("details", pa.string()),
        pa.field("step", pa.string()),
        pa.field("assigned", pa.string()),
        pa.field("release", pa.string()),
        pa.field("attempts", pa.int32()),
        pa.field("duration_ms", pa.float64()),
        pa.field("upstream_ms", pa.float64()),
    ])  # fmt: skip


def table(requests: Iterable[Request]) -> "pa.Table":
    """`requests` under `schema()`."""
    import pyarrow as pa

    return pa.Table.from_pylist([msgspec.structs.asdict(request) for request in requests], schema=schema())
