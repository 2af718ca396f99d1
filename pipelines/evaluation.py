"""How do a release and those it is compared with answer the validation rows? What the gates judge, gathered once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from pipelines.contract import Contract, Fairness, Folds, Model
from pipelines.decisions import behaviour, fairness, slices
from pipelines.decisions.folds import split
from pipelines.decisions.metrics import standard_metrics
from pipelines.decisions.statistics import Estimate, Statistic, estimate
from pipelines.decisions.weighted import fast, mean
from pipelines.environment import Environment
from pipelines.errors import InvalidInput
from pipelines.frames import Version, columns, main_score, read_data, truth
from serving.graph import Graph
from serving.release import LINEAGE

if TYPE_CHECKING:
    import pandas as pd

CANDIDATE: Literal["candidate"] = "candidate"
CHAMPION: Literal["champion"] = "champion"
ANCHOR: Literal["anchor"] = "anchor"
EVERY = 5  # a metric of the model's own costs a call per resample, so that it gets every fifth only


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows to evaluate on: a frame of the contract's columns, the truth and the entity of each."""

    version: Version
    frame: "pd.DataFrame"
    y: np.ndarray
    entities: np.ndarray

    def part(self, mask: np.ndarray) -> "Rows":
        """The rows under a mask."""
        return replace(self, frame=self.frame[mask], y=self.y[mask], entities=self.entities[mask])


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One release on the rows: its graph, the columns it took, its scores [rows, k], its lineage's folds."""

    digest: str
    graph: Graph
    columns: Mapping[str, np.ndarray]
    scores: np.ndarray
    folds: Mapping[str, Any]

    def seen(self, entities: np.ndarray) -> int:
        """How many of the rows belong to entities that the release may have been trained on."""
        return int(np.sum(~split(entities, msgspec.convert(dict(self.folds), Folds))))


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """A declaration of fairness and the groups of its column."""

    declared: Fairness
    groups: Sequence[fairness.Group]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The rows, the compared releases by role, and every statistic that a gate asks for.

    `estimates` by ("metric", role, metric), ("slice", index of its part, role), ("group", index, name),
    ("response", column).
    """

    rows: Rows
    releases: Mapping[str, Scored]
    parts: Sequence[slices.Part]
    grouped: Sequence[Grouped]
    estimates: Mapping[tuple[Any, ...], Estimate]


def validation_rows(head: Environment, contract: Contract) -> Rows:
    """The validation rows of the newest data version, which lies at the head of the chain.

    Raises NotReady when there is no data.
    """
    version, frame = read_data(head, contract)
    held_back = frame.loc[split(frame[contract.entity], contract.folds)]
    return rows_of(version, contract, held_back.reset_index(drop=True))


def rows_of(version: Version, contract: Contract, frame: "pd.DataFrame") -> Rows:
    """The rows of a frame."""
    entities = frame[contract.entity].to_numpy(dtype=object)
    return Rows(version=version, frame=frame, y=truth(contract, frame), entities=entities)


def score(env: Environment, digest: str, contract: Contract, rows: Rows) -> Scored:
    """Release `digest` on the rows. Raises InvalidInput when the data lacks a column that it takes."""
    folder = env.release(digest)
    graph, given = Graph(folder), columns(contract, rows.frame)
    if lacking := [column.name for column in graph.schema.columns if column.name not in given]:
        raise InvalidInput(
            f"release {digest[:12]} takes '{lacking[0]}', which is no input in model.toml any more. "
            "Keep it as an input until no endpoint declares that release."
        )
    lineage: dict[str, Any] = msgspec.json.decode((folder / LINEAGE).read_bytes())
    return Scored(
        digest=digest, graph=graph, columns=given, scores=graph.score(given), folds=lineage["folds"]
    )  # fmt: skip


def evaluate(model: Model, rows: Rows, releases: Mapping[str, Scored], *, resamples: int, seed: int) -> Evaluation:
    """Draw every statistic of the contract's gates, all on the same resamples."""
    contract, candidate = model.contract, releases[CANDIDATE]
    values = {one.column: rows.frame[one.column].to_numpy(object) for one in contract.slices}
    parts = slices.parts(contract.slices, values)
    grouped = groups(contract, rows, candidate)
    plan: dict[tuple[Any, ...], Statistic] = {}
    for role, release in releases.items():
        scores = main_score(contract, release.scores).astype(np.float64)
        for metric in metrics(contract) if role == CANDIDATE else [gate.metric for gate in contract.gates]:
            plan["metric", role, metric] = statistic(model, metric, rows, scores)
        for index, part in enumerate(parts if len(releases) > 1 else []):
            inner = statistic(model, part.declared.metric, rows.part(part.rows), scores[part.rows])
            plan["slice", index, role] = within(part.rows, inner)
    for index, one in enumerate(grouped):
        plan |= {("group", index, group.name): group.statistic() for group in one.groups}
    for column, change in responses(model, rows, candidate).items():
        plan["response", column] = mean(change)
    drawn = estimate(plan, rows.entities, resamples=resamples, seed=seed)
    return Evaluation(rows=rows, releases=releases, parts=parts, grouped=grouped, estimates=drawn)


def metrics(contract: Contract) -> list[str]:
    """The metrics that are attested with an interval: the standard ones, then gated ones of the model's own."""
    return list(dict.fromkeys([*fast(contract), *(gate.metric for gate in contract.gates)]))


def statistic(model: Model, metric: str, rows: Rows, scores: np.ndarray) -> Statistic:
    """`metric` on the rows under weights, by the fast way where there is one."""
    if prepare := fast(model.contract).get(metric):
        return prepare(rows.y, scores)
    return called(lambda chosen: own_metric(model, metric, rows, scores, chosen), len(rows.y))


def own_metric(model: Model, metric: str, rows: Rows, scores: np.ndarray, chosen: np.ndarray) -> float:
    """A metric of the model's own on chosen rows [any number]. Raises InvalidInput when there is none of that name."""
    y, score = rows.y[chosen], scores[chosen]
    known = standard_metrics(model.contract, y, score) | model.metrics.metrics(y, score, rows.frame.iloc[chosen])
    if metric not in known:
        raise InvalidInput(f"model.toml names the metric '{metric}', which nobody defines. Known: {', '.join(known)}.")
    return known[metric]


def called(metric: Callable[[np.ndarray], float], rows: int) -> Statistic:
    """A statistic that calls `metric` with row numbers, repeated as the weights say, on every EVERY-th resample."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        values = np.full(len(weights), np.nan)
        for index in range(0, len(weights), EVERY):
            values[index] = metric(np.repeat(np.arange(rows), weights[index].astype(np.int64)))
        return values

    return statistic


def within(mask: np.ndarray, inner: Statistic) -> Statistic:
    """A statistic of the rows under a mask."""
    return lambda weights: inner(weights[:, mask])


def groups(contract: Contract, rows: Rows, candidate: Scored) -> list[Grouped]:
    """The groups of each declaration of fairness, with what the candidate decided about their rows."""
    scores = main_score(contract, candidate.scores).astype(np.float64)
    decided = scores >= contract.decision.threshold if scores.ndim == 1 else scores.argmax(axis=1)
    outcomes = fairness.Outcomes(y=rows.y, decided=decided.astype(np.int64), score=scores)
    return [
        Grouped(declared=one, groups=fairness.groups(one, rows.frame[one.column].to_numpy(object), outcomes))
        for one in contract.fairness
    ]


def responses(model: Model, rows: Rows, candidate: Scored) -> dict[str, np.ndarray]:
    """Score changes [rows] for each direction of `behaviour.py` that can be tried on these rows."""
    contract = model.contract
    numbers = {feature.name for feature in contract.inputs() if feature.type == "number"}
    if contract.task == "multiclass" or not len(rows.y):
        return {}
    return {
        column: behaviour.response(
            lambda moved: main_score(contract, candidate.graph.score(moved)), candidate.columns, column
        )
        for column in model.behaviour.DIRECTIONS
        if column in numbers
    }
