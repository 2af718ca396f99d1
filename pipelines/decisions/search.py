"""Which parameters are tried, and which of them are best? A random sample of the search space, the same for a seed."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np


def candidates(space: Mapping[str, Sequence[Any]], number: int, seed: int) -> list[dict[str, Any]]:
    """`number` different combinations of the search space, drawn without replacement; all of them when it has fewer."""
    names = sorted(space)
    combinations = list(product(*(space[name] for name in names)))
    chosen = np.random.default_rng(seed).permutation(len(combinations))[:number]
    return [dict(zip(names, combinations[index], strict=True)) for index in chosen]


def better(first: float, second: float, direction: str) -> bool:
    """Is the first value of a metric better than the second? NaN is never better."""
    return first > second if direction == "higher" else first < second


def entity_folds(entities: Sequence[str], number: int, seed: int) -> np.ndarray:
    """The cross-validation fold of each row [rows], all rows of an entity in one."""
    unique, index = np.unique(np.asarray(entities, dtype=str), return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(unique)) % number)[index]
