"""How good are the labelled live rows, beside what was attested about the release? Binds log, gates and decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from environments.declaration import Monitor
from pipelines import attestation
from pipelines.contract import Contract, Model, Slice
from pipelines.decisions import slices
from pipelines.decisions.findings import Finding
from pipelines.decisions.folds import split
from pipelines.decisions.gates import counted, sample
from pipelines.decisions.live_quality import Group, Promise, Question, judge_quality, judge_slices
from pipelines.decisions.slices import LOWER_IS_BETTER
from pipelines.decisions.statistics import Estimate, estimate
from pipelines.environment import Environment
from pipelines.errors import MlopsError
from pipelines.evaluation import Rows, rows_of, score, statistic
from pipelines.frames import Version, main_score, read_data

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 500
LIVE = Version(number=-1, digest="")
EXAMPLES = 5
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Live rows whose truth is known: the rows, the scores [rows, k] that were answered, the requests."""

    rows: Rows
    scores: np.ndarray
    requests: Sequence[str]

    def part(self, mask: np.ndarray) -> "Labelled":
        """The rows under a mask."""
        chosen = np.flatnonzero(mask)
        requests = [self.requests[index] for index in chosen.tolist()]
        return Labelled(rows=self.rows.part(mask), scores=self.scores[mask], requests=requests)


def labelled(contract: Contract, frame: "pd.DataFrame") -> Labelled:
    """The frame of `Log.labelled` as rows; one whose label is no class of the contract is left out."""
    if contract.task != "regression":
        frame = frame.loc[frame[contract.target].isin(contract.classes)]
    frame = frame.reset_index(drop=True)
    width = 1 if contract.task == "regression" else len(contract.classes)
    scores = np.array(frame["scores"].tolist(), dtype=np.float32).reshape(-1, width)
    return Labelled(rows=rows_of(LIVE, contract, frame), scores=scores, requests=frame["request_id"].tolist())


def evidence(env: Environment, digest: str) -> Mapping[str, Any] | None:
    """The newest gates' evidence about a release, attested here or in the environments before."""
    place: Environment | None = env
    while place is not None:
        if found := attestation.statements(place.store, digest, attestation.GATES):
            return found[-1].predicate
        place = place.before()
    return None


def quality_findings(model: Model, live: Labelled, attested: Mapping[str, Any] | None, rules: Monitor) -> list[Finding]:
    """A finding for each metric that the contract's gates name, at alpha / their number."""
    contract, metrics = model.contract, (attested or {}).get("metrics", {})
    size = sample(contract.task, live.rows.y)
    found: list[Finding] = []
    for gate in contract.gates:
        question = Question(
            metric=gate.metric, direction=gate.direction, tolerance=gate.tolerance, minimum=rules.minimum_labels,
            promise=promise(metrics.get(gate.metric)), counted=counted(contract.task),
        )  # fmt: skip
        drawn = draw(model, gate.metric, live)
        interval = drawn.interval(rules.alpha / len(contract.gates))
        found.append(judge_quality(question, interval, rows=len(live.rows.y), sample=size))
    return found


def promise(attested: Mapping[str, Any] | None) -> Promise | None:
    """What an attestation says about a metric; None when it says nothing."""
    return Promise.of(attested) if attested and attested.get("value") is not None else None


def draw(model: Model, metric: str, live: Labelled) -> Estimate:
    """A metric of the rows with its draws; not a number where rows or columns do not define it."""
    scores = main_score(model.contract, live.scores).astype(np.float64)
    try:
        wanted = {metric: statistic(model, metric, live.rows, scores)}
        return estimate(wanted, live.rows.entities, resamples=RESAMPLES)[metric]
    except (KeyError, ValueError):  # a metric of the model's own may need a sensitive column, which no log has
        return Estimate(value=float("nan"), draws=np.full(RESAMPLES, np.nan))


def slice_findings(model: Model, live: Labelled, expected: Mapping[str, Promise], rules: Monitor) -> list[Finding]:
    """A finding for each slice that the log can tell apart, the worst first, then the columns that it lacks."""
    known = [one for one in model.contract.slices if one.column in live.rows.frame]
    parts = slices.parts(known, {one.column: live.rows.frame[one.column].to_numpy(object) for one in known})
    groups = [group(model, live, part, expected.get(part.name), rules) for part in parts]
    lacking = [one for one in model.contract.slices if one not in known]
    return judge_slices(groups, alpha=rules.alpha) + [not_in_the_log(one) for one in lacking]


def group(model: Model, live: Labelled, part: slices.Part, promised: Promise | None, rules: Monitor) -> Group:
    """One slice of the live rows."""
    rows, declared = live.part(part.rows), part.declared
    question = Question(
        metric=declared.metric, direction="lower" if declared.metric in LOWER_IS_BETTER else "higher",
        tolerance=declared.tolerance, minimum=min(declared.minimum, rules.minimum_labels), promise=promised,
        counted=counted(model.contract.task),
    )  # fmt: skip
    return Group(
        column=declared.column, name=part.name, question=question, rows=len(rows.rows.y),
        sample=sample(model.contract.task, rows.rows.y), estimate=draw(model, declared.metric, rows),
        examples=tuple(most_wrong(model.contract, rows)),
    )  # fmt: skip


def expected_slices(
    env: Environment, model: Model, digest: str, attested: Mapping[str, Any] | None
) -> dict[str, Promise]:
    """What each slice's metric was on the validation rows that the evidence is about; empty when they are gone."""
    declared = model.contract.slices
    if attested is None or not declared:
        return {}
    try:
        version, frame = read_data(env.head(), model.contract, attested["data"]["version"])
        held_back = frame.loc[split(frame[model.contract.entity], model.contract.folds)].reset_index(drop=True)
        rows = rows_of(version, model.contract, held_back)
        scored = score(env, digest, model.contract, rows)
    except MlopsError:
        return {}
    validation = Labelled(rows=rows, scores=scored.scores, requests=[""] * len(rows.y))
    parts = slices.parts(declared, {one.column: rows.frame[one.column].to_numpy(object) for one in declared})
    return {part.name: expectation(model, validation, part) for part in parts}


def expectation(model: Model, validation: Labelled, part: slices.Part) -> Promise:
    """A slice's metric on validation rows, between the bounds that attested metrics have."""
    interval = draw(model, part.declared.metric, validation.part(part.rows)).interval(ALPHA)
    return Promise(value=interval.value, low=interval.low, high=interval.high)


def most_wrong(contract: Contract, live: Labelled) -> list[str]:
    """The requests whose answer was farthest from the truth."""
    scores, y = live.scores, live.rows.y
    error = np.abs(scores[:, 0] - y) if contract.task == "regression" else 1 - scores[np.arange(len(y)), y]
    worst: list[int] = np.argsort(-error, kind="stable")[:EXAMPLES].tolist()
    return [live.requests[index] for index in worst]


def not_in_the_log(one: Slice) -> Finding:
    """What is said about a slice whose column no request carries."""
    message = f"{one.column} is no input, so that no request carries it; this slice is judged by the gates only."
    return Finding(kind="slice", name=one.column, verdict="pending", message=message, rows=0)
