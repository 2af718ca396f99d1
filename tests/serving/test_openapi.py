"""Does the OpenAPI document say what the decoder does?"""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import invocations, openapi
from serving.batch import Intake
from serving.body import JSON
from serving.refusal import Refusal
from tests.serving.releases import BINARY, BINARY_ROW
from tests.serving.served import LIMITS, NOW, Served

INTAKE = Intake(BINARY, LIMITS.rows)
RECORD = jsonschema.Draft202012Validator(openapi.record(BINARY))

cells = st.sampled_from(
    [*BINARY_ROW.values(), None, True, "", "basic", "gold", -1, 0, 18, 120.5, 1000, 1001, 2.5, [1], {}]
)
names = st.sampled_from([*BINARY_ROW, "customer", "amuont"])
changes = st.dictionaries(names, cells | st.floats(allow_nan=False, allow_infinity=False), max_size=3)


def accepted(record: dict[str, Any]) -> bool:
    """Does the decoder take one row?"""
    try:
        INTAKE.batch(invocations.read(json.dumps({"dataframe_records": [record]}).encode(), JSON, INTAKE), NOW)
    except Refusal:
        return False
    return True


@settings(max_examples=500)
@given(changes, st.lists(names, max_size=1))
def test_a_row_is_valid_exactly_when_the_decoder_takes_it(changed: dict[str, Any], without: list[str]) -> None:
    record = {name: value for name, value in (BINARY_ROW | changed).items() if name not in without}
    if isinstance(record.get("customer"), float):
        record["customer"] = "c"  # for JSON Schema 7.0 is an integer, for us no key
    assert RECORD.is_valid(record) is accepted(record), record


def test_the_document_names_the_columns_with_range_values_and_unit(binary: Served) -> None:
    document = binary.ask("GET", "/openapi.json").json()
    schema = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    row = next(one for one in schema["oneOf"] if "dataframe_records" in one["required"])
    columns = row["properties"]["dataframe_records"]["items"]["properties"]
    assert columns["amount"] == {"type": "number", "minimum": 0, "maximum": 1000, "description": "in EUR"}
    assert columns["plan"] == {"type": "string", "enum": ["basic", "plus"]}
    assert columns["note"] == {"type": ["string", "null"]}


def test_every_path_of_the_document_is_answered_and_every_answered_path_is_in_it(binary: Served) -> None:
    document = binary.ask("GET", "/openapi.json").json()
    assert set(document["paths"]) == {*binary.app._pages, *binary.app._scores}


@pytest.mark.parametrize("build", ["binary", "regression", "multiclass"])
def test_answers_are_as_the_document_says(build: str, request: pytest.FixtureRequest) -> None:
    served: Served = request.getfixturevalue(build)
    document = served.ask("GET", "/openapi.json").json()
    rows = {"binary": BINARY_ROW, "regression": {"area": 1, "floor": 1}, "multiclass": {"length": 1, "width": 1}}
    answer = served.invoke({"dataframe_records": [rows[build]]})
    responses = document["paths"]["/invocations"]["post"]["responses"]
    jsonschema.validate(answer.json(), responses["200"]["content"]["application/json"]["schema"])
    jsonschema.validate(served.invoke({}).json(), document["components"]["schemas"]["Problem"])
