"""Do the formats of MLflow's scoring protocol become the same columns?"""

import json
from typing import Any

import pytest

from serving import invocations
from serving.batch import Intake
from serving.body import CSV, JSON
from serving.refusal import Refusal
from tests.serving.releases import BINARY, BINARY_ROW

INTAKE = Intake(BINARY, max_rows=3)
NAMES = list(BINARY_ROW)
ROW = list(BINARY_ROW.values())
COLUMNS = {name: [value, value] for name, value in BINARY_ROW.items()}
FORMATS: list[dict[str, Any]] = [
    {"dataframe_split": {"columns": NAMES, "data": [ROW, ROW]}},
    {"dataframe_split": {"columns": NAMES, "data": [ROW, ROW], "index": [0, 1]}},
    {"dataframe_records": [BINARY_ROW, BINARY_ROW]},
    {"inputs": COLUMNS},
    {"inputs": {name: [[value], [value]] for name, value in BINARY_ROW.items()}},
    {"inputs": [BINARY_ROW, BINARY_ROW]},
    {"inputs": [ROW, ROW]},
    {"instances": [BINARY_ROW, BINARY_ROW]},
    {"instances": [ROW, ROW]},
    {"instances": [ROW, ROW], "params": {}},
]


def read(request: Any) -> dict[str, list[Any]]:
    return invocations.read(json.dumps(request).encode(), JSON, INTAKE)


def refused(request: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(request)
    return caught.value


@pytest.mark.parametrize("request_", FORMATS)
def test_every_format_gives_the_same_columns(request_: dict[str, Any]) -> None:
    assert read(request_) == COLUMNS


def test_csv_gives_the_same_columns_with_empty_cells_missing() -> None:
    text = 'amount,age,rooms,plan,note\r\n500,,2.0,plus,\r\n5e2,40,2,plus,"a, b"\r\n'
    assert invocations.read(text.encode(), CSV, INTAKE) == {
        "amount": [500, 500], "age": [None, 40], "rooms": [2, 2], "plan": ["plus", "plus"], "note": [None, "a, b"]
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "\n\n", "amount", "amount\n1,2", "nothing\n1", "amount,amount\n1,1", 'amount\n"1']
)
def test_what_is_no_csv_of_the_columns_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        invocations.read(text.encode(), CSV, INTAKE)


def test_csv_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refusal, match="not UTF-8 at byte 7"):
        invocations.read(b"amount\n\xff", CSV, INTAKE)


@pytest.mark.parametrize("value", ["12,5", "1_000", "x", "0x10"])
def test_a_cell_of_csv_that_is_no_number_stays_text_for_its_column_to_refuse(value: str) -> None:
    assert invocations.cell(INTAKE, "amount", value) == value


def test_a_scalar_is_one_row() -> None:
    assert read({"inputs": BINARY_ROW}) == {name: [value] for name, value in BINARY_ROW.items()}


def test_nan_as_pythons_json_writes_it_is_a_missing_value() -> None:
    body = b'{"dataframe_records": [{"age": NaN, "note": "NaN \\" NaN"}]}'
    assert invocations.read(body, JSON, INTAKE) == {"age": [None], "note": ['NaN " NaN']}


@pytest.mark.parametrize("body", [b'{"inputs": [Infinity]}', b'{"inputs": NaNNaN}', b"{NaN: 1}", b"NaN"])
def test_other_literals_of_pythons_json_stay_broken(body: bytes) -> None:
    with pytest.raises(Refusal):
        invocations.read(body, JSON, INTAKE)


@pytest.mark.parametrize(
    "text",
    [
        b'"\\ud800"',
        b'"\\ud800x"',
        b'"\\udc00"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"\x00"',
        b"1e999",
        b"1" * 5000,
        b"[" * 9999,
    ],
)
def test_texts_and_numbers_that_json_cannot_hold_are_refused(text: bytes) -> None:
    with pytest.raises(Refusal):
        invocations.read(b'{"instances": [{"note": ' + text + b"}]}", JSON, INTAKE)


@pytest.mark.parametrize(
    "request_", [{}, [], 1, None, {"dataframe": []}, {"inputs": {}, "instances": []}, {"data": []}]
)
def test_anything_but_exactly_one_format_is_refused(request_: Any) -> None:
    assert refused(request_).reason == "wrong_format"


@pytest.mark.parametrize("name", ["dataframe_records", "inputs", "instances"])
def test_a_request_without_rows_is_refused(name: str) -> None:
    assert refused({name: []}).reason == "no_rows"


def test_too_many_rows_are_refused_in_every_format() -> None:
    many = [ROW] * 4
    for request in ({"dataframe_split": {"columns": NAMES, "data": many}}, {"instances": many}):
        assert refused(request).reason == "too_many_rows"
    assert refused({"dataframe_records": [BINARY_ROW] * 4}).reason == "too_many_rows"


@pytest.mark.parametrize("cells", [[], ROW[:-1], [*ROW, 1]])
def test_a_row_of_another_width_is_refused_by_its_number(cells: list[Any]) -> None:
    refusal = refused({"dataframe_split": {"columns": NAMES, "data": [ROW, cells]}})
    assert (refusal.reason, refusal.row, refusal.limit) == ("wrong_shape", 1, 5)


def test_a_column_that_comes_twice_is_refused() -> None:
    assert refused({"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}).reason == "repeated_column"


def test_records_of_different_columns_are_refused_by_row_and_column() -> None:
    short = {name: value for name, value in BINARY_ROW.items() if name != "plan"}
    for records, row in (([BINARY_ROW, short], 1), ([short, BINARY_ROW], 0)):
        refusal = refused({"dataframe_records": records})
        assert (refusal.reason, refusal.field, refusal.row) == ("missing_column", "plan", row)


def test_an_unknown_column_of_a_later_record_is_refused_with_the_nearest_one() -> None:
    assert "'plan'" in str(refused({"dataframe_records": [BINARY_ROW, BINARY_ROW | {"plam": 1}]}))


@pytest.mark.parametrize("rows", [[1], ["a"], [None], [BINARY_ROW, ROW], [ROW, BINARY_ROW], [[[1]]]])
def test_rows_that_are_none_are_refused(rows: list[Any]) -> None:
    assert refused({"instances": rows}).reason in ("wrong_type", "wrong_shape")


@pytest.mark.parametrize("values", [[[1], 2], [[1, 2]], [[]]])
def test_a_column_of_another_shape_is_refused(values: list[Any]) -> None:
    assert refused({"inputs": {"amount": values}}).reason == "wrong_shape"


def test_a_scalar_beside_arrays_is_refused() -> None:
    refusal = refused({"inputs": {"amount": [1, 2], "age": 3}})
    assert (refusal.reason, refusal.field) == ("wrong_type", "age")


def test_parameters_are_refused_since_no_release_has_any() -> None:
    assert refused({"instances": [ROW], "params": {"temperature": 1}}).field == "params"
