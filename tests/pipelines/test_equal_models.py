"""How often do all gates together refuse a release that is as good, and one that has lost something?

The model of this repository is fitted a few times on different nine tenths of its training fold. Each of 100 seeds
draws a validation fold of the same size with replacement, and two of the fits as champion and candidate: equal by
construction. A loss is made by blurring the candidate's log-odds until its ROC AUC on all validation rows is LOSS
lower; the gates on overall quality have to see it alone.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from environments import declaration
from pipelines.contract import Model, load
from pipelines.decisions.folds import split
from pipelines.decisions.weighted import roc_auc
from pipelines.evaluation import CANDIDATE, CHAMPION, Evaluation, Rows, Scored, evaluate
from pipelines.frames import Version, columns, estimator_frame, truth
from pipelines.judgement import Case, compared, fair, floors, sliced
from serving.graph import Graph

FITS = 4
SEEDS = 100
BATCHES = 4  # so that workers share the seeds
RESAMPLES = 200
LOSS = 0.02
RULES = declaration.Gates()


class Still(Graph):
    """A graph that is asked for behaviour and not for quality: it answers the same for every row."""

    def __init__(self) -> None:
        pass

    def score(self, columns: Any) -> np.ndarray:
        return np.full((len(next(iter(columns.values()))), 2), 0.5, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The model, its validation rows, scores [fits][rows, 2], and the same scores after the loss."""

    model: Model
    frame: pd.DataFrame
    equal: list[np.ndarray]
    worse: list[np.ndarray]


@pytest.fixture(scope="module")
def bench(repository: Path) -> Bench:
    model = load(repository / "model")
    contract = model.contract
    frame = model.data.read(str(model.folder / contract.source))
    held_back = split(frame[contract.entity], contract.folds)
    training, validation = frame[~held_back].reset_index(drop=True), frame[held_back].reset_index(drop=True)
    scores = [fitted(model, training, validation, seed) for seed in range(FITS)]
    y = truth(contract, validation)
    return Bench(model=model, frame=validation, equal=scores, worse=[blurred(y, one, LOSS) for one in scores])


def fitted(model: Model, training: pd.DataFrame, validation: pd.DataFrame, seed: int) -> np.ndarray:
    """Scores of a fit on nine tenths of the training fold."""
    part = training.sample(frac=0.9, random_state=seed)
    estimator = model.estimator.build(model.estimator.PARAMETERS, seed)
    with threadpool_limits(limits=1):
        estimator.fit(estimator_frame(model.contract, part), truth(model.contract, part))
        return estimator.predict_proba(estimator_frame(model.contract, validation)).astype(np.float32)


def blurred(y: np.ndarray, scores: np.ndarray, loss: float) -> np.ndarray:
    """The scores with noise on their log-odds, so much that the ROC AUC is `loss` lower."""
    odds = np.log(scores[:, 1].astype(np.float64) / scores[:, 0])
    noise, once = np.random.default_rng(0).normal(size=len(y)), np.ones((1, len(y)))
    least, most = 0.0, 4.0
    while most - least > 1e-3:
        middle = (least + most) / 2
        lost = roc_auc(y, odds)(once)[0] - roc_auc(y, odds + middle * noise)(once)[0]
        least, most = (least, middle) if lost > loss else (middle, most)
    positive = 1 / (1 + np.exp(-(odds + most * noise)))
    return np.column_stack([1 - positive, positive]).astype(np.float32)


def evaluated(bench: Bench, candidate: np.ndarray, champion: np.ndarray, seed: int) -> Evaluation:
    """Both on a resampled validation fold; every drawn row is somebody of its own."""
    drawn = np.random.default_rng(seed).integers(0, len(bench.frame), len(bench.frame))
    frame = bench.frame.iloc[drawn].reset_index(drop=True)
    contract, entities = bench.model.contract, np.arange(len(frame))
    rows = Rows(version=Version(number=0, digest=""), frame=frame, y=truth(contract, frame), entities=entities)
    given = columns(contract, frame)
    releases = {
        role: Scored(digest=role, graph=Still(), columns=given, scores=scores[drawn], folds={})
        for role, scores in ((CANDIDATE, candidate), (CHAMPION, champion))
    }
    with threadpool_limits(limits=1):
        return evaluate(bench.model, rows, releases, resamples=RESAMPLES, seed=seed)


def without_parts(bench: Bench) -> Bench:
    """The same, judged by overall quality alone."""
    contract = msgspec.structs.replace(bench.model.contract, slices=[], fairness=[])
    return replace(bench, model=replace(bench.model, contract=contract))


def refused(bench: Bench, seed: int, candidates: list[np.ndarray]) -> bool:
    """Do the gates on quality, slices and groups refuse one fit against another one?"""
    first, second = np.random.default_rng(1000 + seed).choice(FITS, 2, replace=False)
    evaluation = evaluated(bench, candidates[first], bench.equal[second], seed)
    case = Case(
        evaluation=evaluation, problems=[], others={CHAMPION: CHAMPION, "anchor": None}, parity=None, served=None,
    )  # fmt: skip
    contract = bench.model.contract
    findings = [
        *floors(contract, evaluation, RULES.alpha),
        *compared(contract, case, CHAMPION, RULES.alpha),
        *sliced(contract, evaluation, RULES.alpha / 2),
        *fair(evaluation, RULES.alpha / 2),
    ]
    return any(finding.verdict == "fail" for finding in findings)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_an_equal_release_is_refused_in_fewer_than_5_of_100_seeds(bench: Bench, batch: int):
    seeds = range(batch, SEEDS, BATCHES)
    assert sum(refused(bench, seed, bench.equal) for seed in seeds) <= 1  # in each of 4 batches: 4 at the most


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_release_that_lost_2_points_of_roc_auc_is_refused_in_at_least_90_of_100_seeds(bench: Bench, batch: int):
    seeds = range(batch, SEEDS, BATCHES)
    assert sum(refused(without_parts(bench), seed, bench.worse) for seed in seeds) >= 0.92 * len(seeds)
