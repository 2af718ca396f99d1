"""Which of a model's parameters are best by cross-validation within the training fold?"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.build import fit, measure
from pipelines.contract import Gate, Model
from pipelines.decisions.folds import split
from pipelines.decisions.search import better, candidates, entity_folds
from pipelines.errors import InvalidInput
from pipelines.export import estimator_scores
from pipelines.frames import estimator_frame, main_score, truth

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 3


def search_parameters(
    model: Model,
    frame: "pd.DataFrame",
    parameters: Mapping[str, Any],
    *,
    number: int,
    seed: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """The best of `parameters` and `number` drawn variations of them, by the metric of the contract's first gate.

    The validation fold is not looked at, so its figures stay honest. Raises InvalidInput without a search space.
    """
    if not model.estimator.SEARCH_SPACE:
        raise InvalidInput(f"{model.folder / 'estimator.py'}: SEARCH_SPACE is empty, so there is nothing to search.")
    contract, gate = model.contract, model.contract.gates[0]
    frame = frame.sort_values([contract.entity, contract.event_time], kind="stable").reset_index(drop=True)
    training = frame[~split(frame[contract.entity], contract.folds)].reset_index(drop=True)
    best, value = dict(parameters), cross_validate(model, training, gate, parameters, seed)
    for position, drawn in enumerate(candidates(model.estimator.SEARCH_SPACE, number, seed), start=1):
        tried = {**parameters, **drawn}
        reached = cross_validate(model, training, gate, tried, seed)
        report(f"search {position} of {number}: {gate.metric} {reached:.4f}, best so far {value:.4f}")
        if better(reached, value, gate.direction):
            best, value = tried, reached
    return best


def cross_validate(
    model: Model, training: "pd.DataFrame", gate: Gate, parameters: Mapping[str, Any], seed: int
) -> float:
    """The mean of the gate's metric over folds of the training rows that share no entity."""
    contract = model.contract
    fold = entity_folds(training[contract.entity].tolist(), FOLDS, seed)
    values: list[float] = []
    for number in range(FOLDS):
        inner, outer = training[fold != number], training[fold == number]
        estimator = fit(model, inner, parameters, seed)
        score = main_score(contract, estimator_scores(estimator, contract, estimator_frame(contract, outer)))
        values.append(measure(model, truth(contract, outer), score, outer)[gate.metric])
    return float(np.mean(values))
