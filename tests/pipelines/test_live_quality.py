"""Is a broken promise found, an unbroken one left alone, and too few labels called that?"""

import numpy as np
import pytest

from pipelines.decisions.live_quality import Group, Promise, Question, judge_quality, judge_slices
from pipelines.decisions.statistics import Estimate, Interval

PROMISE = Promise(value=0.78, low=0.76, high=0.80)


def question(**changes: object) -> Question:
    return Question(**{
        "metric": "auc", "direction": "higher", "tolerance": 0.01, "minimum": 100, "promise": PROMISE, **changes
    })  # fmt: skip


def live(value: float, half: float = 0.01) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def test_a_metric_proven_below_the_promised_interval_less_tolerance_is_worse():
    finding = judge_quality(question(), live(0.73), rows=500, sample=500)
    assert finding.verdict == "worse"
    assert finding.limit == pytest.approx(0.75)
    assert "proven worse than promised" in finding.message


def test_a_metric_within_the_promise_is_ok():
    assert judge_quality(question(), live(0.77), rows=500, sample=500).verdict == "ok"


def test_a_metric_below_the_limit_whose_interval_reaches_above_it_is_insufficient():
    finding = judge_quality(question(), live(0.74, 0.05), rows=500, sample=500)
    assert finding.verdict == "insufficient"
    assert "more labels decide" in finding.message


def test_a_metric_of_which_lower_is_better_is_judged_at_the_other_end():
    loss = question(direction="lower", promise=Promise(value=0.45, low=0.44, high=0.46))
    assert judge_quality(loss, live(0.50), rows=500, sample=500).verdict == "worse"
    assert judge_quality(loss, live(0.40), rows=500, sample=500).verdict == "ok"


def test_too_few_labels_are_insufficient_and_the_message_says_how_many_more():
    finding = judge_quality(question(counted="rows of the rarer class"), live(0.5), rows=300, sample=40)
    assert finding.verdict == "insufficient"
    assert "300 labelled rows, 40 rows of the rarer class; 60 more are needed" in finding.message


def test_without_an_attested_value_nothing_is_judged():
    assert judge_quality(question(promise=None), live(0.5), rows=500, sample=500).verdict == "insufficient"


def test_a_metric_that_is_not_defined_is_insufficient():
    nan = float("nan")
    finding = judge_quality(question(), Interval(value=nan, low=nan, high=nan), rows=500, sample=500)
    assert finding.verdict == "insufficient"
    assert finding.value is None


def group(name: str, value: float, *, sample: int = 500, spread: float = 0.005) -> Group:
    draws = np.random.default_rng(list(name.encode())).normal(value, spread, 1000)
    return Group(
        column="region", name=name, question=question(minimum=50), rows=sample, sample=sample,
        estimate=Estimate(value=value, draws=draws), examples=("request-1",),
    )  # fmt: skip


def test_the_worst_slice_comes_first_with_its_size_metric_and_examples():
    findings = judge_slices([group("region = north", 0.78), group("region = south", 0.70)], alpha=0.05)
    assert findings[0].name == "region = south"
    assert findings[0].verdict == "worse"
    assert (findings[0].part.rows, findings[0].part.metric) == (500, 0.70)
    assert findings[0].part.examples == ["request-1"]


def test_a_slice_that_is_too_small_is_never_the_worst():
    findings = judge_slices([group("region = tiny", 0.3, sample=10), group("region = south", 0.77)], alpha=0.05)
    assert [finding.name for finding in findings] == ["region = south", "region = tiny"]
    assert findings[1].verdict == "insufficient"


def test_one_bad_looking_slice_among_many_by_chance_is_not_proven_worse():
    random = np.random.default_rng(3)
    worse = 0
    for _ in range(100):
        shifts = random.normal(0, 0.02, 12)
        groups = [group(f"region = {index:x}", 0.75 + shift, spread=0.02) for index, shift in enumerate(shifts)]
        worse += any(finding.verdict == "worse" for finding in judge_slices(groups, alpha=0.05))
    assert worse <= 10  # each true value lies exactly on the limit, the least favourable case
