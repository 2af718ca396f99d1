"""Which estimator learns, and what may be searched?"""

from collections.abc import Mapping
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = ["age", "bmi", "bp", "s1", "s3", "s5", "s6"]
PARAMETERS = {"alpha": 1.0}
SEARCH_SPACE = {"alpha": [0.1, 1.0, 10.0, 100.0]}


def build(parameters: Mapping[str, Any], seed: int) -> Pipeline:
    """Ridge regression."""
    columns = ColumnTransformer(
        [
            ("sex", OneHotEncoder(categories=[["1", "2"]], handle_unknown="ignore", sparse_output=False), ["sex"]),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        ]
    )
    return Pipeline([("columns", columns), ("ridge", Ridge(random_state=seed, **parameters))])
