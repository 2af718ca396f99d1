"""Which verdict do many findings give together, and which one does a person see first?"""

import pytest

from pipelines.decisions.findings import Finding, overall, worst_first


def finding(verdict: str, value: float = 0.0, name: str = "x") -> Finding:
    return Finding(kind="data-drift", name=name, verdict=verdict, message="", rows=1, value=value, limit=0.1)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["ok", "worse", "drift"], "worse"),
        (["ok", "drift", "no-data"], "drift"),
        (["no-data", "insufficient"], "no-data"),
        (["ok", "insufficient"], "insufficient"),
        (["ok", "pending"], "ok"),
        ([], "insufficient"),
    ],
)
def test_the_worst_finding_gives_the_verdict_and_a_pending_one_weighs_nothing(verdicts: list[str], expected: str):
    assert overall(finding(verdict) for verdict in verdicts) == expected


def test_a_slice_that_is_too_small_does_not_make_the_whole_insufficient():
    small = Finding(kind="slice", name="x", verdict="insufficient", message="", rows=3)
    assert overall([finding("ok"), small]) == "ok"


def test_the_largest_excess_over_its_limit_comes_first():
    ordered = worst_first([finding("ok"), finding("drift", 0.2, "small"), finding("drift", 0.9, "large")])
    assert [one.name for one in ordered] == ["large", "small", "x"]
