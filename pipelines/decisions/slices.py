"""Is the release worse for some of the rows? Every slice of the contract, judged jointly.

A slice fails only when it is proven to be worse than the other release by more than its tolerance; with many slices,
one will look bad by chance, so all bounds hold at once (`statistics.joint`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pipelines.contract import Slice
from pipelines.decisions.gates import Finding, finding, shown, too_few
from pipelines.decisions.statistics import Estimate, joint, missing
from serving.release import Task

LOWER_IS_BETTER = {"log_loss", "brier", "expected_cost", "mae", "rmse"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """The rows of one slice: which declaration it comes from, its name and a mask [rows]."""

    declared: Slice
    name: str
    rows: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A slice's paired difference (candidate minus other, above 0 is better) and its sample."""

    part: Part
    other: str
    difference: Estimate
    sample: int


def parts(declared: Sequence[Slice], columns: Mapping[str, np.ndarray]) -> list[Part]:
    """The slices of all rows, in the contract's order; a missing value is a slice of its own."""
    return [part for one in declared for part in split(one, columns[one.column])]


def split(declared: Slice, values: np.ndarray) -> list[Part]:
    """The slices of one column: its values, or the ranges between its edges."""
    unknown = missing(values)
    named = ranges(declared, values, unknown) if declared.edges else kinds(declared, values, unknown)
    if unknown.any():
        named[f"{declared.column} missing"] = unknown
    return [Part(declared=declared, name=name, rows=rows) for name, rows in named.items()]


def ranges(declared: Slice, values: np.ndarray, unknown: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the ranges [edge, next edge), the first and the last one open."""
    assert declared.edges
    numbers = np.where(unknown, np.nan, values).astype(np.float64)
    edges = [-np.inf, *sorted(declared.edges), np.inf]
    names = [
        f"{declared.column} < {high:g}" if low == -np.inf
        else f"{declared.column} >= {low:g}" if high == np.inf
        else f"{low:g} <= {declared.column} < {high:g}"
        for low, high in pairwise(edges)
    ]  # fmt: skip
    masks = [(numbers >= low) & (numbers < high) for low, high in pairwise(edges)]
    return {name: mask for name, mask in zip(names, masks, strict=True) if mask.any()}


def kinds(declared: Slice, values: np.ndarray, unknown: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the distinct values."""
    found = sorted(set(values[~unknown].tolist()))
    return {f"{declared.column} = {shortly(value)}": values == value for value in found}


def shortly(value: object) -> str:
    """A text as it is, a number without a needless fraction."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def gain(part: Part, difference: Estimate) -> Estimate:
    """A difference (candidate minus other) turned so that above 0 is better."""
    return -difference if part.declared.metric in LOWER_IS_BETTER else difference


def judge(compared: Sequence[Compared], *, task: Task, alpha: float) -> list[Finding]:
    """A finding per slice. One that is too small is insufficient and takes no part in the joint bounds."""
    large = [one for one in compared if one.sample >= one.part.declared.minimum]
    bounds = joint([one.difference for one in large], alpha)
    decided = {id(one): interval for one, interval in zip(large, bounds, strict=True)}
    findings: list[Finding] = []
    for one in compared:
        declared, interval = one.part.declared, decided.get(id(one))
        subject = f"{one.part.name}, against the {one.other}"
        if interval is None:
            findings.append(
                too_few("slices", one.sample, declared.minimum, task, metric=declared.metric, subject=subject)
            )
            continue
        worse = interval.high < -declared.tolerance
        text = f"{declared.metric} for {subject}: gain {shown(interval)}, worse than {-declared.tolerance:g} is refused"
        way_out = f". Look at these rows: more of them, or a feature that tells them apart ({declared.column})."
        more: dict[str, Any] = {"metric": declared.metric, "subject": subject, "limit": -declared.tolerance}
        text += way_out if worse else "."
        findings.append(finding("slices", "fail" if worse else "pass", text, interval, rows=one.sample, **more))
    return findings
