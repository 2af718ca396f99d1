"""Is what docs/estimators.md says of each estimator true?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.build import one_thread
from pipelines.contract import Contract, Feature
from pipelines.errors import InvalidInput
from pipelines.export import prove_parity, to_onnx, to_schema
from serving.graph import Graph
from serving.release import GRAPH, SCHEMA, canonical
from tests.pipelines.contracts import contract
from tests.pipelines.estimators import CASES, PAGE, Case, page


def rows() -> pd.DataFrame:
    """Columns of very different sizes, as float32 has them."""
    generator = np.random.default_rng(0)
    size = 3000
    values = {
        "small": generator.normal(size=size),
        "large": generator.normal(5e4, 3e4, size=size),
        "rank": generator.integers(0, 12, size=size),
    }
    return pd.DataFrame(
        {name: np.asarray(value, dtype=np.float32).astype(np.float64) for name, value in values.items()}
    )


def truth(frame: pd.DataFrame, task: str) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=len(frame))
    value = (frame["small"] + frame["large"] / 5e4 + frame["rank"] % 3 + noise).to_numpy()
    if task == "regression":
        return value * 40 + 100
    edges = [2.0] if task == "binary" else [1.0, 3.0]
    return np.digitize(value, edges)


def verdict(estimator: Any, declared: Contract, folder: Path, y: np.ndarray) -> str:
    frame = rows()
    columns = {name: frame[name].to_numpy(dtype=np.float32) for name in frame}
    with one_thread():
        estimator.fit(frame, y)
        (folder / SCHEMA).write_bytes(canonical(to_schema(declared)))
        try:
            (folder / GRAPH).write_bytes(to_onnx(estimator, declared))
            prove_parity(estimator, Graph(folder), declared, frame, columns)
        except InvalidInput:
            return "refused"
    return "agrees"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} ({case.task})")
def test_the_graph_of_an_estimator_agrees_or_is_refused_as_documented(case: Case, tmp_path: Path):
    features = [Feature(name=name, type="number") for name in rows()]
    found = verdict(case.build(), contract(case.task, features=features), tmp_path, truth(rows(), case.task))
    assert found == case.outcome


def test_the_page_is_made_of_these_cases():
    assert PAGE.read_text() == page(), "run `python -m tests.pipelines.estimators`"
