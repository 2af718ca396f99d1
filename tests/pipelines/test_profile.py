"""Do the sketches of a release hold what drift is measured against?"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.decisions.profile import BINS, counts_between, histogram, number_sketch, profile, text_sketch
from serving.release import Column


@given(arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6)))
def test_every_row_is_counted_once(values: np.ndarray):
    found = histogram(values)
    assert sum(found.counts) == len(values)
    assert len(found.counts) == len(found.edges) + 1
    assert found.edges == sorted(set(found.edges))


def test_few_distinct_values_get_a_bin_each():
    found = number_sketch(np.array([-2.0, -1.0, -1.0, 0.0, 3.0]))
    assert found.edges == [-2.0, -1.0, 0.0, 3.0]
    assert found.counts == [0, 1, 2, 1, 1]


def test_many_distinct_values_get_bins_of_about_equal_size():
    found = number_sketch(np.random.default_rng(0).normal(size=10_000))
    assert len(found.counts) == BINS
    assert max(found.counts) < 2 * min(found.counts)


def test_missing_values_are_counted_apart():
    assert number_sketch(np.array([1.0, np.nan, np.nan])).missing == 2
    assert text_sketch(np.array(["a", "", "b", "a"], dtype=object)).missing == 1


def test_later_values_outside_of_the_edges_fall_into_the_outer_bins():
    assert counts_between(np.array([-9.0, 0.5, 9.0]), [0.0, 1.0]) == [1, 1, 1]


def test_a_profile_has_the_inputs_of_training_and_the_answers_of_validation():
    columns = [Column(name="amount", type="number"), Column(name="plan", type="text")]
    training = {"amount": np.array([1.0, 2.0], dtype=np.float32), "plan": np.array(["a", "b"], dtype=object)}
    found = profile(columns, training, np.array([[0.4, 0.6], [0.9, 0.1], [0.8, 0.2]]), ["yes", "no", "no"])
    assert found.rows == 2
    assert list(found.features) == ["amount", "plan"]
    assert [sum(score.counts) for score in found.scores] == [3, 3]
    assert found.decisions == {"no": 2, "yes": 1}


def test_a_regression_has_no_decisions_to_count():
    columns = [Column(name="amount", type="number")]
    assert profile(columns, {"amount": np.array([1.0])}, np.array([[5.0]]), [5.0]).decisions == {}
