"""How sure is a metric on these rows, and a difference of two? One bootstrap by entity, the same draws for all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]
"""From row weights [resamples, rows] (counts, as float64) to values [resamples]; NaN where it is not defined."""

K = TypeVar("K")

RESAMPLES = 1000
CHUNK = 100  # resamples at once: 100 x 7,500 weights are 6 MB and stay in the cache


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value between two one-sided bounds, each of which is wrong with the probability that was asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A statistic on the rows as they are (`value`) and on resampled ones (`draws`, [resamples])."""

    value: float
    draws: np.ndarray

    def __sub__(self, other: "Estimate") -> "Estimate":
        """The paired difference: both were drawn with the same weights."""
        return Estimate(value=self.value - other.value, draws=self.draws - other.draws)

    def __neg__(self) -> "Estimate":
        return Estimate(value=-self.value, draws=-self.draws)

    def interval(self, alpha: float) -> Interval:
        """Percentile bounds (Efron 1979): each one-sided at level 1 - alpha."""
        if np.isnan(self.draws).all():
            return Interval(value=self.value, low=float("nan"), high=float("nan"))
        low, high = np.nanquantile(self.draws, [alpha, 1 - alpha])
        return Interval(value=self.value, low=float(low), high=float(high))


def missing(values: np.ndarray) -> np.ndarray:
    """Which of the objects [rows] are None or NaN."""
    return np.array([value is None or value != value for value in values.tolist()], dtype=bool)  # noqa: PLR0124  # NaN


def resample(entities: np.ndarray, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights [at most CHUNK, rows] of a bootstrap that draws whole entities with replacement.

    Rows of one entity depend on each other, so they come and go together. The draw is not stratified: the number of
    rows and of each class varies as it would in another fold of the same size.
    """
    _, owner = np.unique(entities, return_inverse=True)
    count = int(owner.max()) + 1
    random = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        drawn = random.integers(0, count, size=(size, count)) + np.arange(size)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)[:, owner].astype(np.float64)


def estimate(
    statistics: Mapping[K, Statistic], entities: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[K, Estimate]:
    """Each statistic with its bootstrap draws; all see the same weights, so that differences are paired.

    `entities` [rows] names who each row is about.
    """
    if len(entities) == 0:
        return {name: Estimate(value=float("nan"), draws=np.full(resamples, np.nan)) for name in statistics}
    draws: dict[K, list[np.ndarray]] = {name: [] for name in statistics}
    for weights in resample(entities, resamples=resamples, seed=seed):
        for name, statistic in statistics.items():
            draws[name].append(statistic(weights))
    once = np.ones((1, len(entities)))
    return {
        name: Estimate(value=float(statistic(once)[0]), draws=np.concatenate(draws[name]))
        for name, statistic in statistics.items()
    }


def joint(estimates: Sequence[Estimate], alpha: float) -> list[Interval]:
    """Bounds that hold for all estimates at once with probability 1 - alpha (per side).

    Single-step max-T (Westfall & Young 1993): the largest standardised deviation of all, draw by draw, sets how wide
    each interval is; estimates that move together cost less than Bonferroni's correction would.
    """
    if not estimates:
        return []
    values = np.array([one.value for one in estimates])
    deviations = np.stack([one.draws for one in estimates], axis=1) - values
    spread = np.sqrt(np.nanmean(deviations**2, axis=0))
    standard = np.divide(deviations, spread, out=np.zeros_like(deviations), where=spread > 0)
    standard = np.nan_to_num(standard, nan=0.0)
    down = np.quantile(standard.max(axis=1), 1 - alpha) * spread
    up = np.quantile((-standard).max(axis=1), 1 - alpha) * spread
    return [
        Interval(value=float(value), low=float(value - below), high=float(value + above))
        for value, below, above in zip(values, down, up, strict=True)
    ]
