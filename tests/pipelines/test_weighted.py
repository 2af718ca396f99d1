"""Is a metric under weights the metric of rows that are repeated so often?"""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.contract import Contract, Decision
from pipelines.decisions.metrics import standard_metrics
from pipelines.decisions.statistics import estimate
from pipelines.decisions.weighted import fast, roc_auc


def contract(task: str) -> Contract:
    return Contract(
        name="any", task=task, target="y", entity="e", event_time="t", label_delay_days=1, source="", features=[],
        gates=[], owners=[], classes={"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "regression": []}[task],
        decision=Decision(threshold=0.3, false_positive=1, false_negative=4),
    )  # fmt: skip


def rows(task: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    if task == "binary":
        return random.integers(0, 2, count), np.round(random.random(count), 1)  # rounded: with ties
    if task == "multiclass":
        raw = random.random((count, 3)) + 0.01
        return random.integers(0, 3, count), raw / raw.sum(axis=1, keepdims=True)
    return random.normal(1000, 1, count), random.normal(1000, 1, count)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_standard_metric_has_a_fast_way(task: str):
    y, score = rows(task, 30, 0)
    assert set(fast(contract(task))) == set(standard_metrics(contract(task), y, score))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@given(count=st.integers(2, 40), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_weights_count_as_repeated_rows(task: str, count: int, seed: int):
    y, score = rows(task, count, seed)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count)).astype(float)
    chosen = np.repeat(np.arange(count), weights.astype(int))
    expected = standard_metrics(contract(task), y[chosen], score[chosen])
    for name, prepare in fast(contract(task)).items():
        found = prepare(y, score)(weights[None, :])[0]
        assert found == pytest.approx(expected[name], rel=1e-6, abs=1e-9, nan_ok=True), name


def test_a_thousand_resamples_of_a_large_fold_take_seconds():
    random = np.random.default_rng(0)
    y, score = random.integers(0, 2, 7500), random.random(7500)
    started = time.process_time()
    estimate({"auc": roc_auc(y, score)}, np.arange(7500), resamples=1000)
    assert time.process_time() - started < 5  # about 0.5 s alone; process time, since tests share the machine
