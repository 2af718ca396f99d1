"""What did gateway and servers log about one step of a trial? Counted by DuckDB from the environment's Delta tables.

Only requests that Envoy assigned in this step have its id: who pinned a track was not assigned and is not judged.
Delta's own engine reads and skips files by step and time; DuckDB counts; only answer times and sums come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

import numpy as np

from pipelines.database import open_database
from pipelines.decisions.trial import Group, Mirror
from pipelines.environment import Environment
from pipelines.frames import open_table
from serving import access_log, predictions

REQUESTS = ("request_id", "path", "status", "assigned", "release", "attempts", "upstream_ms")
PREDICTIONS = ("request_id", "row", "release", "entity", "received_at", "assigned", "shadow", "scores")

# Answers from 200 on, without those that say that the client was wrong. Only scoring is judged: metadata is no proof.
JUDGED = """
    SELECT coalesce(release, '') != $release OR attempts > 1 OR status >= 500 AS failed, upstream_ms
    FROM requests
    WHERE assigned = $track AND status >= 200 AND NOT status BETWEEN 400 AND 499
      AND (path LIKE '%/infer' OR path LIKE '%/invocations')
"""
PAIRS = """
    SELECT stable.request_id, stable.row, coalesce(stable.entity, stable.request_id) AS who, stable.scores AS before,
           candidate.scores AS after
    FROM predictions stable JOIN predictions candidate USING (request_id, row)
    WHERE stable.release = $stable AND NOT stable.shadow AND candidate.release = $candidate AND candidate.shadow
"""
# A mean over rows whose clusters (the rows of one entity, or of one request) depend on each other: sums per cluster.
CLUSTERED = """
    WITH long AS (SELECT who, unnest(values) AS value, generate_subscripts(values, 1) AS place FROM ({rows})),
    clusters AS (SELECT place, who, sum(value::DOUBLE) AS total, count(*)::DOUBLE AS size FROM long GROUP BY ALL)
    SELECT count(*), sum(total), sum(size), sum(total * total), sum(total * size), sum(size * size)
    FROM clusters GROUP BY place ORDER BY place
"""


@dataclass(frozen=True, kw_only=True)
class Means:
    """A mean per score column with its standard error, over so many clusters."""

    values: np.ndarray
    errors: np.ndarray
    clusters: int

    @classmethod
    def none(cls, columns: int) -> "Means":
        """Nothing was seen."""
        return cls(values=np.zeros(columns), errors=np.zeros(columns), clusters=0)

    def minus(self, other: "Means") -> "Means":
        """The difference of two independent means; the smaller one decides how many clusters there are."""
        return Means(
            values=self.values - other.values, errors=np.hypot(self.errors, other.errors),
            clusters=min(self.clusters, other.clusters),
        )  # fmt: skip


class TrafficLog:
    """The requests and predictions of one step, from `since` on (None: from the first) and before `until`."""

    def __init__(self, env: Environment, step: str, *, since: datetime | None, until: datetime) -> None:
        self._db = open_database()
        self._read(env, access_log, REQUESTS, during("at", step, since, until))
        self._read(env, predictions, PREDICTIONS, during("received_at", step, since, until))

    def _read(self, env: Environment, kind: ModuleType, columns: Sequence[str], chosen: str) -> None:
        """Copy what the step needs of a Delta table; an empty table when it is not there yet."""
        table = open_table(env, kind.TABLE)
        rows: Any = table.scan(columns=list(columns), predicate=chosen) if table else kind.schema().empty_table()
        self._db.register("found", rows)
        self._db.execute(f"CREATE TEMP TABLE {kind.TABLE} AS SELECT {', '.join(columns)} FROM found")
        self._db.unregister("found")

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values or None).fetchall()

    def group(self, track: str, release: str) -> Group:
        """The requests that were assigned to `track`, on which `release` answers."""
        counts = f"SELECT count(*), count(*) FILTER (failed) FROM ({JUDGED})"
        judged, failures = self._rows(counts, track=track, release=release)[0]
        times = f"SELECT upstream_ms FROM ({JUDGED}) WHERE NOT failed AND upstream_ms IS NOT NULL"
        fetched = self._db.execute(times, {"track": track, "release": release}).fetchnumpy()["upstream_ms"]
        return Group(judged=judged, failures=failures, milliseconds=np.asarray(fetched, dtype=np.float64))

    def mirror(self, stable: str, candidate: str, share: float) -> Mirror:
        """The requests that `stable` answered, and those of them whose copy `candidate` answered."""
        query = """
            SELECT count(*), count(*) FILTER (request_id IN
                (SELECT request_id FROM predictions WHERE shadow AND release = $candidate))
            FROM (SELECT DISTINCT request_id FROM predictions WHERE NOT shadow AND release = $stable)
        """
        answered, mirrored = self._rows(query, stable=stable, candidate=candidate)[0]
        return Mirror(answered=answered, mirrored=mirrored, share=share)

    def paired(self, stable: str, candidate: str) -> Means | None:
        """Candidate minus stable, request by request, where both answered."""
        pairs = f"SELECT who, [pair[2] - pair[1] for pair in list_zip(before, after)] AS values FROM ({PAIRS})"
        return self._means(pairs, stable=stable, candidate=candidate)

    def scores(self, track: str, release: str) -> Means | None:
        """What `release` answered to those that were assigned to `track`."""
        rows = """
            SELECT coalesce(entity, request_id) AS who, scores AS values FROM predictions
            WHERE NOT shadow AND assigned = $track AND release = $release
        """
        return self._means(rows, track=track, release=release)

    def _means(self, rows: str, **values: Any) -> Means | None:
        """Ratio estimates with cluster-robust errors (Cochran 1977, 2.11); None below two clusters."""
        sums = np.array(self._rows(CLUSTERED.format(rows=rows), **values), dtype=np.float64)
        if not len(sums) or sums[0, 0] < 2:
            return None
        clusters, total, size, total_total, total_size, size_size = sums.T
        mean = total / size
        squares = np.maximum(0.0, total_total - 2 * mean * total_size + mean * mean * size_size)
        return Means(
            values=mean, errors=np.sqrt(squares * clusters / (clusters - 1)) / size, clusters=int(clusters[0])
        )  # fmt: skip


def during(time: str, step: str, since: datetime | None, until: datetime) -> str:
    """The rows of a step in Delta's SQL; its statistics skip whole files by it."""
    chosen = f"step = '{step}' AND {time} < TIMESTAMP '{until.isoformat()}'"
    return chosen if since is None else f"{chosen} AND {time} >= TIMESTAMP '{since.isoformat()}'"
