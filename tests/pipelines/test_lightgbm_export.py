"""Does a graph of LightGBM take every branch as LightGBM does, at values that lie on a threshold, too?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightgbm import LGBMClassifier, LGBMRegressor

from pipelines.contract import Feature
from pipelines.export import prove_parity, to_onnx, to_schema
from pipelines.lightgbm_export import not_above
from serving.graph import Graph
from serving.release import GRAPH, SCHEMA, canonical
from tests.pipelines.contracts import contract

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(threshold=st.floats(min_value=-1e38, max_value=1e38), value=FINITE)
def test_a_rounded_threshold_divides_all_float32_as_before(threshold: float, value: float):
    assert (value <= threshold) == (value <= not_above(threshold))


@given(value=FINITE, between=st.floats(min_value=0.0, max_value=1.0))
def test_a_threshold_close_to_a_value_leaves_it_on_its_side(value: float, between: float):
    after = float(np.nextafter(np.float32(value), np.float32(np.inf)))
    threshold = value + (after - value) * between
    for one in (value, after):
        assert (one <= threshold) == (one <= not_above(threshold))


def on_thresholds(step: float) -> pd.DataFrame:
    """Measures with one decimal; a threshold between two that are `step` apart is a measure itself."""
    values = np.arange(0.1, 60.0, step).astype(np.float32).astype(np.float64)
    return pd.DataFrame({"a": values})


@pytest.mark.parametrize(("task", "kind"), [("binary", LGBMClassifier), ("regression", LGBMRegressor)])
def test_measures_on_a_threshold_are_scored_as_by_the_estimator(task: str, kind: Any, tmp_path: Path):
    declared = contract(task, features=[Feature(name="a", type="number")])
    seen, asked = on_thresholds(0.2), on_thresholds(0.1)
    y = np.sin(seen["a"].to_numpy())
    trees = kind(n_estimators=20, min_child_samples=1, min_data_in_bin=1, verbose=-1)
    trees.fit(seen, y > 0 if task == "binary" else y)
    (tmp_path / GRAPH).write_bytes(to_onnx(trees, declared))
    (tmp_path / SCHEMA).write_bytes(canonical(to_schema(declared)))
    assert prove_parity(trees, Graph(tmp_path), declared, asked, {"a": asked["a"].to_numpy(np.float32)}).holds()
