"""What is each standard metric under many row weightings at once? The fast half of the bootstrap.

Each function takes the truth and the float64 score of the rows once (sorting there, when it must) and returns a
statistic. `metrics.py` is the definition; a test holds both equal on weights that repeat rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.contract import Contract, Decision
from pipelines.decisions.metrics import FLOOR, cost
from pipelines.decisions.statistics import Statistic

Prepare = Callable[[np.ndarray, np.ndarray], Statistic]


def mean(values: np.ndarray) -> Statistic:
    """The mean of one value per row."""
    values = values.astype(np.float64)
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def roc_auc(y: np.ndarray, score: np.ndarray) -> Statistic:
    """The probability that a positive row scores above a negative one, ties half (Mann-Whitney)."""
    ranking = ranked(y, score)

    def statistic(weights: np.ndarray) -> np.ndarray:
        positives, everything = ranking.cumulated(weights)
        negatives = everything - positives
        below = negatives.copy()
        below[:, 1:] += negatives[:, :-1]
        area = (np.diff(positives, axis=1, prepend=0.0) * below).sum(axis=1) / 2
        return ratio(area, positives[:, -1] * negatives[:, -1])

    return statistic


def average_precision(y: np.ndarray, score: np.ndarray) -> Statistic:
    """Precision at each threshold, weighted by the recall that it adds."""
    ranking = ranked(y, -score)

    def statistic(weights: np.ndarray) -> np.ndarray:
        hits, selected = ranking.cumulated(weights)
        added = np.diff(hits, axis=1, prepend=0.0)
        both = hits[:, -1] < selected[:, -1]  # of rows that are all positive, no ranking can be good or bad
        return ratio((added * ratio(hits, selected, empty=0.0)).sum(axis=1), hits[:, -1] * both)

    return statistic


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Rows by ascending score, which of them are positive, and where each group of equal scores ends."""

    order: np.ndarray
    positive: np.ndarray
    ends: np.ndarray

    def cumulated(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of positive and of all rows up to and with each group, [resamples, groups]."""
        by_rank = weights[:, self.order]
        everything, positives = np.cumsum(by_rank, axis=1), np.cumsum(by_rank * self.positive, axis=1)
        if len(self.ends) == len(self.order):
            return positives, everything
        return positives[:, self.ends], everything[:, self.ends]


def ranked(y: np.ndarray, score: np.ndarray) -> Ranking:
    """The rows ranked by score."""
    order = np.argsort(score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=np.nan) != 0)
    return Ranking(order=order, positive=(y[order] == 1).astype(np.float64), ends=ends)


def log_loss(y: np.ndarray, score: np.ndarray) -> Statistic:
    """The mean of -ln of the probability given to the true class; score [rows] (binary) or [rows, classes]."""
    given = np.where(y == 1, score, 1 - score) if score.ndim == 1 else score[np.arange(len(y)), y]
    return mean(-np.log(np.clip(given, FLOOR, 1.0)))


def macro_f1(y: np.ndarray, score: np.ndarray) -> Statistic:
    """The mean of 2 TP / (2 TP + FP + FN) over the classes that somebody has or gets; score [rows, classes]."""
    decided = score.argmax(axis=1)
    classes = range(score.shape[1])
    hits = np.stack([(y == one) & (decided == one) for one in classes], axis=1).astype(np.float64)
    named = np.stack([(y == one).astype(np.float64) + (decided == one) for one in classes], axis=1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        named_weights = weights @ named
        present = named_weights > 0
        return ratio(ratio(2 * (weights @ hits), named_weights, empty=0.0).sum(axis=1), present.sum(axis=1))

    return statistic


def rmse(y: np.ndarray, score: np.ndarray) -> Statistic:
    """The root of the mean squared error."""
    squared = mean((y - score) ** 2)
    return lambda weights: np.sqrt(squared(weights))


def r2(y: np.ndarray, score: np.ndarray) -> Statistic:
    """1 - squared error / variance of the truth."""
    centred = y - y.mean() if len(y) else y  # a far mean would cancel the digits of the variance
    error, first, second = mean((y - score) ** 2), mean(centred), mean(centred**2)
    return lambda weights: 1 - ratio(error(weights), second(weights) - first(weights) ** 2)


def expected_cost(decision: Decision) -> Prepare:
    """The mean cost of the decisions per row, as the contract prices wrong ones."""
    return lambda y, score: mean(cost(y, score >= decision.threshold, decision))


def fast(contract: Contract) -> dict[str, Prepare]:
    """The metrics of the contract's task that need no call per resample, by name."""
    threshold = contract.decision.threshold
    if contract.task == "binary":
        return {
            "roc_auc": roc_auc,
            "average_precision": average_precision,
            "log_loss": log_loss,
            "brier": lambda y, score: mean((score - y) ** 2),
            "accuracy": lambda y, score: mean((score >= threshold) == (y == 1)),
            "expected_cost": expected_cost(contract.decision),
            "selection_rate": lambda _, score: mean(score >= threshold),
        }
    if contract.task == "multiclass":
        return {
            "accuracy": lambda y, score: mean(score.argmax(axis=1) == y),
            "log_loss": log_loss,
            "macro_f1": macro_f1,
        }
    return {"mae": lambda y, score: mean(np.abs(y - score)), "rmse": rmse, "r2": r2}


def ratio(above: np.ndarray, below: np.ndarray, *, empty: float = float("nan")) -> np.ndarray:
    """`above` / `below`, and `empty` where `below` is 0."""
    return np.divide(above, below, out=np.full(np.shape(above), empty), where=below != 0)
