"""Does the same data always have the same digest, and does a graph see what its estimator saw?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.frames import columns, data_digest, estimator_frame, main_score, truth
from tests.pipelines.contracts import contract


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amount": [1.5, 0.1, 0.0], "rooms": [1.0, np.nan, 3.0],
            "plan": pd.Series(["basic", "plus", None], dtype="str"), "sex": ["f", "m", "f"],
            "answer": ["no", "yes", "no"], "customer": ["b", "a", "b"],
            "asked_at": pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-01"], utc=True),
        }
    )  # fmt: skip


@given(st.permutations(range(3)))
def test_the_order_of_the_rows_does_not_change_the_digest(order: list[int]):
    assert data_digest(contract(), frame().iloc[order]) == data_digest(contract(), frame())


def test_undeclared_columns_and_negative_zero_do_not_change_the_digest():
    changed = frame().assign(extra=1, amount=[1.5, 0.1, -0.0])[["extra", *reversed(frame().columns)]]
    assert data_digest(contract(), changed) == data_digest(contract(), frame())


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("amount", [1.5, 0.1, 1e-300]),
        ("rooms", [1.0, 2.0, 3.0]),
        ("plan", ["basic", "plus", ""]),
        ("sex", ["f", "f", "f"]),
        ("answer", ["no", "no", "no"]),
        ("customer", ["b", "a", "c"]),
        ("asked_at", pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-03"], utc=True)),
    ],
)
def test_any_other_value_changes_the_digest(column: str, values: object):
    assert data_digest(contract(), frame().assign(**{column: values})) != data_digest(contract(), frame())


def test_a_graph_sees_inputs_only_as_float32_and_texts():
    found = columns(contract(), frame())
    assert list(found) == ["amount", "rooms", "plan"]
    assert found["amount"].dtype == np.float32
    assert found["plan"].tolist() == ["basic", "plus", ""]


def test_an_estimator_sees_the_same_values_in_float64():
    seen, fed = estimator_frame(contract(), frame()), columns(contract(), frame())
    assert seen["amount"].dtype == np.float64
    assert seen["amount"].tolist() == [float(np.float32(value)) for value in (1.5, 0.1, 0.0)]
    assert seen["plan"].tolist() == fed["plan"].tolist()


def test_the_truth_is_the_index_of_the_class_or_the_value():
    assert truth(contract(), frame()).tolist() == [0, 1, 0]
    assert truth(contract("regression"), frame().assign(answer=[1.0, 2.5, 3.0])).tolist() == [1.0, 2.5, 3.0]


def test_the_main_score_is_the_positive_class_all_classes_or_the_value():
    two, three, one = np.array([[0.2, 0.8]]), np.array([[0.1, 0.2, 0.7]]), np.array([[5.0]])
    assert main_score(contract("binary"), two).tolist() == [0.8]
    assert main_score(contract("multiclass"), three).tolist() == [[0.1, 0.2, 0.7]]
    assert main_score(contract("regression"), one).tolist() == [5.0]
