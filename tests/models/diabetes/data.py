"""Which patients are there, and when was each seen? The days are simulated: the data set has none."""

import pandas as pd
from sklearn.datasets import load_diabetes


def read(_source: str) -> pd.DataFrame:
    """The 442 patients, spread over 2024 in the order of the data set."""
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    frame = frame.rename(columns={"target": "progression"})
    frame["sex"] = frame["sex"].astype(int).astype(str)
    frame["patient"] = [f"p{number}" for number in range(len(frame))]
    days = pd.Series([number * 365 // len(frame) for number in range(len(frame))])
    frame["seen_at"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(days, unit="D")
    return frame
