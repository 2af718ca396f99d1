"""Is a slice refused only when it is proven worse, and does nobody hide behind the whole?"""

import numpy as np
import pytest

from pipelines.contract import Slice
from pipelines.decisions import slices
from pipelines.decisions.gates import Finding
from pipelines.decisions.statistics import estimate
from pipelines.decisions.weighted import mean
from pipelines.evaluation import within

CITY = Slice(column="city", metric="accuracy", tolerance=0.05, minimum=100)


def judged(loss: dict[str, float], rows: int = 2000, seed: int = 0, noise: float = 0.3) -> list[Finding]:
    """Slices by city; in each the candidate's correctness is the champion's less `loss`, with noise."""
    random = np.random.default_rng(seed)
    cities = random.choice(np.array(list(loss), dtype=object), rows)
    parts = slices.parts([CITY], {"city": cities})
    difference = random.normal(0, noise, rows) - np.array([loss[city] for city in cities])
    statistics = {part.name: within(part.rows, mean(difference[part.rows])) for part in parts}
    drawn = estimate(statistics, np.arange(rows), resamples=400, seed=seed)
    compared = [
        slices.Compared(part=part, other="champion", difference=drawn[part.name], sample=int(part.rows.sum()))
        for part in parts
    ]
    return slices.judge(compared, task="multiclass", alpha=0.05)


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.subject.split(",")[0]: finding.verdict for finding in findings}


def test_a_slice_that_is_proven_worse_fails_though_the_whole_is_as_good():
    findings = judged({"paris": 0.2, "rome": -0.2, "oslo": 0.0})
    assert verdicts(findings) == {"city = oslo": "pass", "city = paris": "fail", "city = rome": "pass"}
    worst = next(finding for finding in findings if finding.verdict == "fail")
    assert worst.limit == -0.05
    assert worst.high is not None
    assert worst.high < -0.05
    assert "against the champion" in worst.message
    assert "city" in worst.message


def test_a_slice_within_the_tolerance_passes():
    assert set(verdicts(judged({"paris": 0.02, "rome": 0.0})).values()) == {"pass"}


def test_a_slice_that_only_looks_worse_passes():
    findings = judged({"paris": 0.08, "rome": 0.0}, rows=400, noise=1.0)
    assert set(verdicts(findings).values()) == {"pass"}


def test_a_slice_that_is_too_small_is_insufficient_and_takes_nothing_from_the_others():
    findings = judged({"paris": 0.3, "rome": 0.0}, rows=150)
    assert "insufficient" in verdicts(findings).values()
    small = next(finding for finding in findings if finding.verdict == "insufficient")
    assert "the contract asks for 100" in small.message


def test_many_equal_slices_are_rarely_refused_together():
    cities = {f"city-{number}": 0.05 for number in range(15)}  # each at the very edge of its tolerance
    refused = sum("fail" in verdicts(judged(cities, rows=3000, seed=seed)).values() for seed in range(60))
    assert refused <= 8  # 5 % of 60 is 3


def test_a_metric_of_which_less_is_better_is_turned():
    part = slices.Part(declared=Slice(column="city", metric="log_loss", tolerance=0.1), name="", rows=np.array([True]))
    drawn = estimate({"m": mean(np.ones(5))}, np.arange(5), resamples=10)["m"]
    assert slices.gain(part, drawn).value == -1


def test_ranges_cover_every_number_once_and_name_themselves():
    declared = Slice(column="age", metric="accuracy", tolerance=0.1, edges=[30, 50])
    ages = np.array([18, 30, 49.9, 50, 90], dtype=object)
    parts = slices.parts([declared], {"age": ages})
    assert [part.name for part in parts] == ["age < 30", "30 <= age < 50", "age >= 50"]
    assert np.sum([part.rows for part in parts], axis=0).tolist() == [1] * 5


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_missing_values_are_a_slice_of_their_own(nothing: float | None):
    parts = slices.parts([CITY], {"city": np.array(["rome", nothing, "rome"], dtype=object)})
    assert {part.name: part.rows.tolist() for part in parts} == {
        "city = rome": [True, False, True], "city missing": [False, True, False],
    }  # fmt: skip


def test_a_range_that_nobody_is_in_is_no_slice():
    declared = Slice(column="age", metric="accuracy", tolerance=0.1, edges=[30, 200])
    parts = slices.parts([declared], {"age": np.array([20.0, 40.0], dtype=object)})
    assert [part.name for part in parts] == ["age < 30", "30 <= age < 200"]
