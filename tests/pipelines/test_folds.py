"""Does an entity keep its fold for ever?"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contract import Folds
from pipelines.decisions.folds import is_validation, split


def test_these_entities_keep_these_folds_in_every_version_of_this_code():
    folds = Folds(validation=0.25, salt="1")
    assert [name for name in "abcdefghijklmnop" if is_validation(name, folds)] == ["d", "g", "i", "p"]


@given(st.lists(st.text(max_size=20)), st.lists(st.text(max_size=20)))
def test_the_fold_of_an_entity_does_not_depend_on_the_other_rows(some: list[str], others: list[str]):
    assert split([*some, *others], Folds())[: len(some)].tolist() == split(some, Folds()).tolist()


@given(st.floats(0, 1), st.floats(0, 1), st.text())
def test_a_larger_share_never_releases_an_entity_that_was_held_back(one: float, two: float, entity: str):
    small, large = sorted((one, two))
    if is_validation(entity, Folds(validation=small)):
        assert is_validation(entity, Folds(validation=large))


def test_the_share_that_is_held_back_is_the_declared_one():
    held_back = split([f"client-{number}" for number in range(20_000)], Folds(validation=0.25))
    assert abs(np.mean(held_back) - 0.25) < 0.01


def test_another_salt_draws_other_entities():
    entities = [str(number) for number in range(1000)]
    assert split(entities, Folds(salt="1")).tolist() != split(entities, Folds(salt="2")).tolist()
