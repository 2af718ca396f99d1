"""Are intervals as wide as they say, paired where they must be, and joint where there are many?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.decisions.statistics import Estimate, estimate, joint, missing, resample
from pipelines.decisions.weighted import mean


def drawn(values: np.ndarray, *, seed: int = 0, resamples: int = 400) -> Estimate:
    return estimate({"mean": mean(values)}, np.arange(len(values)), resamples=resamples, seed=seed)["mean"]


def test_rows_of_one_entity_come_and_go_together():
    entities = np.array(["a", "a", "b", "c", "c"])
    for weights in resample(entities, resamples=150, seed=1):
        assert (weights[:, 0] == weights[:, 1]).all()
        assert (weights[:, 3] == weights[:, 4]).all()


@given(st.integers(1, 40), st.integers(1, 250), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_each_resample_draws_as_many_entities_as_there_are(count: int, resamples: int, seed: int):
    weights = np.concatenate(list(resample(np.arange(count), resamples=resamples, seed=seed)))
    assert weights.shape == (resamples, count)
    assert (weights.sum(axis=1) == count).all()


def test_the_same_seed_draws_the_same_and_another_seed_something_else():
    values = np.random.default_rng(0).normal(size=50)
    first, again, other = drawn(values, seed=1), drawn(values, seed=1), drawn(values, seed=2)
    assert (first.draws == again.draws).all()
    assert (first.draws != other.draws).any()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
@settings(max_examples=50, deadline=None)
def test_an_interval_lies_within_the_values_and_contains_its_own_bounds_in_order(values: list[float]):
    interval = drawn(np.array(values), resamples=100).interval(0.05)
    slack = 1e-9 * max(1.0, *(abs(value) for value in values))
    assert min(values) - slack <= interval.low <= interval.high <= max(values) + slack
    assert interval.value == pytest.approx(np.mean(values), abs=slack)


def test_a_bound_is_wrong_about_as_often_as_it_says():
    samples = [np.random.default_rng(seed).normal(size=200) for seed in range(300)]
    wrong = [drawn(sample, seed=seed).interval(0.1).low > 0 for seed, sample in enumerate(samples)]
    assert 0.06 <= np.mean(wrong) <= 0.15


def test_the_difference_of_a_metric_with_itself_is_exactly_nothing():
    values = np.random.default_rng(0).normal(size=100)
    both = estimate({"a": mean(values), "b": mean(values)}, np.arange(100), resamples=100)
    interval = (both["a"] - both["b"]).interval(0.05)
    assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_a_paired_difference_is_far_narrower_than_its_two_sides():
    random = np.random.default_rng(0)
    common = random.normal(size=500)
    both = estimate({"a": mean(common + 0.01), "b": mean(common)}, np.arange(500))
    interval = (both["a"] - both["b"]).interval(0.05)
    assert interval.low == pytest.approx(interval.high) == pytest.approx(0.01)


def test_repeated_rows_of_an_entity_widen_the_interval_they_do_not_narrow_it():
    values = np.random.default_rng(0).normal(size=100)
    once = estimate({"m": mean(values)}, np.arange(100))["m"].interval(0.05)
    tenfold = estimate({"m": mean(np.repeat(values, 10))}, np.repeat(np.arange(100), 10))["m"].interval(0.05)
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=0.05)


def test_joint_bounds_are_all_right_at_once_as_often_as_they_say():
    wrong = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        statistics = {index: mean(random.normal(size=200)) for index in range(12)}
        estimates = estimate(statistics, np.arange(200), resamples=300, seed=seed)
        wrong += any(interval.low > 0 for interval in joint(list(estimates.values()), 0.1))
    assert wrong / 150 <= 0.18


def test_one_estimate_alone_is_judged_as_if_there_were_no_others():
    values = np.random.default_rng(3).normal(size=400)
    alone, single = joint([drawn(values)], 0.05)[0], drawn(values).interval(0.05)
    assert alone.low == pytest.approx(single.low, abs=0.02)
    assert alone.high == pytest.approx(single.high, abs=0.02)


def test_the_same_estimate_many_times_costs_nothing():
    one = drawn(np.random.default_rng(3).normal(size=400))
    among_many, alone = joint([one] * 20, 0.05)[7], joint([one], 0.05)[0]
    assert (among_many.low, among_many.high) == pytest.approx((alone.low, alone.high))


@given(st.integers(2, 12))
@settings(max_examples=10, deadline=None)
def test_more_estimates_never_narrow_joint_bounds(count: int):
    random = np.random.default_rng(count)
    estimates = list(
        estimate({i: mean(random.normal(size=80)) for i in range(count)}, np.arange(80), resamples=200).values()
    )
    few, many = joint(estimates[:1], 0.05)[0], joint(estimates, 0.05)[0]
    assert many.low <= few.low
    assert many.high >= few.high


def test_no_rows_give_no_number_and_no_error():
    nothing = estimate({"m": mean(np.array([]))}, np.array([]), resamples=10)["m"]
    assert np.isnan(nothing.value)
    assert np.isnan(nothing.interval(0.05).low)


def test_none_and_nan_are_missing_and_an_empty_text_is_not():
    assert missing(np.array(["a", None, float("nan"), ""], dtype=object)).tolist() == [False, True, True, False]
