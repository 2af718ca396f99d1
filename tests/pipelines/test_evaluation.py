"""Is everything that the gates look at gathered once, on the same rows and draws, whatever the contract names?"""

from pathlib import Path

import numpy as np
import pytest

from environments.declaration import Gates
from pipelines.contract import Gate
from pipelines.decisions import gates
from pipelines.errors import InvalidInput, NotReady
from pipelines.evaluation import CANDIDATE, CHAMPION, EVERY, Rows, called, evaluate, rows_of, score, validation_rows
from pipelines.judgement import Case, Served, judge, shift
from tests.pipelines import worlds
from tests.pipelines.lifecycle import Trained, trained, with_contract


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(tmp_path_factory.mktemp("wine") / "world", "wine")


@pytest.fixture(scope="module")
def rows(wine: Trained) -> Rows:
    return validation_rows(wine.env, wine.model.contract)


def own(metric: str) -> Gate:
    return Gate(metric=metric, floor=0.5, tolerance=0.1, minimum=20)


def test_a_metric_of_the_models_own_can_be_a_gate(wine: Trained, rows: Rows):
    model = with_contract(wine.model, gates=[own("accuracy_of_strong")])
    releases = {CANDIDATE: score(wine.env, wine.good, model.contract, rows)}
    found = evaluate(model, rows, releases, resamples=50, seed=0).estimates["metric", CANDIDATE, "accuracy_of_strong"]
    interval = found.interval(0.05)
    assert interval.low <= found.value <= interval.high
    assert int(np.sum(~np.isnan(found.draws))) == 50 // EVERY


def test_a_metric_that_nobody_defines_is_refused_with_those_that_are_known(wine: Trained, rows: Rows):
    model = with_contract(wine.model, gates=[own("accuracy_of_weak")])
    releases = {CANDIDATE: score(wine.env, wine.good, model.contract, rows)}
    with pytest.raises(InvalidInput, match="accuracy_of_weak.*accuracy_of_strong"):
        evaluate(model, rows, releases, resamples=10, seed=0)


def test_a_called_metric_sees_rows_as_often_as_their_weight_says():
    seen: list[list[int]] = []

    def remember(chosen: np.ndarray) -> float:
        seen.append(chosen.tolist())
        return 1.0

    called(remember, 3)(np.array([[2.0, 0.0, 1.0]]))
    assert seen == [[0, 0, 2]]


def test_no_row_of_the_training_fold_is_evaluated(wine: Trained, rows: Rows):
    release = score(wine.env, wine.good, wine.model.contract, rows)
    assert release.seen(rows.entities) == 0
    training = np.array([entity for entity in (f"b{n}" for n in range(178)) if entity not in set(rows.entities)])
    assert release.seen(training) == len(training) > 50


def test_without_any_row_no_gate_that_needs_one_passes(wine: Trained, rows: Rows):
    nothing = rows_of(rows.version, wine.model.contract, rows.frame.iloc[:0])
    releases = {
        role: score(wine.env, digest, wine.model.contract, nothing)
        for role, digest in ((CANDIDATE, wine.good), (CHAMPION, wine.bad))
    }
    evaluation = evaluate(wine.model, nothing, releases, resamples=10, seed=0)
    case = Case(
        evaluation=evaluation, problems=[], others={CHAMPION: wine.bad, "anchor": None}, parity=None,
        served=Served(expected=releases[CANDIDATE].scores, answered=None),
    )  # fmt: skip
    findings = judge(wine.model, case, Gates())
    needing = {"data contract", "folds", "floor", "champion", "server"}
    assert {one.verdict for one in findings if one.gate in needing} == {"insufficient"}
    assert gates.overall(findings, Gates()) == "insufficient"
    assert shift(evaluation) is None


def test_before_any_data_there_is_nothing_to_evaluate(tmp_path: Path):
    world = worlds.make(tmp_path)
    with pytest.raises(NotReady, match="mlops data"):
        validation_rows(world.env(), world.model.contract)
