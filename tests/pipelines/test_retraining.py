"""Does retraining start for a reason, wait when something speaks against it, and say both?"""

from datetime import UTC, datetime, timedelta

from pipelines.decisions.findings import Finding
from pipelines.decisions.retraining import Evidence, Policy, decide

NOW = datetime(2024, 3, 1, tzinfo=UTC)
POLICY = Policy(cooldown=timedelta(days=7), minimum=200, newest=timedelta(days=30))
DRIFT = Finding(kind="data-drift", name="age", verdict="drift", message="", rows=500)
WORSE = Finding(kind="quality", name="auc", verdict="worse", message="", rows=500)
SILENCE = Finding(kind="volume", name="predictions", verdict="no-data", message="", rows=0)


def evidence(*findings: Finding, **changes: object) -> Evidence:
    return Evidence(**{
        "findings": findings, "watched_at": NOW, "watched": "a" * 64, "stable": "a" * 64, "labelled": 500, "now": NOW,
        **changes,
    })  # fmt: skip


def test_a_drift_asks_for_retraining_and_is_named():
    decision = decide(evidence(DRIFT), POLICY)
    assert decision.needed
    assert decision.why() == "inputs drifted (age)"


def test_a_broken_promise_asks_for_retraining():
    assert decide(evidence(WORSE), POLICY).needed


def test_no_finding_is_no_reason():
    decision = decide(evidence(), POLICY)
    assert not decision.needed
    assert decision.why() == "nothing asks for it"


def test_missing_traffic_is_no_reason_to_train():
    assert not decide(evidence(SILENCE), POLICY).needed


def test_a_retraining_within_the_cooldown_waits_until_a_named_day():
    decision = decide(evidence(DRIFT, last=NOW - timedelta(days=2)), POLICY)
    assert not decision.needed
    assert "from 2024-03-06 on" in decision.why()


def test_too_few_new_labelled_rows_wait_for_more():
    decision = decide(evidence(DRIFT, labelled=150), POLICY)
    assert not decision.needed
    assert "150 new labelled rows are there, 200 are needed" in decision.why()


def test_a_watch_of_another_release_is_no_evidence():
    decision = decide(evidence(DRIFT, stable="b" * 64), POLICY)
    assert not decision.needed
    assert "run `mlops monitor`" in decision.why()


def test_an_old_watch_is_no_evidence():
    assert not decide(evidence(DRIFT, watched_at=NOW - timedelta(days=40)), POLICY).needed


def test_force_overrules_everything_but_the_lack_of_new_rows():
    blocked = evidence(labelled=5, last=NOW, watched_at=NOW - timedelta(days=99))
    assert decide(blocked, POLICY, force=True).needed
    assert not decide(evidence(labelled=0), POLICY, force=True).needed


def test_many_findings_of_a_kind_are_counted():
    several = [Finding(kind="data-drift", name=name, verdict="drift", message="", rows=1) for name in "abcde"]
    assert decide(evidence(*several), POLICY).why() == "inputs drifted (a, b, c and 2 more)"
