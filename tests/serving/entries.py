"""Entries as a server would log them, and what became of them."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from serving.predictions import Entry

START = datetime(2024, 5, 1, 12, tzinfo=UTC)


def entry(request_id: str, *, release: str = "a" * 64, rows: int = 1, at: datetime | None = None) -> Entry:
    """An entry of `rows` rows with one number and one text."""
    return Entry(
        request_id=request_id, release=release, received_at=at or START,
        columns={"amount": [float(row) for row in range(rows)], "kind": ["x"] * rows},
        scores=[[0.25, 0.75]] * rows, decisions=["yes"] * rows,
    )  # fmt: skip


def later(seconds: float) -> datetime:
    """So many seconds after the first entry."""
    return START + timedelta(seconds=seconds)


def table(tables: Path, name: str) -> pa.Table:
    """The whole Delta table `name`."""
    return pa.table(DeltaTable((tables / name).as_uri()).scan())


def logged(tables: Path) -> Counter[tuple[str, int, str]]:
    """How often each key is in the prediction log."""
    rows = table(tables, "predictions").to_pydict()
    return Counter(zip(rows["request_id"], rows["row"], rows["release"], strict=True))
