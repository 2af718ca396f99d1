"""Are parameters searched in the same way each time, without looking twice or across entities?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.decisions.search import better, candidates, entity_folds

SPACE = {"depth": [1, 2, 3], "rate": [0.1, 0.2]}


@given(st.integers(0, 20), st.integers(0, 1000))
def test_no_combination_is_tried_twice(number: int, seed: int):
    tried = candidates(SPACE, number, seed)
    assert len(tried) == min(number, 6)
    assert len({tuple(sorted(one.items())) for one in tried}) == len(tried)


def test_a_seed_draws_the_same_combinations_whatever_the_order_of_the_space():
    assert candidates(SPACE, 3, 1) == candidates(dict(reversed(SPACE.items())), 3, 1)
    assert candidates(SPACE, 3, 1) != candidates(SPACE, 3, 2)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1), st.integers(2, 5), st.integers(0, 100))
def test_all_rows_of_an_entity_lie_in_one_fold(entities: list[str], number: int, seed: int):
    folds = entity_folds(entities, number, seed)
    assert all(len(set(folds[np.array(entities) == entity])) == 1 for entity in set(entities))


def test_folds_have_about_equal_numbers_of_entities():
    counts = np.bincount(entity_folds([str(number) for number in range(100)], 3, 0))
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ("first", "second", "direction", "expected"),
    [
        (0.8, 0.7, "higher", True),
        (0.7, 0.8, "higher", False),
        (0.7, 0.8, "lower", True),
        (0.7, 0.7, "higher", False),
        (math.nan, 0.7, "higher", False),
        (math.nan, 0.7, "lower", False),
    ],
)
def test_better_follows_the_direction_and_not_a_number_is_never_better(
    first: float, second: float, direction: str, expected: bool
):
    assert better(first, second, direction) is expected
