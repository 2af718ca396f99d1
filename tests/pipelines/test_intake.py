"""Is a row that breaks the contract kept out, with the reason?"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import InvalidInput
from pipelines.intake import counted, take_in
from tests.pipelines.contracts import contract


def frame(rows: int = 20, task: str = "binary", **cells: Any) -> pd.DataFrame:
    """Good rows; each of `cells` replaces the first values of a column."""
    answers = {"binary": "yes", "multiclass": "red", "regression": 3.5}
    given = pd.DataFrame(
        {
            "amount": [float(number) for number in range(rows)],
            "rooms": [1.0, 2.0] * (rows // 2),
            "plan": ["basic", "plus"] * (rows // 2),
            "sex": ["f", "m"] * (rows // 2),
            "answer": [answers[task]] * rows,
            "customer": [f"c{number}" for number in range(rows)],
            "asked_at": pd.Timestamp("2024-01-01", tz="UTC"),
        }
    )
    for column, values in cells.items():
        given[column] = given[column].astype(object)
        given.loc[: len(values) - 1, column] = values
    return given


def test_good_rows_come_in_as_the_tables_types():
    good = take_in(contract(), frame()).good
    assert len(good) == 20
    assert [str(good[name].dtype) for name in ("amount", "plan", "asked_at")] == [
        "float64",
        "str",
        "datetime64[us, UTC]",
    ]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("amount", -1.0, "amount: -1.0 is below the minimum 0 EUR"),
        ("amount", 1001.0, "amount: 1001.0 is above the maximum 1000 EUR"),
        ("amount", np.inf, "amount: inf is not finite"),
        ("amount", None, "amount: is missing"),
        ("amount", "much", "amount: 'much' is no number"),
        ("rooms", 4.0, "rooms: 4.0 is none of the declared values [1, 2, 3]"),
        ("plan", "gold", "plan: 'gold' is none of the declared values ['basic', 'plus']"),
        ("plan", None, "plan: is missing"),
        ("sex", "x", "sex: 'x' is none of the declared values ['f', 'm']"),
        ("answer", "maybe", "answer: 'maybe' is none of the classes ['no', 'yes']"),
        ("answer", None, "answer: is missing"),
        ("customer", "", "customer: '' is empty"),
        ("asked_at", "yesterday", "asked_at: 'yesterday' is no ISO 8601 time"),
    ],
)
def test_a_bad_cell_takes_its_row_out_and_is_named(column: str, value: Any, reason: str):
    intake = take_in(contract(), frame(**{column: [value]}))
    assert len(intake.good) == 19
    assert intake.reasons[0][0].startswith(reason)
    assert len(intake.bad) == 1


def test_a_missing_value_is_fine_where_the_contract_allows_it():
    good = take_in(contract(), frame(rooms=[None])).good
    assert len(good) == 20
    assert np.isnan(good["rooms"][0])


def test_two_rows_of_one_entity_and_time_are_both_kept_out():
    intake = take_in(contract(), frame(customer=["twin", "twin"]))
    assert len(intake.good) == 18
    assert intake.reasons[0] == ["customer: another row has the same customer and asked_at"]


def test_one_row_may_have_several_reasons():
    intake = take_in(contract(), frame(amount=[-1.0], plan=["gold"]))
    assert len(intake.reasons[0]) == 2
    assert counted(intake.reasons) == {"amount": 1, "plan": 1}


def test_classes_written_as_numbers_are_read_as_the_contracts_texts():
    numbered = contract(classes=["0", "1"])
    assert set(take_in(numbered, frame().assign(answer=[0.0, 1.0] * 10)).good["answer"]) == {"0", "1"}


def test_a_regressions_target_has_to_be_a_finite_number():
    intake = take_in(contract("regression"), frame(task="regression", answer=[np.inf, "big"]))
    assert [intake.reasons[row][0] for row in (0, 1)] == ["answer: inf is not finite", "answer: 'big' is no number"]


def test_a_missing_column_is_refused_with_the_nearest_one():
    with pytest.raises(InvalidInput, match=r"no column 'amount'.*the nearest it has is 'amounts'.*Make `read`"):
        take_in(contract(), frame().rename(columns={"amount": "amounts"}))


def test_no_rows_are_refused():
    with pytest.raises(InvalidInput, match=r"no rows\. Look at"):
        take_in(contract(), frame().head(0))


def test_more_than_a_fifth_of_bad_rows_is_refused_as_a_whole_with_the_commonest_reason():
    with pytest.raises(InvalidInput, match=r"5 of 20 rows are refused, more than 20%.*amount: -1\.0 is below.*unit"):
        take_in(contract(), frame(amount=[-1.0] * 5))


def test_a_fifth_of_bad_rows_is_quarantined():
    assert len(take_in(contract(), frame(amount=[-1.0] * 4)).bad) == 4


def test_columns_that_are_not_declared_do_not_come_in():
    assert "extra" not in take_in(contract(), frame().assign(extra=1)).good
