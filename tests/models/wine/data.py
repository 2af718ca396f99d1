"""Which bottles are there, and when was each tasted? Days and origins are simulated: the data set has none."""

import pandas as pd
from sklearn.datasets import load_wine

COLUMNS = ["alcohol", "malic_acid", "color_intensity", "flavanoids", "proline"]


def read(_source: str) -> pd.DataFrame:
    """The 178 bottles, mixed over 2024."""
    loaded = load_wine(as_frame=True)
    frame: pd.DataFrame = loaded.frame[COLUMNS].copy()
    frame["cultivar"] = [f"class_{number}" for number in loaded.target]
    frame["origin"] = ["north" if number % 2 else "south" for number in range(len(frame))]
    frame["bottle"] = [f"b{number}" for number in range(len(frame))]
    days = pd.Series([number * 67 % len(frame) * 2 for number in range(len(frame))])
    frame["tasted_at"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(days, unit="D")
    return frame
