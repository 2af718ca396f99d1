"""How good are these scores? The standard metrics of each task, the same in training, gates and monitoring."""

import numpy as np

from pipelines.contract import Contract, Decision

FLOOR = 1e-15


def standard_metrics(contract: Contract, y: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """The metrics that every model of the contract's task has; NaN where the rows do not define one.

    `y` is the class index or the value [rows]; `score` is [rows] (binary: of the positive class; regression) or
    [rows, classes]. Raises ValueError on no rows.
    """
    if not len(y):
        raise ValueError("no rows: there is nothing to measure")
    score = np.asarray(score, dtype=np.float64)
    if contract.task == "binary":
        return binary(y, score, contract.decision)
    if contract.task == "multiclass":
        return multiclass(y, score)
    return regression(np.asarray(y, dtype=np.float64), score)


def binary(y: np.ndarray, score: np.ndarray, decision: Decision) -> dict[str, float]:
    """Ranking, calibration and decisions; `expected_cost` is per row, by the costs of the contract."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    both = bool(np.any(y == 0) and np.any(y == 1))
    decided = score >= decision.threshold
    return {
        "roc_auc": float(roc_auc_score(y, score)) if both else float("nan"),
        "average_precision": float(average_precision_score(y, score)) if both else float("nan"),
        "log_loss": log_loss(y, np.column_stack([1 - score, score])),
        "brier": float(np.mean((score - y) ** 2)),
        "accuracy": float(np.mean(decided == (y == 1))),
        "expected_cost": float(np.mean(cost(y, decided, decision))),
        "selection_rate": float(np.mean(decided)),
    }


def multiclass(y: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """Decisions by the largest probability; `macro_f1` is the mean over the classes that occur."""
    from sklearn.metrics import f1_score

    decided = score.argmax(axis=1)
    return {
        "accuracy": float(np.mean(decided == y)),
        "log_loss": log_loss(y, score),
        "macro_f1": float(f1_score(y, decided, average="macro", zero_division=0.0)),
    }


def regression(y: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """In the target's unit, except `r2`, which is NaN for a constant target."""
    error, spread = score - y, float(np.sum((y - y.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": 1 - float(np.sum(error**2)) / spread if spread else float("nan"),
    }


def log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln(probability of the true class), probabilities [rows, classes] kept away from 0."""
    truth = probabilities[np.arange(len(y)), np.asarray(y, dtype=int)]
    return float(-np.mean(np.log(np.clip(truth, FLOOR, 1.0))))


def cost(y: np.ndarray, decided: np.ndarray, decision: Decision) -> np.ndarray:
    """What each row's decision costs [rows]: 0 when it is right."""
    return np.where(decided, (y == 0) * decision.false_positive, (y == 1) * decision.false_negative)
