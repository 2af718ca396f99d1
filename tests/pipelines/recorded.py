"""What does a log look like that none of our programs wrote? Delta tables, written from the documented columns alone.

`predictions`, `labels` and `requests` are written with pyarrow: neither server nor shipper is involved. A test holds
the columns against those that the server writes.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from pipelines.environment import Environment
from serving.graph import Graph

MOMENT = pa.timestamp("us", tz="UTC")
PREDICTIONS = pa.schema([
    ("request_id", pa.string()), ("row", pa.int32()), ("release", pa.string()), ("client_id", pa.string()),
    ("entity", pa.string()), ("event_time", MOMENT), ("received_at", MOMENT), ("step", pa.string()),
    ("assigned", pa.string()), ("shadow", pa.bool_()), ("inputs", pa.string()), ("scores", pa.list_(pa.float32())),
    ("decision", pa.string()),
])  # fmt: skip
LABELS = pa.schema([("entity", pa.string()), ("event_time", MOMENT), ("known_at", MOMENT), ("value", pa.string())])


def predictions(
    env: Environment, release: str, columns: Mapping[str, Sequence[Any]], *, entities: Sequence[str | None],
    event_times: Sequence[datetime], received_at: datetime | None = None, shadow: bool = False, prefix: str = "request",
    scores: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Append one request per row, answered as the release's graph answers; returns the scores [rows, k]."""
    graph = Graph(env.release(release))
    given = {name: np.array([missing(value) for value in values], dtype=object) for name, values in columns.items()}
    answered = graph.score(given) if scores is None else scores
    decisions = graph.decide(answered)
    rows = [
        {
            "request_id": f"{prefix}-{index}", "row": 0, "release": release, "client_id": None,
            "entity": entities[index], "event_time": event_times[index],
            "received_at": received_at or event_times[index], "step": "recorded", "assigned": "stable",
            "shadow": shadow, "inputs": json.dumps({name: values[index] for name, values in columns.items()}),
            "scores": [float(score) for score in answered[index]], "decision": str(decisions[index]),
        }
        for index in range(len(entities))
    ]  # fmt: skip
    write_deltalake(env.table("predictions"), pa.Table.from_pylist(rows, schema=PREDICTIONS), mode="append")
    return answered


def missing(value: Any) -> Any:
    """A missing number as graphs take it."""
    return np.nan if value is None else value


def labels(
    env: Environment, entities: Sequence[str], event_times: Sequence[datetime], values: Sequence[Any],
    *, known_after: timedelta,
) -> None:  # fmt: skip
    """Append the truth about some events, known so long after each."""
    rows = [
        {"entity": entity, "event_time": at, "known_at": at + known_after, "value": str(value)}
        for entity, at, value in zip(entities, event_times, values, strict=True)
    ]
    write_deltalake(env.table("labels"), pa.Table.from_pylist(rows, schema=LABELS), mode="append")
