"""Is a model held to what its owner says that every version must do?"""

from collections.abc import Mapping

import numpy as np

from pipelines.decisions import behaviour
from pipelines.decisions.behaviour import Example
from pipelines.decisions.statistics import Estimate, estimate
from pipelines.decisions.weighted import mean

COLUMNS = {"income": np.linspace(0, 100, 200), "shoe": np.arange(200.0) % 7}


def scored(columns: Mapping[str, np.ndarray], shoe: float = 0.0) -> np.ndarray:
    return 1 / (1 + np.exp((columns["income"] - 50) / 20 - shoe * columns["shoe"]))


def change(column: str) -> Estimate:
    values = behaviour.response(scored, COLUMNS, column)
    return estimate({"m": mean(values)}, np.arange(200), resamples=50)["m"]


def test_a_column_that_may_not_matter_and_does_not_passes():
    moved = behaviour.shuffled(scored, COLUMNS, "shoe", scale=1.0, seed=0)
    assert behaviour.invariance("shoe", moved, 200).verdict == "pass"


def test_a_column_that_may_not_matter_and_does_fails():
    moved = behaviour.shuffled(lambda columns: scored(columns, shoe=0.1), COLUMNS, "shoe", scale=1.0, seed=0)
    found = behaviour.invariance("shoe", moved, 200)
    assert found.verdict == "fail"
    assert "Take it out of the inputs" in found.message


def test_a_column_that_the_model_does_not_see_cannot_matter():
    assert behaviour.invariance("age", None, 200).verdict == "pass"


def test_an_invariance_without_rows_is_not_proven():
    assert behaviour.invariance("shoe", 0.0, 0).verdict == "insufficient"


def test_a_score_that_goes_where_it_must_passes_and_the_opposite_fails():
    moved = change("income")
    assert behaviour.direction("income", "decreasing", moved, rows=200, alpha=0.05).verdict == "pass"
    found = behaviour.direction("income", "increasing", moved, rows=200, alpha=0.05)
    assert found.verdict == "fail"
    assert "monotonic_cst" in found.message


def test_a_score_that_does_not_move_is_no_proof_against_a_direction():
    assert behaviour.direction("shoe", "increasing", change("shoe"), rows=200, alpha=0.05).verdict == "pass"


def test_a_direction_that_cannot_be_tried_lacks_evidence():
    assert behaviour.direction("city", "increasing", None, rows=200, alpha=0.05).verdict == "insufficient"


def test_an_example_that_is_decided_otherwise_fails():
    right, wrong = behaviour.examples(
        [Example(number=1, expected="paid", decided="paid"), Example(number=2, expected="paid", decided="default")]
    )
    assert (right.verdict, wrong.verdict) == ("pass", "fail")
    assert "example 2 of behaviour.py is decided 'default', must be 'paid'" in wrong.message
