"""What did a release answer lately, and which of its rows have a label? Questions to an environment's log, by DuckDB.

Counting happens inside DuckDB on batches of the Delta tables; only histograms, examples and a bounded number of
labelled rows come out, so that a large log needs no more memory than a small one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from pipelines.contract import Contract
from pipelines.database import open_database
from pipelines.decisions.profile import Histogram, NumberSketch, Profile, TextSketch
from pipelines.environment import Environment
from pipelines.frames import open_table
from serving.release import Column

if TYPE_CHECKING:
    import pandas as pd

LABELLED = 20_000  # rows that a metric and its interval need at the most
VALUES = 1_000  # distinct texts of a column that are counted apart
EXAMPLES = 5

Clock = Literal["event_time", "received_at"]

EMPTY = {
    "predictions": "request_id VARCHAR, row INTEGER, release VARCHAR, client_id VARCHAR, entity VARCHAR, event_time "
    "TIMESTAMPTZ, received_at TIMESTAMPTZ, step VARCHAR, assigned VARCHAR, shadow BOOLEAN, inputs VARCHAR, scores "
    "FLOAT[], decision VARCHAR",
    "labels": "entity VARCHAR, event_time TIMESTAMPTZ, known_at TIMESTAMPTZ, value VARCHAR",
}

# A client that asks again about the same entity and moment is one row, the newest; so is a corrected label.
ANSWERED = """
    SELECT *, coalesce(entity, request_id || '/' || row) AS who FROM predictions WHERE NOT shadow
    QUALIFY row_number() OVER (PARTITION BY release, who, event_time ORDER BY received_at DESC, request_id) = 1
"""
KNOWN = """
    SELECT entity, event_time, known_at, value FROM labels WHERE known_at <= $now
    QUALIFY row_number() OVER (PARTITION BY entity, event_time ORDER BY known_at DESC) = 1
"""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Moments after `begin` up to and including `end`."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A release's answers in a window, counted into the bins of its profile.

    `size` is the number of independent rows: entities, and rows that named none.
    """

    rows: int
    size: int
    profile: Profile


class Log:
    """The prediction log and the labels of one environment."""

    def __init__(self, env: Environment) -> None:
        self._db = open_database()
        self._names: dict[str, str] = {}
        for name in EMPTY:
            self._attach(env, name)

    def _attach(self, env: Environment, name: str) -> None:
        """Make the Delta table `name` a view, or an empty table when it is not there yet."""
        table = open_table(env, name)
        if table is None:
            self._db.execute(f"CREATE TABLE {name} ({EMPTY[name]})")
        else:
            self._db.register(name, table.to_pyarrow_dataset())

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values or None).fetchall()

    def volume(self, window: Window, clock: Clock) -> int:
        """How many rows any release answered in `window`, shadow ones aside."""
        query = f"SELECT count(*) FROM predictions WHERE NOT shadow AND {clock} > $begin AND {clock} <= $end"
        return int(self._rows(query, begin=window.begin, end=window.end)[0][0])

    def first(self, release: str) -> datetime | None:
        """The earliest event that `release` answered."""
        query = "SELECT min(event_time) FROM predictions WHERE NOT shadow AND release = $release"
        return self._rows(query, release=release)[0][0]

    def coverage(self, release: str, window: Window, now: datetime) -> tuple[int, int]:
        """(rows of `release` in `window` that name an entity, those of them with a label known at `now`)."""
        query = f"""
            SELECT count(*), count(value) FROM ({ANSWERED}) answered LEFT JOIN ({KNOWN}) known
            USING (entity, event_time)
            WHERE release = $release AND event_time > $begin AND event_time <= $end AND entity IS NOT NULL
        """
        rows, labelled = self._rows(query, release=release, begin=window.begin, end=window.end, now=now)[0]
        return int(rows), int(labelled)

    def select(self, release: str, window: Window, columns: Sequence[Column]) -> None:
        """Read the answers of `release` in `window` once, its inputs as columns, for `count` and `examples`."""
        self._db.execute("DROP TABLE IF EXISTS selected")
        query = f"""
            CREATE TEMP TABLE selected AS
            SELECT request_id, event_time, who, scores, decision, from_json(inputs, $structure) AS inputs
            FROM ({ANSWERED}) WHERE release = $release AND event_time > $begin AND event_time <= $end
        """
        values = {"structure": structure(columns), "release": release, "begin": window.begin, "end": window.end}
        self._db.execute(query, values)
        self._names = {column.name: f"input{index}" for index, column in enumerate(columns)}
        fields = ", ".join(f"{inside(column)} AS {name}" for column, name in self._names.items())
        self._db.execute(f"CREATE OR REPLACE TEMP VIEW answers AS SELECT * EXCLUDE (inputs), {fields} FROM selected")

    def count(self, profile: Profile) -> Counted:
        """The selected answers in the bins of `profile`."""
        rows, size = self._rows("SELECT count(*), count(DISTINCT who) FROM answers")[0]
        features = {
            name: self._numbers(name, sketch) if isinstance(sketch, NumberSketch) else self._texts(name)
            for name, sketch in profile.features.items()
            if name in self._names
        }
        scores = [
            Histogram(edges=one.edges, counts=self._histogram(f"scores[{index + 1}]", one.edges))
            for index, one in enumerate(profile.scores)
        ]
        decisions = {}
        if profile.decisions:
            decisions = dict(self._rows("SELECT decision, count(*) FROM answers GROUP BY decision ORDER BY decision"))
        counted = Profile(rows=int(rows), features=features, scores=scores, decisions=decisions)
        return Counted(rows=int(rows), size=int(size), profile=counted)

    def _numbers(self, name: str, reference: NumberSketch) -> NumberSketch:
        column = self._names[name]
        missing = self._rows(f"SELECT count(*) FROM answers WHERE {column} IS NULL OR isnan({column})")[0][0]
        counts = self._histogram(column, reference.edges)
        return NumberSketch(edges=reference.edges, counts=counts, missing=int(missing))

    def _histogram(self, expression: str, edges: Sequence[float]) -> list[int]:
        """Counts in bins [edge, next edge). DuckDB's bins include their upper end, so values and edges are turned."""
        known = f"FROM answers WHERE {expression} IS NOT NULL AND NOT isnan({expression})"
        if not edges:
            return [int(self._rows(f"SELECT count(*) {known}")[0][0])]
        turned = [-edge for edge in reversed(edges)]
        query = f"SELECT histogram(-({expression}::DOUBLE), $edges::DOUBLE[]) {known}"
        found: dict[float, int] = self._rows(query, edges=turned)[0][0] or {}
        counts = [found.get(edge, 0) for edge in [*turned, float("inf")]]
        return [int(count) for count in reversed(counts)]

    def _texts(self, name: str) -> TextSketch:
        column = self._names[name]
        query = f"""
            SELECT coalesce({column}, ''), count(*) AS n FROM answers GROUP BY 1 ORDER BY n DESC, 1 LIMIT {VALUES}
        """
        values = {str(value): int(count) for value, count in self._rows(query)}
        missing = values.pop("", 0)
        return TextSketch(values=values, missing=missing)

    def between(self, name: str, edges: Sequence[float], bins: Iterable[int]) -> list[str]:
        """The newest selected requests whose number `name` lies in one of the numbered bins of `edges`."""
        ends = [-np.inf, *edges, np.inf]
        ranges = [(float(ends[index]), float(ends[index + 1])) for index in bins]
        inside = "len(list_filter($ranges, lambda ends: {0} >= ends[1] AND {0} < ends[2])) > 0"
        return self._examples(inside.format(self._names[name]), ranges=[list(one) for one in ranges])

    def among(self, name: str, values: Sequence[str]) -> list[str]:
        """The newest selected requests whose text `name` is one of `values`."""
        return self._examples(f"list_contains($values, {self._names[name]})", values=list(values))

    def _examples(self, condition: str, **given: Any) -> list[str]:
        query = f"""
            SELECT request_id, max(event_time) AS at FROM answers WHERE {condition} GROUP BY 1 ORDER BY 2 DESC, 1
            LIMIT {EXAMPLES}
        """
        return [request for request, _ in self._rows(query, **given)]

    def labelled(
        self, contract: Contract, *, now: datetime, release: str | None = None, window: Window | None = None,
        limit: int | None = LABELLED,
    ) -> "pd.DataFrame":  # fmt: skip
        """Answered rows that have a label at `now`, as a frame.

        Columns: the contract's inputs, target, entity and event time, and `request_id`, `release`, `scores`. More rows
        than `limit` are thinned out by entity, the same ones each time.
        """
        conditions = ["TRUE"] + (["release = $release"] if release else [])
        conditions += ["event_time > $begin AND event_time <= $end"] if window else []
        values: dict[str, Any] = {"now": now, "structure": structure(one.column() for one in contract.inputs())}
        values |= {"release": release} if release else {}
        values |= {"begin": window.begin, "end": window.end} if window else {}
        query = f"""
            SELECT request_id, release, entity, event_time, value, scores, from_json(inputs, $structure) AS inputs
            FROM ({ANSWERED}) JOIN ({KNOWN}) USING (entity, event_time) WHERE {" AND ".join(conditions)}
            ORDER BY hash(entity), entity, event_time, received_at DESC {f"LIMIT {limit}" if limit else ""}
        """
        return frame(contract, self._db.sql(query, params=values).to_arrow_table())


def kind(column: Column) -> str:
    """DuckDB's type of an input."""
    return "DOUBLE" if column.type == "number" else "VARCHAR"


def inside(name: str) -> str:
    """The expression that takes a field out of the struct `inputs`; fields are not folded to lower case there."""
    return "struct_extract(inputs, '" + name.replace("'", "''") + "')"  # the name comes from a verified release


def structure(columns: Iterable[Column]) -> str:
    """The inputs' types, as `from_json` wants them."""
    return msgspec.json.encode({column.name: kind(column) for column in columns}).decode()


def frame(contract: Contract, rows: Any) -> "pd.DataFrame":
    """An Arrow table of answers with a struct `inputs`, as a frame of the contract's columns."""
    import pandas as pd

    inputs = rows.column("inputs").combine_chunks()
    values: dict[str, Any] = {}
    for feature in contract.inputs():
        column = inputs.field(feature.name)
        values[feature.name] = column.to_numpy(zero_copy_only=False) if feature.type == "number" else column.to_pylist()
    value = rows.column("value").to_pylist()
    return pd.DataFrame(
        values
        | {
            contract.target: [float(one) for one in value] if contract.task == "regression" else value,
            contract.entity: rows.column("entity").to_pylist(),
            contract.event_time: rows.column("event_time").to_pandas(),
            "request_id": rows.column("request_id").to_pylist(),
            "release": rows.column("release").to_pylist(),
            "scores": rows.column("scores").to_pylist(),
        }
    )
