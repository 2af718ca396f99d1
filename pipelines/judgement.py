"""What does each gate say about a release? Every gate is called here, once, on what was gathered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from environments import declaration
from pipelines.contract import Contract, Model
from pipelines.decisions import behaviour, fairness, gates, slices
from pipelines.decisions.gates import Finding, Other
from pipelines.evaluation import ANCHOR, CANDIDATE, CHAMPION, Evaluation
from pipelines.frames import columns
from serving.graph import Graph

OTHERS: tuple[Other, ...] = (CHAMPION, ANCHOR)


@dataclass(frozen=True, kw_only=True)
class Served:
    """What the real server answered for some rows (None when it did not), and what the graph says."""

    expected: np.ndarray
    answered: np.ndarray | None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A release before the gates: the evaluation, violations of the contract among its rows, and what others recorded.

    `others` has the digests of champion and anchor, None where the environment declares none.
    """

    evaluation: Evaluation
    problems: Sequence[str]
    others: Mapping[Other, str | None]
    parity: Mapping[str, Any] | None
    served: Served


def judge(model: Model, case: Case, rules: declaration.Gates) -> list[Finding]:
    """The findings of all gates, in the order of `gates.OVERALL` and `gates.BY_GROUP`."""
    evaluation, contract = case.evaluation, model.contract
    rows, releases = evaluation.rows, evaluation.releases
    seen = {role: release.seen(rows.entities) for role, release in releases.items()}
    trained = {role: release.folds for role, release in releases.items()}
    return [
        gates.data_contract(case.problems, len(rows.y)),
        gates.folds(contract.folds, trained, seen, len(rows.y)),
        *floors(contract, evaluation, rules.alpha),
        *(finding for other in OTHERS for finding in compared(contract, case, other, rules.alpha)),
        *behaves(model, evaluation, rules.alpha),
        gates.parity(case.parity),
        gates.server(case.served.expected, case.served.answered, case.served.problem),
        *sliced(contract, evaluation, rules.alpha / 2),
        *fair(evaluation, rules.alpha / 2),
    ]


def floors(contract: Contract, evaluation: Evaluation, alpha: float) -> list[Finding]:
    """The floor of each gate of the contract."""
    rows = gates.sample(contract.task, evaluation.rows.y)
    return [
        gates.floor(
            gate, evaluation.estimates["metric", CANDIDATE, gate.metric], rows=rows, task=contract.task, alpha=alpha
        )
        for gate in contract.gates
    ]


def compared(contract: Contract, case: Case, other: Other, alpha: float) -> list[Finding]:
    """The paired comparison with champion or anchor, for each gate of the contract."""
    releases, estimates = case.evaluation.releases, case.evaluation.estimates
    if case.others[other] is None:
        return [gates.no_other(other)]
    if other not in releases:
        twin = "the release" if case.others[other] == releases[CANDIDATE].digest else f"the {CHAMPION}"
        return [gates.same(other, twin)]
    rows = gates.sample(contract.task, case.evaluation.rows.y)
    return [
        gates.comparison(
            gate,
            estimates["metric", CANDIDATE, gate.metric] - estimates["metric", other, gate.metric],
            other=other, rows=rows, task=contract.task, alpha=alpha,
        )
        for gate in contract.gates
    ]  # fmt: skip


def sliced(contract: Contract, evaluation: Evaluation, alpha: float) -> list[Finding]:
    """Every slice against every other release, jointly."""
    others = [other for other in OTHERS if other in evaluation.releases]
    if not evaluation.parts or not others:
        why = "the contract declares none" if not contract.slices else "there is no other release to be worse than"
        return [gates.not_asked("slices", f"{why}.")]
    estimates = evaluation.estimates
    return slices.judge(
        [
            slices.Compared(
                part=part, other=other, sample=gates.sample(contract.task, evaluation.rows.y[part.rows]),
                difference=slices.gain(part, estimates["slice", index, CANDIDATE] - estimates["slice", index, other]),
            )
            for other in others
            for index, part in enumerate(evaluation.parts)
        ],
        task=contract.task, alpha=alpha,
    )  # fmt: skip


def fair(evaluation: Evaluation, alpha: float) -> list[Finding]:
    """Every declaration of fairness, jointly."""
    if not evaluation.grouped:
        return [gates.not_asked("fairness", "the contract declares no sensitive column to compare by.")]
    groups = {(key[1], key[2]): one for key, one in evaluation.estimates.items() if key[0] == "group"}
    return fairness.judge([(one.declared, one.groups) for one in evaluation.grouped], groups, alpha=alpha)


def behaves(model: Model, evaluation: Evaluation, alpha: float) -> list[Finding]:
    """Invariances, directions and examples of the model's owner."""
    candidate, estimates, rows = evaluation.releases[CANDIDATE], evaluation.estimates, len(evaluation.rows.y)
    graph, given = candidate.graph, candidate.columns
    scale = float(np.std(candidate.scores)) or 1.0 if model.contract.task == "regression" else 1.0

    def moved(column: str) -> float:
        return behaviour.shuffled(graph.score, given, column, scale=scale, seed=0)

    findings = [
        behaviour.invariance(column, moved(column) if column in given else None, rows)
        for column in model.behaviour.INVARIANCES
    ]
    findings += [
        behaviour.direction(column, wanted, estimates.get(("response", column)), rows=rows, alpha=alpha)
        for column, wanted in model.behaviour.DIRECTIONS.items()
    ]
    findings += behaviour.examples(
        [
            behaviour.Example(number=number, expected=expected, decided=decided(model.contract, graph, row))
            for number, (row, expected) in enumerate(model.behaviour.EXAMPLES, start=1)
        ]
    )
    return findings or [gates.not_asked("behaviour", "behaviour.py asks for nothing.")]


def decided(contract: Contract, graph: Graph, row: Mapping[str, Any]) -> str:
    """What the graph decides about one row of `behaviour.py`."""
    import pandas as pd

    given = columns(contract, pd.DataFrame([row]))
    return str(graph.decide(graph.score(given))[0])


def shift(evaluation: Evaluation) -> dict[str, Any] | None:
    """By how much the candidate's scores differ from the champion's, per score column; None without a champion.

    `mean` of candidate - champion, `std` of the champion's scores: what `rollout` expects to see live.
    """
    champion = evaluation.releases.get(CHAMPION)
    if champion is None:
        return None
    old, new = champion.scores.astype(np.float64), evaluation.releases[CANDIDATE].scores.astype(np.float64)
    if old.shape != new.shape or not len(old):
        return None
    return {"mean": (new - old).mean(axis=0).tolist(), "std": old.std(axis=0).tolist(), "rows": len(old)}
