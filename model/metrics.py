"""Which figures does a lender ask for, beyond the standard ones?"""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

REFUSED = 0.1


def metrics(y: np.ndarray, score: np.ndarray, frame: pd.DataFrame) -> dict[str, float]:
    """Kolmogorov-Smirnov distance, Gini, and two figures on the tenth of the clients that looks worst.

    `y` is 1 for a default, `score` its predicted probability; `frame` has LIMIT_BAL (NT$).
    """
    false_positive, true_positive, _ = roc_curve(y, score)
    worst = np.argsort(-score, kind="stable")[: max(1, int(len(score) * REFUSED))]
    limits = frame["LIMIT_BAL"].to_numpy(dtype=float)
    lost = limits * y
    return {
        "ks": float(np.max(true_positive - false_positive)),
        "gini": float(2 * np.trapezoid(true_positive, false_positive) - 1),
        "default_rate_of_worst_tenth": float(np.mean(y[worst])),
        "share_of_defaulted_limits_in_worst_tenth": float(lost[worst].sum() / max(lost.sum(), 1.0)),
    }
