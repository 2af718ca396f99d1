"""Is a candidate sent back by proof only, let on by proof only, and told otherwise how long to wait?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.declaration import Endpoint, Rollout, Traffic
from pipelines.decisions.failures import Counts, difference, wilson
from pipelines.decisions.latency import p95
from pipelines.decisions.rollout import destination, judge, moves, share
from pipelines.decisions.trial import Baseline, Evidence, Group, Mirror, Shift
from tests.pipelines.trials import DECLARED, canary, group, shift, watched

RANK = {"go": 0, "hold": 1, "back": 2}
A, B = "a" * 64, "b" * 64


def verdict(evidence: Evidence) -> str:
    return judge(evidence, DECLARED).verdict


def finding(evidence: Evidence, metric: str) -> str:
    return next(one.verdict for one in judge(evidence, DECLARED).findings if one.metric == metric)


# The intervals against published values


def test_wilson_and_newcombe_give_the_values_of_their_papers() -> None:
    """Newcombe 1998, table II: 56/70 - 48/80 is 0.2000 (0.0524 to 0.3339) by method 10."""
    one, other = wilson(56, 70, 0.025), wilson(48, 80, 0.025)
    found = difference(one, other)
    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)


def test_a_difference_of_two_zeros_has_an_interval() -> None:
    """Newcombe 1998, table II: 0/10 - 0/10 is 0 (-0.2775 to 0.2775) by method 10."""
    found = difference(wilson(0, 10, 0.025), wilson(0, 10, 0.025))
    assert (round(found.low, 4), round(found.high, 4)) == (-0.2775, 0.2775)


def test_the_bounds_of_a_percentile_cover_it_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    bounds = [p95(random.uniform(0, 1, 300), 0.05) for _ in range(600)]
    assert np.mean([low <= 0.95 for low, _ in bounds]) >= 0.93
    assert np.mean([high >= 0.95 for _, high in bounds]) >= 0.93


def test_all_looks_together_spend_no_more_than_one_error_probability() -> None:
    assert sum(share(look) for look in range(1, 100_000)) < 1.0


# One question each


def test_a_candidate_that_answers_as_the_stable_release_goes_on() -> None:
    assert verdict(canary()) == "go"


def test_a_candidate_of_which_every_request_failed_over_is_sent_back_after_twenty() -> None:
    assert verdict(canary(20, 20)) == "back"


def test_nobody_is_sent_back_by_nineteen_requests() -> None:
    assert verdict(canary(19, 19)) == "hold"


def test_a_failure_rate_that_the_stable_release_has_too_sends_nobody_back() -> None:
    assert finding(canary(40, 400, stable=group(3600, 360)), "failures") != "back"


def test_an_excess_within_the_interval_holds() -> None:
    assert finding(canary(8, 400), "failures") == "hold"


def test_without_requests_of_the_stable_release_its_counts_of_the_step_before_serve() -> None:
    before = Baseline(judged=1000, failures=100, p95=(18.0, 22.0))
    alone = Evidence(percent=100, stable=Group(), candidate=group(1000, 100), before=before)
    assert finding(alone, "failures") == "hold"
    without = Evidence(percent=100, stable=Group(), candidate=group(1000, 100))
    assert finding(without, "failures") == "back"


def test_a_slow_candidate_is_sent_back() -> None:
    assert finding(canary(p95=400.0), "latency") == "back"


def test_a_candidate_below_the_floor_is_never_too_slow() -> None:
    assert finding(canary(p95=40.0, stable=group(3600, p95=1.0)), "latency") == "go"


def test_a_stable_release_that_was_seen_in_the_step_before_is_compared_with_at_100_percent() -> None:
    before = Baseline(judged=1000, failures=0, p95=(18.0, 22.0))
    assert (
        finding(Evidence(percent=100, stable=Group(), candidate=group(1000, p95=400), before=before), "latency")
        == "back"
    )


def test_predictions_that_shift_as_validated_go_on() -> None:
    assert finding(canary(distance=0.05), "shift") == "go"


@pytest.mark.parametrize("distance", [-0.6, 0.6])
def test_predictions_that_shift_otherwise_than_validated_are_sent_back(distance: float) -> None:
    assert verdict(canary(distance=distance)) == "back"


def test_one_class_of_three_is_enough_to_be_sent_back() -> None:
    three = Shift(expected=[0.0] * 3, scale=[0.1] * 3, live=[0.0, 0.08, -0.08], error=[0.002] * 3, clusters=400)
    found = judge(Evidence(percent=10, stable=group(3600), candidate=group(400), shift=three), DECLARED)
    assert found.verdict == "back"
    assert "in score" in found.reasons()[0].message


def test_without_an_attested_shift_the_candidate_waits_and_the_way_out_is_named() -> None:
    found = judge(Evidence(percent=10, stable=group(3600), candidate=group(400)), DECLARED)
    assert found.verdict == "hold"
    assert "mlops validate" in found.reasons()[0].message


def test_at_100_percent_there_is_nothing_to_compare_predictions_with() -> None:
    before = Baseline(judged=1000, failures=0, p95=(18.0, 22.0))
    assert verdict(Evidence(percent=100, stable=Group(), candidate=group(1000), before=before)) == "go"


# In the shadow


def shadow(mirrored: int, answered: int = 1000, share_: float = 1.0) -> Evidence:
    mirror = Mirror(answered=answered, mirrored=mirrored, share=share_)
    return Evidence(percent=0, stable=group(answered), candidate=Group(), mirror=mirror, shift=shift())


def test_a_shadow_that_answers_everything_goes_on() -> None:
    assert verdict(shadow(1000)) == "go"


def test_a_shadow_that_fails_for_a_part_of_the_rows_is_sent_back() -> None:
    assert verdict(shadow(900)) == "back"


def test_a_sampled_shadow_is_measured_against_what_was_to_be_mirrored() -> None:
    assert verdict(shadow(500, share_=0.5)) != "back"
    assert verdict(shadow(300, share_=0.5)) == "back"


# How long to wait


def test_a_hold_says_after_how_many_requests_the_same_rates_let_the_candidate_on() -> None:
    found = judge(canary(0, 60), DECLARED)
    assert found.verdict == "hold"
    assert found.more is not None
    assert verdict(canary(0, 60 + found.more, looks=(60,))) == "go"


def test_a_candidate_at_the_limit_is_told_that_waiting_does_not_help() -> None:
    found = judge(canary(9, 300), DECLARED)
    assert (found.verdict, found.more) == ("hold", None)


def test_the_minimum_of_requests_holds_a_flawless_candidate() -> None:
    found = judge(canary(0, 1000), Rollout(minimum_requests=5000))
    assert (found.verdict, found.more) == ("hold", 4000)


# Properties


@given(st.integers(20, 3000), st.floats(0, 1), st.floats(0, 1), st.integers(0, 400), st.integers(0, 3))
@settings(deadline=None)
def test_more_failures_never_make_a_verdict_better(
    judged: int, one: float, other: float, stable: int, looks: int
) -> None:
    fewer, worse = sorted([round(one * judged), round(other * judged)])
    beside, earlier = group(3600, stable), tuple(range(20, 20 + looks))

    def rank(failures: int) -> int:
        found = judge(canary(failures, judged, stable=beside, looks=earlier), DECLARED)
        return RANK[next(one.verdict for one in found.findings if one.metric == "failures")]

    assert rank(fewer) <= rank(worse)


RATES = st.tuples(st.floats(0, 0.5), st.floats(0, 0.5))


@given(st.integers(0, 3000), st.integers(0, 3000), RATES, st.floats(0, 2), st.floats(1, 500))
@settings(deadline=None)
def test_every_verdict_is_one_of_three_and_only_a_hold_asks_for_more(
    judged: int, beside: int, rates: tuple[float, float], distance: float, slow: float
) -> None:
    mine, theirs = round(rates[0] * judged), round(rates[1] * beside)
    evidence = canary(mine, judged, stable=group(beside, theirs), distance=distance, p95=slow)
    found = judge(evidence, DECLARED)
    assert (found.verdict == "hold") == (found.more != 0)
    assert found.verdict != "go" or judged >= DECLARED.minimum_requests
    assert all(one.message for one in found.findings)


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.01, 1), st.floats(0.001, 0.4))
def test_an_interval_holds_its_rate(judged: int, rate: float, share_: float, alpha: float) -> None:
    found = Counts(judged=judged, failures=round(rate * judged), share=share_).rate(alpha)
    assert 0 <= found.low <= found.value <= found.high <= 1


# Simulated trials: judged after every 100 requests of the candidate, 40 times at the most


def simulated(seed: int, failing: float, *, base: float = 0.01, distance: float = 0.0, p95_: float = 20.0) -> str:
    random = np.random.default_rng(seed)

    def draw(count: int) -> tuple[Group, Group, Shift]:
        candidate = group(count, int(random.binomial(count, failing)), p95=p95_, random=random)
        stable = group(9 * count, int(random.binomial(9 * count, base)), random=random)
        error = np.sqrt(1 / count + 1 / (9 * count))
        return candidate, stable, shift(distance + random.normal(0, error), error=error, clusters=count, columns=1)

    return watched(random, draw)


def test_an_equal_candidate_is_rarely_sent_back_however_often_it_is_judged() -> None:
    verdicts = [simulated(seed, 0.01) for seed in range(200)]
    assert verdicts.count("back") < 10
    assert verdicts.count("go") > 180


@pytest.mark.parametrize(
    "bad", [{"failing": 0.08}, {"failing": 0.01, "distance": 0.5}, {"failing": 0.01, "p95_": 200.0}]
)
def test_a_bad_candidate_is_sent_back_and_nearly_never_let_on(bad: dict[str, float]) -> None:
    verdicts = [simulated(seed, **bad) for seed in range(60)]
    assert verdicts.count("back") >= 57
    assert verdicts.count("go") <= 3


# What changes in the declaration


def on_trial(candidate: int, shadow_: int = 0, steps: list[int] | None = None) -> Endpoint:
    rollout = Rollout(steps=steps) if steps else Rollout()
    return Endpoint(stable=A, candidate=B, traffic=Traffic(candidate=candidate, shadow=shadow_), rollout=rollout)


@pytest.mark.parametrize(("now", "then"), [(0, 10), (10, 50), (50, 100), (30, 50)])
def test_a_go_moves_to_the_next_step(now: int, then: int) -> None:
    assert moves(on_trial(now), "go") == {"traffic": {"candidate": then, "shadow": 0}}


def test_after_the_last_step_the_candidate_is_the_stable_release() -> None:
    changes = moves(on_trial(100), "go")
    assert changes == {"stable": B, "candidate": None, "traffic": {"candidate": 0, "shadow": 0}}
    assert destination(changes) == "becomes stable"


def test_back_takes_the_candidate_out_and_leaves_the_stable_release() -> None:
    assert moves(on_trial(50), "back") == {"candidate": None, "traffic": {"candidate": 0, "shadow": 0}}


def test_a_hold_changes_nothing() -> None:
    assert moves(on_trial(50), "hold") == {}
