"""Which estimator learns, and what may be searched?"""

from collections.abc import Mapping
from typing import Any

from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

NUMBERS = ["alcohol", "malic_acid", "color_intensity", "flavanoids", "proline"]
PARAMETERS = {"n_estimators": 30, "num_leaves": 7, "min_child_samples": 5, "learning_rate": 0.1}
SEARCH_SPACE = {"n_estimators": [10, 30], "num_leaves": [3, 7]}


def build(parameters: Mapping[str, Any], seed: int) -> Pipeline:
    """Boosted trees on the raw measures."""
    columns = ColumnTransformer(
        [
            ("origin", OneHotEncoder(categories=[["north", "south"]], sparse_output=False), ["origin"]),
            ("numbers", "passthrough", NUMBERS),
        ]
    )  # fmt: skip
    columns.set_output(transform="pandas")
    gains = [0, 0, *(1 for _ in NUMBERS)]  # no split on an origin pays, so that it changes no score (behaviour.py)
    trees = LGBMClassifier(random_state=seed, verbose=-1, feature_contri=gains, **parameters)
    return Pipeline([("columns", columns), ("trees", trees)])
