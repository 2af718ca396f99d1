"""Does the drift verdict find what is there, stay quiet when nothing is, and say when it cannot know?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.decisions.drift import (
    Bins,
    Limits,
    difference,
    judge_drift,
    judge_missing,
    number_bins,
    pool,
    psi,
    psi_interval,
    value_bins,
    where,
    wilson,
)

LIMITS = Limits(distance=0.1, missing=0.05, minimum=200, alpha=0.05)
REFERENCE = [1000] * 10
COUNTS = st.lists(st.integers(0, 5000), min_size=2, max_size=12)


def bins(live: list[int], reference: list[int] = REFERENCE) -> Bins:
    return number_bins([float(edge) for edge in range(len(reference) - 1)], reference, live)


def judged(live: list[int], **limits: object):
    return judge_drift("data-drift", "age", bins(live), size=sum(live), limits=Limits(**{**vars(LIMITS), **limits}))


def test_the_same_shares_are_no_drift():
    assert judged([100] * 10).verdict == "ok"


def test_a_moved_population_is_a_drift_and_the_bin_that_grew_most_is_named():
    finding = judged([20, 20, 20, 20, 20, 100, 100, 100, 100, 500])
    assert finding.verdict == "drift"
    assert finding.low is not None
    assert finding.low > LIMITS.distance
    assert finding.part.value == "from 8 on"
    assert "10.0% of the reference, 50.0% live" in finding.message


def test_fewer_rows_than_the_minimum_are_insufficient_and_the_message_says_how_many_are_needed():
    finding = judged([0] * 9 + [199])
    assert finding.verdict == "insufficient"
    assert "at least 200 are needed" in finding.message


def test_an_interval_on_both_sides_of_the_limit_is_insufficient_and_says_how_many_more_rows_decide():
    finding = judged([35, 25, 20, 20, 20, 20, 20, 20, 25, 15], distance=0.02)
    assert finding.verdict == "insufficient"
    assert "more rows decide" in finding.message


def test_a_proven_but_irrelevant_change_in_a_million_rows_is_no_drift():
    live = [101_000, 99_000] * 5
    value, low, _ = psi_interval(np.array([1_000_000] * 10), np.array(live), size=1_000_000, alpha=0.05)
    assert low > 0  # it is there
    finding = judge_drift("data-drift", "age", bins(live, [1_000_000] * 10), size=1_000_000, limits=LIMITS)
    assert finding.verdict == "ok"
    assert value < 0.001


def test_many_rows_of_few_entities_count_as_few():
    live = bins([20, 20, 20, 20, 20, 100, 100, 100, 100, 500])
    assert judge_drift("data-drift", "age", live, size=1000, limits=LIMITS).verdict == "drift"
    assert judge_drift("data-drift", "age", live, size=150, limits=LIMITS).verdict == "insufficient"


def test_a_frequent_new_value_of_a_text_column_is_a_drift():
    live = value_bins({"a": 6000, "b": 4000}, {"a": 300, "b": 200, "c": 200})
    finding = judge_drift("data-drift", "plan", live, size=700, limits=LIMITS)
    assert finding.verdict == "drift"
    assert finding.part.value == "c"


def test_a_value_that_disappeared_is_a_drift():
    live = value_bins({"a": 5000, "b": 5000}, {"a": 500})
    finding = judge_drift("data-drift", "plan", live, size=500, limits=LIMITS)
    assert finding.verdict == "drift"


def test_fewer_than_one_in_twenty_watches_over_twenty_unchanged_columns_alarms():
    random = np.random.default_rng(7)
    strict = Limits(distance=1e-9, missing=0.05, minimum=200, alpha=0.05, comparisons=20)  # the null, no effect size
    alarms = 0
    for _ in range(150):
        shares = random.dirichlet(np.full(10, 5.0), size=20)
        found = [
            judge_drift(
                "data-drift", "x", bins(random.multinomial(500, p).tolist(), random.multinomial(20_000, p).tolist()),
                size=500, limits=strict,
            ).verdict
            for p in shares
        ]  # fmt: skip
        alarms += "drift" in found
    assert alarms / 150 < 0.05


@pytest.mark.parametrize("tilt", [0.3, 0.6, 1.2])
@pytest.mark.parametrize("rows", [400, 4000])
def test_the_interval_covers_the_true_distance_as_often_as_it_claims(tilt: float, rows: int):
    random = np.random.default_rng(11)
    x = np.linspace(-1, 1, 10)
    p = np.full(10, 0.1)
    q = p * np.exp(tilt * x) / (p * np.exp(tilt * x)).sum()
    true = float(((q - p) * np.log(q / p)).sum())
    covered = 0
    for _ in range(200):
        live, reference = random.multinomial(rows, q), random.multinomial(10_000, p)
        _, low, high = psi_interval(reference, live, size=rows, alpha=0.1)
        covered += low <= true <= high
    assert covered / 200 > 0.86  # 0.9 less two standard errors of 200 draws


@given(COUNTS, COUNTS)
def test_the_distance_is_symmetric_and_never_negative(one: list[int], other: list[int]):
    size = min(len(one), len(other))
    a, b = np.array(one[:size]), np.array(other[:size])
    assert psi(a, b) >= 0
    assert psi(a, b) == pytest.approx(psi(b, a))


@settings(deadline=None)
@given(COUNTS, COUNTS, st.floats(1e-6, 0.4))
def test_an_estimate_lies_in_its_interval(one: list[int], other: list[int], alpha: float):
    size = min(len(one), len(other))
    value, low, high = psi_interval(np.array(one[:size]), np.array(other[:size]), size=sum(other[:size]), alpha=alpha)
    assert 0 <= low <= value + 1e-9
    assert value <= high + 1e-9


@given(COUNTS, COUNTS, st.booleans())
def test_pooling_loses_no_row(one: list[int], other: list[int], ordered: bool):
    size = min(len(one), len(other))
    made = Bins(
        labels=tuple(str(index) for index in range(size)), reference=np.array(one[:size]), live=np.array(other[:size]),
        ordered=ordered,
    )  # fmt: skip
    pooled = pool(made, max(sum(other[:size]), 1))
    assert pooled.reference.sum() == sum(one[:size])
    assert pooled.live.sum() == sum(other[:size])
    assert len(pooled.labels) == len(pooled.live) == len(pooled.reference) >= 1


def test_pooled_neighbours_have_a_name_that_a_person_can_read():
    pooled = pool(bins([100, 100, 1, 0, 0], [500, 500, 1, 1, 1]), 200)
    assert pooled.labels == ("below 0", "from 0 on")


def test_more_missing_values_than_the_limit_are_a_drift():
    finding = judge_missing("income", reference=(100, 10_000), live=(150, 1000), size=1000, limits=LIMITS)
    assert finding.verdict == "drift"
    assert "1.0% missing at training, 15.0% live" in finding.message


def test_an_unchanged_share_of_missing_values_is_ok():
    finding = judge_missing("income", reference=(100, 10_000), live=(12, 1000), size=1000, limits=LIMITS)
    assert finding.verdict == "ok"


def test_missing_values_of_few_rows_are_insufficient():
    finding = judge_missing("income", reference=(0, 10_000), live=(50, 100), size=100, limits=LIMITS)
    assert finding.verdict == "insufficient"


def test_wilsons_interval_is_the_published_one():
    low, high = wilson(0.1, 100, 0.05)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)


def test_newcombes_interval_is_the_published_one():
    low, high = difference((56 / 70, 70), (48 / 80, 80), alpha=0.05)  # Newcombe 1998, table II (a), method 10
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_a_bin_of_a_column_with_few_values_is_called_by_its_value():
    made = number_bins([0, 1, 2], [0, 500, 400, 100], [0, 100, 100, 300], discrete=True)
    assert made.labels == ("below 0", "0", "1", "from 2 on")


def test_the_bins_behind_a_finding_can_be_looked_up():
    assert where(bins([50, 50, 50, 150, 2, 1, 1], [100, 100, 100, 100, 1, 1, 1]), 304) == [3, 4, 5, 6]
