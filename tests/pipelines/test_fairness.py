"""Is a model refused for a difference between groups that is proven, and not for one of chance?"""

import numpy as np
import pytest

from pipelines.contract import Fairness
from pipelines.decisions import fairness
from pipelines.decisions.gates import Finding
from pipelines.decisions.statistics import estimate

TPR = Fairness(column="sex", metric="true_positive_rate", limit=0.1, minimum=50)


def outcomes(rates: dict[str, float], rows: int, seed: int) -> tuple[np.ndarray, fairness.Outcomes]:
    """Rows whose group is chosen with probability `rates[group]`, whatever their label."""
    random = np.random.default_rng(seed)
    sex = random.choice(np.array(list(rates), dtype=object), rows)
    decided = (random.random(rows) < np.array([rates[one] for one in sex])).astype(int)
    return sex, fairness.Outcomes(y=random.integers(0, 2, rows), decided=decided, score=decided * 0.5)


def judged(rates: dict[str, float], rows: int = 4000, seed: int = 0, declared: Fairness = TPR) -> list[Finding]:
    sex, what = outcomes(rates, rows, seed)
    groups = fairness.groups(declared, sex, what)
    drawn = estimate({(0, g.name): g.statistic() for g in groups}, np.arange(rows), resamples=300, seed=seed)
    return fairness.judge([(declared, groups)], drawn, alpha=0.05)


def test_groups_that_are_treated_alike_pass():
    assert [finding.verdict for finding in judged({"f": 0.5, "m": 0.5})] == ["pass"]


def test_a_difference_that_is_proven_above_the_limit_fails_and_names_both_groups():
    found = judged({"f": 0.3, "m": 0.6})[0]
    assert found.verdict == "fail"
    assert found.low is not None
    assert found.low > 0.1
    assert "between f and m" in found.message
    assert found.value == pytest.approx(0.3, abs=0.06)


def test_a_difference_above_the_limit_that_may_be_chance_passes():
    found = judged({"f": 0.45, "m": 0.6}, rows=250)[0]
    assert found.verdict == "pass"
    assert found.value is not None
    assert found.value > 0.1


def test_a_fair_model_on_few_rows_is_rarely_refused():
    refused = sum(judged({"f": 0.12, "m": 0.12}, rows=500, seed=seed)[0].verdict == "fail" for seed in range(100))
    assert refused <= 5


def test_the_third_group_is_looked_at_too():
    found = judged({"f": 0.5, "m": 0.5, "x": 0.1}, rows=6000)[0]
    assert found.verdict == "fail"
    assert "x" in found.message


def test_a_group_that_is_too_small_is_named_and_the_others_are_judged():
    rates = {"f": 0.3, "m": 0.6}
    sex, what = outcomes(rates, 3000, 0)
    sex[:20] = "rare"
    groups = fairness.groups(TPR, sex, what)
    drawn = estimate({(0, g.name): g.statistic() for g in groups}, np.arange(3000), resamples=200)
    findings = fairness.judge([(TPR, groups)], drawn, alpha=0.05)
    assert {finding.subject: finding.verdict for finding in findings} == {"sex = rare": "insufficient", "sex": "fail"}


def test_one_group_alone_cannot_be_compared():
    findings = judged({"f": 0.3})
    assert [finding.verdict for finding in findings] == ["insufficient"]
    assert "needs two" in findings[0].message


def test_people_whose_group_is_unknown_are_no_group():
    sex, what = outcomes({"f": 0.5, "m": 0.5}, 100, 0)
    sex[:50] = None
    assert [group.name for group in fairness.groups(TPR, sex, what)] == ["f", "m"]


@pytest.mark.parametrize(
    "metric", ["selection_rate", "true_positive_rate", "false_positive_rate", "accuracy", "mean_prediction"]
)
def test_each_metric_is_fairlearns_own(metric: str):
    import fairlearn.metrics as reference
    from sklearn.metrics import accuracy_score

    declared = Fairness(column="sex", metric=metric, limit=0.1)
    sex, what = outcomes({"f": 0.3, "m": 0.6}, 800, 5)
    function = accuracy_score if metric == "accuracy" else getattr(reference, metric)
    predicted = what.score if metric == "mean_prediction" else what.decided
    frame = reference.MetricFrame(metrics=function, y_true=what.y, y_pred=predicted, sensitive_features=sex)
    groups = fairness.groups(declared, sex, what)
    assert fairness.difference(groups) == pytest.approx(frame.difference(method="between_groups"))
    for group in groups:
        assert group.statistic()(np.ones((1, 800)))[0] == pytest.approx(frame.by_group[group.name])
