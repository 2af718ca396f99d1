"""Are the standard metrics what their names say?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contract import Decision
from pipelines.decisions.metrics import standard_metrics
from tests.pipelines.contracts import contract


def test_binary_metrics_of_a_small_example():
    found = standard_metrics(contract("binary"), np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))
    assert found["roc_auc"] == 0.75
    assert found["accuracy"] == 0.5
    assert found["selection_rate"] == 0.5
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.9])))


def test_the_expected_cost_weighs_the_two_mistakes_as_the_contract_does():
    priced = contract("binary", decision=Decision(threshold=0.5, false_positive=1.0, false_negative=7.0))
    found = standard_metrics(priced, np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))
    assert found["expected_cost"] == (1.0 + 7.0) / 4


def test_a_score_on_the_threshold_decides_for_the_positive_class_as_the_server_does():
    found = standard_metrics(contract("binary"), np.array([1, 0]), np.array([0.5, 0.1]))
    assert found["accuracy"] == 1.0


def test_rows_of_one_class_have_no_ranking_but_all_else():
    found = standard_metrics(contract("binary"), np.array([0, 0]), np.array([0.1, 0.2]))
    assert math.isnan(found["roc_auc"])
    assert found["accuracy"] == 1.0


def test_multiclass_metrics_of_a_small_example():
    score = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]])
    found = standard_metrics(contract("multiclass"), np.array([0, 1, 2]), score)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.7, 0.8, 0.2])))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_regression_metrics_of_a_small_example():
    found = standard_metrics(contract("regression"), np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0]))
    assert found["mae"] == pytest.approx(2 / 3)
    assert found["rmse"] == pytest.approx(math.sqrt(4 / 3))
    assert found["r2"] == pytest.approx(1 - 4 / 2)


def test_a_certain_mistake_costs_much_but_not_infinity():
    assert math.isfinite(standard_metrics(contract("binary"), np.array([1, 0]), np.array([0.0, 1.0]))["log_loss"])


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        standard_metrics(contract("binary"), np.array([]), np.array([]))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=50))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[bool, float]]):
    y, score = np.array([int(truth) for truth, _ in rows]), np.array([value for _, value in rows])
    forward, backward = (standard_metrics(contract("binary"), y[::step], score[::step]) for step in (1, -1))
    assert forward == pytest.approx(backward, nan_ok=True)
