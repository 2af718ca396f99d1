"""Which estimators agree with their ONNX graphs? The cases that are tried, and docs/estimators.md made of them.

`python -m tests.pipelines.estimators` writes the page again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PAGE = Path(__file__).resolve().parents[2] / "docs/estimators.md"
Outcome = Literal["agrees", "refused"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """An estimator, the kind of task, what is known of its graph, and the way out where it is refused."""

    name: str
    build: Callable[[], Any]
    task: Literal["binary", "multiclass", "regression"]
    outcome: Outcome
    instead: str = ""


CASES = [
    Case(name="LogisticRegression behind StandardScaler", task="binary", outcome="agrees",
         build=lambda: make_pipeline(StandardScaler(), LogisticRegression())),
    Case(name="LogisticRegression behind StandardScaler", task="multiclass", outcome="agrees",
         build=lambda: make_pipeline(StandardScaler(), LogisticRegression())),
    Case(name="HistGradientBoostingClassifier", task="binary", outcome="agrees",
         build=lambda: HistGradientBoostingClassifier(max_iter=30, random_state=0)),
    Case(name="HistGradientBoostingClassifier", task="multiclass", outcome="agrees",
         build=lambda: HistGradientBoostingClassifier(max_iter=30, random_state=0)),
    Case(name="LGBMClassifier", task="binary", outcome="agrees",
         build=lambda: LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1, random_state=0)),
    Case(name="LGBMClassifier", task="multiclass", outcome="agrees",
         build=lambda: LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1, random_state=0)),
    Case(name="RandomForestClassifier", task="binary", outcome="agrees",
         build=lambda: RandomForestClassifier(n_estimators=30, random_state=0)),
    Case(name="ExtraTreesClassifier", task="multiclass", outcome="agrees",
         build=lambda: ExtraTreesClassifier(n_estimators=30, random_state=0)),
    Case(name="GradientBoostingClassifier", task="binary", outcome="agrees",
         build=lambda: GradientBoostingClassifier(n_estimators=30, random_state=0)),
    Case(name="MLPClassifier behind StandardScaler", task="binary", outcome="agrees",
         build=lambda: make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=50, random_state=0))),
    Case(name="CalibratedClassifierCV, sigmoid", task="binary", outcome="agrees",
         build=lambda: CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=30, random_state=0))),
    Case(name="Ridge behind StandardScaler", task="regression", outcome="agrees",
         build=lambda: make_pipeline(StandardScaler(), Ridge())),
    Case(name="ElasticNet behind StandardScaler", task="regression", outcome="agrees",
         build=lambda: make_pipeline(StandardScaler(), ElasticNet(alpha=0.1))),
    Case(name="HistGradientBoostingRegressor", task="regression", outcome="agrees",
         build=lambda: HistGradientBoostingRegressor(max_iter=30, random_state=0)),
    Case(name="LGBMRegressor", task="regression", outcome="agrees",
         build=lambda: LGBMRegressor(n_estimators=30, n_jobs=1, verbose=-1, random_state=0)),
    Case(name="RandomForestRegressor", task="regression", outcome="agrees",
         build=lambda: RandomForestRegressor(n_estimators=30, random_state=0)),
    Case(name="HistGradientBoostingClassifier behind StandardScaler", task="binary", outcome="refused",
         instead="leave the inputs of trees unscaled",
         build=lambda: make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=30, random_state=0))),
    Case(name="HistGradientBoostingClassifier, `categorical_features`", task="binary", outcome="refused",
         instead="OneHotEncoder before it",
         build=lambda: HistGradientBoostingClassifier(max_iter=30, categorical_features=["rank"], random_state=0)),
    Case(name="CalibratedClassifierCV, isotonic", task="binary", outcome="refused",
         instead='`method="sigmoid"`',
         build=lambda: CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=30), method="isotonic")),
]  # fmt: skip


def page() -> str:
    """docs/estimators.md"""
    lines = [
        "# Estimators and their ONNX graphs",
        "",
        "`mlops train` compares each fitted estimator with its graph on every validation row and refuses a difference",
        "above 1e-5 of the score's scale, or a changed decision. Any estimator that passes may be released; these were",
        "tried, with number columns of very different sizes, by `tests/pipelines/test_estimators.py`.",
        "",
        "| estimator | task | graph | use instead |",
        "| --- | --- | --- | --- |",
        *(f"| {case.name} | {case.task} | {case.outcome} | {case.instead} |" for case in CASES),
        "",
        "Text columns: `OneHotEncoder(sparse_output=False)` in a `ColumnTransformer`. Without a converter, and so",
        "refused: own transformers in Python, `FrozenEstimator`, Fairlearn's `ThresholdOptimizer` and",
        "`ExponentiatedGradient` (the best predictor of its `GridSearch` converts).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
