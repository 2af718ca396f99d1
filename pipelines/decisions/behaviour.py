"""Does the model do what its owner says every version must do? Invariances, directions and examples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipelines.decisions.gates import Finding, finding, shown
from pipelines.decisions.statistics import Estimate

Columns = Mapping[str, np.ndarray]
Score = Callable[[Columns], np.ndarray]
MATTERS = 0.01  # of the score's scale: below it, nobody's answer depends on the column
Direction = Literal["increasing", "decreasing"]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row, the decision that it must get, and the one that it gets."""

    number: int
    expected: str
    decided: str


def moved(columns: Columns, column: str, quantile: float) -> dict[str, np.ndarray]:
    """The rows with `column` set to one of its own quantiles, all else equal."""
    values = columns[column].astype(np.float64)
    return {**columns, column: np.full(len(values), np.nanquantile(values, quantile))}


def response(score: Score, columns: Columns, column: str) -> np.ndarray:
    """Score change [rows] when `column` goes from its first to its third quartile, all else equal."""
    return (score(moved(columns, column, 0.75)) - score(moved(columns, column, 0.25))).astype(np.float64)


def shuffled(score: Score, columns: Columns, column: str, *, scale: float, seed: int) -> float:
    """Largest score change, in parts of `scale`, when the rows exchange their values of `column`."""
    order = np.random.default_rng(seed).permutation(len(columns[column]))
    change = np.abs(score({**columns, column: columns[column][order]}) - score(columns))
    return float(np.max(change, initial=0.0)) / scale


def invariance(column: str, change: float | None, rows: int) -> Finding:
    """May `column` not matter, and does it not? `change` is None when the model does not see it."""
    if change is None:
        return finding("behaviour", "pass", f"{column} does not matter: it is no input.", subject=column)
    if rows == 0:
        return finding("behaviour", "insufficient", f"{column}: no rows to try it on; ingest data.", subject=column)
    more: dict[str, Any] = {
        "metric": "invariance", "subject": column, "value": change, "limit": MATTERS, "rows": rows,
    }  # fmt: skip
    if change <= MATTERS:
        text = f"{column} does not matter: exchanging it moves no score by {MATTERS:.0%}."
        return finding("behaviour", "pass", text, **more)
    text = f"exchanging {column} between rows moves a score by {change:.2g} of its scale, allowed is {MATTERS:g}. "
    return finding("behaviour", "fail", text + "Take it out of the inputs in model.toml, and train again.", **more)


def direction(column: str, declared: Direction, change: Estimate | None, *, rows: int, alpha: float) -> Finding:
    """Does the score go where it must when `column` grows? Fails when the opposite is proven."""
    if change is None or rows == 0:
        why = "needs a number column that is an input, one score per row, and validation rows."
        return finding("behaviour", "insufficient", f"a direction of {column} {why}", subject=column)
    interval = (change if declared == "increasing" else -change).interval(alpha)
    wrong = interval.high < 0
    text = f"score {declared} in {column}: from its first to its third quartile it goes that way by {shown(interval)}"
    way_out = ". The opposite is proven: constrain the estimator (monotonic_cst), or look for a leak in the data."
    return finding(
        "behaviour", "fail" if wrong else "pass", text + (way_out if wrong else "."), interval,
        metric="direction", subject=column, limit=0.0, rows=rows,
    )  # fmt: skip


def examples(tried: Sequence[Example]) -> list[Finding]:
    """A finding per example that the owner gave."""
    return [
        finding(
            "behaviour", "pass" if one.decided == one.expected else "fail",
            f"example {one.number} of behaviour.py is decided '{one.decided}', must be '{one.expected}'."
            + ("" if one.decided == one.expected else " Train a better model, or correct the example."),
            metric="example", subject=f"example {one.number}", rows=1,
        )
        for one in tried
    ]  # fmt: skip
