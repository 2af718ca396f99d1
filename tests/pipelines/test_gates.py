"""Does each gate refuse what it must, pass what it may, and say when it cannot know?

Each has an instance of all three; what the message says and which way out it names is part of the promise.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import declaration
from pipelines.contract import Contract, Folds, Gate
from pipelines.decisions import gates
from pipelines.decisions.gates import Finding
from pipelines.decisions.statistics import Estimate

AUC = Gate(metric="roc_auc", floor=0.7, tolerance=0.01, minimum=200)
LOSS = Gate(metric="log_loss", floor=0.5, tolerance=0.01, direction="lower", minimum=200)


def around(value: float, spread: float = 0.002) -> Estimate:
    return Estimate(value=value, draws=value + np.linspace(-spread, spread, 1001))


def floor(gate: Gate, value: float, *, spread: float = 0.002, rows: int = 1000) -> Finding:
    return gates.floor(gate, around(value, spread), rows=rows, task="binary", alpha=0.05)


def comparison(gate: Gate, difference: float, *, spread: float = 0.002, rows: int = 1000) -> Finding:
    return gates.comparison(gate, around(difference, spread), other="champion", rows=rows, task="binary", alpha=0.05)


# Floor


def test_a_metric_above_its_floor_passes():
    assert floor(AUC, 0.75).verdict == "pass"


def test_a_metric_below_its_floor_fails_and_says_metric_value_interval_limit_and_what_to_do():
    found = floor(AUC, 0.65)
    assert found.verdict == "fail"
    assert (found.metric, found.value, found.limit, found.rows) == ("roc_auc", 0.65, 0.7, 1000)
    assert "roc_auc 0.65 (0.6482 to 0.6518)" in found.message
    assert "floor 0.7" in found.message
    assert "mlops train --search" in found.message


def test_the_lower_bound_decides_and_not_the_value():
    assert floor(AUC, 0.705, spread=0.001).verdict == "pass"
    assert floor(AUC, 0.705, spread=0.02).verdict == "fail"


def test_for_a_loss_the_floor_is_a_ceiling_and_the_upper_bound_decides():
    assert floor(LOSS, 0.45).verdict == "pass"
    assert floor(LOSS, 0.495, spread=0.02).verdict == "fail"
    assert "ceiling 0.5" in floor(LOSS, 0.6).message


def test_a_floor_on_too_few_rows_is_insufficient_and_says_how_many_it_takes():
    found = floor(AUC, 0.99, rows=199)
    assert found.verdict == "insufficient"
    assert "199 rows of the rarer class" in found.message
    assert "200" in found.message
    assert "minimum" in found.message


def test_a_metric_that_is_not_defined_reaches_no_floor():
    nothing = Estimate(value=float("nan"), draws=np.full(10, np.nan))
    found = gates.floor(AUC, nothing, rows=1000, task="binary", alpha=0.05)
    assert found.verdict == "fail"
    assert found.value is None


# Champion and anchor


@pytest.mark.parametrize(("gate", "better"), [(AUC, 0.02), (LOSS, -0.02)])
def test_a_better_release_passes_whatever_direction_is_good(gate: Gate, better: float):
    assert comparison(gate, better).verdict == "pass"
    assert comparison(gate, -better).verdict == "fail"


def test_an_equal_release_passes_and_a_loss_beyond_the_tolerance_fails():
    assert comparison(AUC, 0.0).verdict == "pass"
    found = comparison(AUC, -0.02)
    assert found.verdict == "fail"
    assert found.limit == -0.01
    assert "worse than the champion" in found.message
    assert "mlops compare" in found.message


def test_a_loss_that_may_exceed_the_tolerance_fails_and_asks_for_more_rows():
    found = comparison(AUC, -0.005, spread=0.02)
    assert found.verdict == "fail"
    assert "more validation rows" in found.message


def test_a_comparison_on_too_few_rows_is_insufficient():
    assert comparison(AUC, -0.5, rows=10).verdict == "insufficient"


@given(st.floats(-0.1, 0.1), st.floats(1e-5, 0.05))
def test_a_pass_always_means_that_the_bound_is_within_the_tolerance(difference: float, spread: float):
    found = comparison(AUC, difference, spread=spread)
    assert (found.verdict == "pass") == (found.low is not None and found.low >= -AUC.tolerance)


def test_without_a_champion_that_is_said_and_passes():
    assert gates.no_other("champion").verdict == "pass"
    assert "no champion" in gates.no_other("champion").message


def test_a_comparison_with_itself_is_named_as_one():
    assert "one digest" in gates.same("anchor", "the release").message


# Data contract


def test_rows_that_satisfy_the_contract_pass():
    assert gates.data_contract([], 100).verdict == "pass"


def test_rows_that_break_the_contract_fail_and_name_the_column():
    found = gates.data_contract(["age: -3 is below the minimum 0"], 100)
    assert found.verdict == "fail"
    assert "age: -3" in found.message
    assert "mlops data" in found.message


def test_no_rows_are_no_evidence():
    assert gates.data_contract([], 0).verdict == "insufficient"


# Folds

SPEC = {"validation": 0.25, "salt": "1"}


def folds(trained: dict[str, dict[str, Any]], seen: dict[str, int], rows: int = 100) -> Finding:
    return gates.folds(Folds(), trained, seen, rows)


def test_releases_trained_on_the_contracts_folds_pass():
    assert folds({"candidate": SPEC, "champion": SPEC}, {"candidate": 0, "champion": 0}).verdict == "pass"


def test_a_champion_trained_on_other_folds_is_refused_and_named():
    found = folds({"candidate": SPEC, "champion": {**SPEC, "salt": "2"}}, {})
    assert found.verdict == "fail"
    assert "the champion was trained with folds" in found.message
    assert "[folds]" in found.message


def test_a_row_that_a_release_was_trained_on_is_refused():
    found = folds({"candidate": SPEC}, {"candidate": 1})
    assert found.verdict == "fail"
    assert "1 evaluated rows" in found.message


def test_folds_of_no_rows_prove_nothing():
    assert folds({"candidate": SPEC}, {}, rows=0).verdict == "insufficient"


# Parity


def recorded(**changes: Any) -> dict[str, Any]:
    return {"difference": 1e-7, "scale": 1.0, "flips": 0, "rows": 500} | changes


def test_a_graph_that_is_its_estimator_passes():
    assert gates.parity(recorded()).verdict == "pass"


@pytest.mark.parametrize("changes", [{"difference": 2e-5}, {"flips": 1}, {"difference": 1e-5, "scale": 0.1}])
def test_a_graph_that_is_not_its_estimator_fails(changes: dict[str, Any]):
    found = gates.parity(recorded(**changes))
    assert found.verdict == "fail"
    assert "mlops train" in found.message


def test_the_difference_counts_relative_to_the_scores_scale():
    assert gates.parity(recorded(difference=1e-3, scale=200.0)).verdict == "pass"


def test_a_graph_that_nobody_compared_lacks_evidence():
    found = gates.parity(None)
    assert found.verdict == "insufficient"
    assert "mlops train" in found.message


# Server

SCORES = np.array([[0.2, 0.8], [0.6, 0.4]], dtype=np.float32)


def test_a_server_that_answers_as_the_graph_passes():
    assert gates.server(SCORES, SCORES.copy()).verdict == "pass"


def test_a_server_that_does_not_start_fails_with_what_it_said():
    found = gates.server(SCORES, None, "model.onnx has SHA-256 of something else")
    assert found.verdict == "fail"
    assert "model.onnx has SHA-256" in found.message


@pytest.mark.parametrize("answered", [SCORES + 1e-3, SCORES[:1]])
def test_a_server_that_answers_something_else_fails(answered: np.ndarray):
    assert gates.server(SCORES, answered).verdict == "fail"


def test_a_server_that_was_asked_nothing_proves_nothing():
    assert gates.server(np.empty((0, 2)), None).verdict == "insufficient"


# All together


def one(gate: str, verdict: gates.Verdict) -> Finding:
    return Finding(gate=gate, verdict=verdict, message="")


@pytest.mark.parametrize("gate", [*gates.OVERALL, *gates.BY_GROUP])
def test_one_failure_of_any_gate_refuses(gate: str):
    rules = declaration.Gates(insufficient="pass", insufficient_slices="pass")
    assert gates.overall([one("floor", "pass"), one(gate, "fail")], rules) == "fail"


@pytest.mark.parametrize("gate", gates.OVERALL)
def test_what_insufficient_means_is_the_environments_choice(gate: str):
    assert gates.overall([one(gate, "insufficient")], declaration.Gates()) == "insufficient"
    assert gates.overall([one(gate, "insufficient")], declaration.Gates(insufficient="pass")) == "pass"


@pytest.mark.parametrize("gate", gates.BY_GROUP)
def test_a_slice_that_is_too_small_passes_unless_the_environment_says_otherwise(gate: str):
    assert gates.overall([one(gate, "insufficient")], declaration.Gates()) == "pass"
    strict = declaration.Gates(insufficient_slices="fail")
    assert gates.overall([one(gate, "insufficient")], strict) == "insufficient"


def test_a_failure_weighs_more_than_missing_evidence():
    assert gates.overall([one("floor", "insufficient"), one("champion", "fail")], declaration.Gates()) == "fail"


# What a verdict depends on


def contract(**changes: Any) -> Contract:
    given: dict[str, Any] = {
        "name": "any", "task": "binary", "target": "y", "entity": "e", "event_time": "t", "label_delay_days": 1,
        "source": "", "features": [], "gates": [AUC], "owners": ["@a"],
    }  # fmt: skip
    return Contract(**(given | changes))


def digest(rules: declaration.Gates | None = None, metrics: bytes = b"", **changes: Any) -> str:
    return gates.digest(contract(**changes), rules or declaration.Gates(), {"metrics.py": metrics})


def test_the_gates_digest_changes_with_thresholds_rules_and_metrics_and_not_with_owners():
    digests = {digest(), digest(gates=[LOSS]), digest(declaration.Gates(alpha=0.01)), digest(metrics=b"x")}
    assert len(digests) == 4
    assert digest(owners=["@b"]) == digest()
