"""Is it noticed when predictions stop, or labels stay away?"""

from datetime import date

from pipelines.decisions.coverage import judge_coverage, judge_volume

DUE = date(2024, 3, 1)


def volume(rows: int, before: int):
    return judge_volume(rows=rows, before=before, ratio=0.2, minimum=50, alpha=0.05)


def coverage(due: int, labelled: int):
    return judge_coverage(due=due, labelled=labelled, limit=0.8, minimum=100, alpha=0.05, first_due=DUE)


def test_a_window_without_a_prediction_is_no_data():
    finding = volume(0, 1000)
    assert finding.verdict == "no-data"
    assert "mlops status" in finding.message


def test_a_rate_proven_below_its_share_of_the_window_before_is_no_data():
    assert volume(100, 1000).verdict == "no-data"


def test_a_rate_that_may_still_be_above_is_ok():
    assert volume(19, 100).verdict == "ok"


def test_a_few_predictions_before_are_no_rate_to_compare_with():
    finding = volume(1, 20)
    assert finding.verdict == "ok"
    assert "too few to compare" in finding.message


def test_labels_that_stay_away_are_insufficient_and_the_way_out_is_named():
    finding = coverage(1000, 100)
    assert finding.verdict == "insufficient"
    assert "mlops feedback" in finding.message


def test_labels_that_arrived_are_ok():
    assert coverage(1000, 950).verdict == "ok"


def test_labels_that_are_not_due_weigh_nothing_and_the_date_is_named():
    finding = coverage(0, 0)
    assert finding.verdict == "pending"
    assert "2024-03-01" in finding.message


def test_a_few_due_labels_do_not_prove_that_labels_stay_away():
    assert coverage(4, 2).verdict == "pending"
