"""Which estimator learns, and what may be searched?"""

from collections.abc import Mapping
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

EDUCATION = ["graduate school", "high school", "others", "undocumented", "university"]
NUMBERS = [
    "LIMIT_BAL", "PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6",
    "BILL_AMT1", "BILL_AMT2", "BILL_AMT3", "BILL_AMT4", "BILL_AMT5", "BILL_AMT6",
    "PAY_AMT1", "PAY_AMT2", "PAY_AMT3", "PAY_AMT4", "PAY_AMT5", "PAY_AMT6",
]  # fmt: skip

PARAMETERS = {
    "learning_rate": 0.06,
    "max_iter": 120,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 60,
    "l2_regularization": 1.0,
}
SEARCH_SPACE = {
    "learning_rate": [0.03, 0.06, 0.1],
    "max_iter": [80, 120, 200],
    "max_leaf_nodes": [7, 15, 31],
    "min_samples_leaf": [30, 60, 120],
    "l2_regularization": [0.1, 1.0, 10.0],
}


def build(parameters: Mapping[str, Any], seed: int) -> Pipeline:
    """Boosted trees on the raw amounts (unscaled, so that ONNX splits where they do) and one-hot education.

    A higher limit never raises the risk, all else equal: the bank has judged the client when it set the limit.
    """
    columns = ColumnTransformer(
        [
            (
                "education",
                OneHotEncoder(categories=[EDUCATION], handle_unknown="ignore", sparse_output=False),
                ["EDUCATION"],
            ),
            ("numbers", "passthrough", NUMBERS),
        ]
    )
    falling = [0] * len(EDUCATION) + [-1 if name == "LIMIT_BAL" else 0 for name in NUMBERS]
    trees = HistGradientBoostingClassifier(monotonic_cst=falling, early_stopping=False, random_state=seed, **parameters)
    return Pipeline([("columns", columns), ("trees", trees)])
