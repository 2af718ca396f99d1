"""Which figures are asked for, beyond the standard ones?"""

import numpy as np
import pandas as pd


def metrics(y: np.ndarray, score: np.ndarray, frame: pd.DataFrame) -> dict[str, float]:
    """The share of strong wines that are decided right."""
    strong = frame["alcohol"].to_numpy() > 13
    return {"accuracy_of_strong": float(np.mean(score.argmax(axis=1)[strong] == y[strong])) if strong.any() else 0.0}
