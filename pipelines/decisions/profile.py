"""What did the training data and the validated scores look like? Sketches that later data is counted into."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from serving.release import Column

BINS = 20
DISTINCT = 32
DIGITS = 6


class NumberSketch(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="number"):
    """Counts of a number column: `counts[i]` rows lie in [edges[i-1], edges[i]), the outer ones without an end."""

    edges: list[float]
    counts: list[int]
    missing: int = 0


class TextSketch(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """How often each value of a text column occurs."""

    values: dict[str, int]
    missing: int = 0


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a score, in bins as those of NumberSketch."""

    edges: list[float]
    counts: list[int]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`profile.json` of a release: inputs of the training rows, scores and decisions of the validation rows."""

    rows: int
    features: dict[str, NumberSketch | TextSketch]
    scores: list[Histogram]
    decisions: dict[str, int]


def profile(
    inputs: list[Column], columns: Mapping[str, np.ndarray], scores: np.ndarray, decisions: list[str | float]
) -> Profile:
    """The profile of training `columns` ([rows] each) and validation `scores` [rows, k]."""
    return Profile(
        rows=len(columns[inputs[0].name]),
        features={
            column.name: number_sketch(columns[column.name])
            if column.type == "number"
            else text_sketch(columns[column.name])
            for column in inputs
        },
        scores=[histogram(scores[:, k]) for k in range(scores.shape[1])],
        decisions=counts_of(decision for decision in decisions if isinstance(decision, str)),
    )


def number_sketch(values: np.ndarray) -> NumberSketch:
    """The sketch of a number column; NaN is missing."""
    known = values[~np.isnan(values)]
    found = histogram(known)
    return NumberSketch(edges=found.edges, counts=found.counts, missing=len(values) - len(known))


def text_sketch(values: np.ndarray) -> TextSketch:
    """The sketch of a text column; the empty text is missing."""
    found = counts_of(str(value) for value in values)
    missing = found.pop("", 0)
    return TextSketch(values=found, missing=missing)


def histogram(values: np.ndarray) -> Histogram:
    """Counts between edges that follow from the values: each distinct one when they are few, else quantiles.

    Quantiles are rounded to 6 significant digits: enough for a bin, and no noise in the release's bytes.
    """
    distinct = np.unique(values)
    if len(distinct) > DISTINCT:
        distinct = np.unique([rounded(edge) for edge in np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])])
    return Histogram(edges=distinct.tolist(), counts=counts_between(values, distinct))


def counts_between(values: np.ndarray, edges: np.ndarray | list[float]) -> list[int]:
    """How many of `values` (no NaN) lie in each bin of `edges`: len(edges) + 1 counts."""
    bins = np.searchsorted(np.asarray(edges, dtype=float), values, side="right")
    return np.bincount(bins, minlength=len(edges) + 1).tolist()


def counts_of(values: Iterable[str]) -> dict[str, int]:
    """How often each text occurs, sorted by text."""
    return dict(sorted(Counter(values).items()))


def rounded(value: float) -> float:
    """`value` with 6 significant digits."""
    return float(f"{value:.{DIGITS}g}")
