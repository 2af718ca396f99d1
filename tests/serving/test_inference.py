"""Does the Open Inference Protocol's request become columns, and its answer what was asked for?"""

import json
import struct
from typing import Any

import numpy as np
import pytest

from serving import inference
from serving.batch import Intake
from serving.inference import Answers, Wanted
from serving.refusal import Refusal
from tests.serving.releases import BINARY, REGRESSION

INTAKE = Intake(BINARY, max_rows=3)
ANSWERS = Answers(BINARY, "d1")
SCORES = np.array([[0.25, 0.75], [1, 0]], dtype=np.float32)


def tensor(name: str = "amount", shape: Any = (1,), datatype: str = "FP32", **rest: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "datatype": datatype, **({"data": [5]} | rest)}


def read(*inputs: dict[str, Any], tail: bytes | None = None, **rest: Any) -> tuple[dict[str, Any], Wanted]:
    text = json.dumps({"inputs": list(inputs), **rest}).encode()
    return inference.read(text + (tail or b""), "" if tail is None else str(len(text)), INTAKE)


def refused(*inputs: dict[str, Any], **options: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(*inputs, **options)
    return caught.value


def binary(datatype: str, content: bytes, shape: Any = (2,), name: str = "amount") -> dict[str, Any]:
    parameters = {"binary_data_size": len(content)}
    return {"name": name, "shape": list(shape), "datatype": datatype, "parameters": parameters}


def test_a_column_may_be_flat_or_a_matrix_of_one_column() -> None:
    flat, matrix = tensor(shape=[2], data=[1, 2]), tensor(shape=[2, 1], data=[1, 2])
    nested = tensor(shape=[2, 1], data=[[1], [2]])
    assert [read(given)[0] for given in (flat, matrix, nested)] == [{"amount": [1, 2]}] * 3


@pytest.mark.parametrize("shape", [[], [1, 2], [1, 1, 1], [-1], [2, 0]])
def test_another_shape_is_refused(shape: list[int]) -> None:
    refusal = refused(tensor(shape=shape))
    assert (refusal.reason, refusal.field) == ("wrong_shape", "amount")


@pytest.mark.parametrize("data", [[], [1, 2], [[1], [2, 3]], [[1, 2]], [[1], 2]])
def test_data_that_contradict_the_shape_are_refused(data: list[Any]) -> None:
    refusal = refused(tensor(shape=[len(data) if isinstance((data or [0])[0], list) else 1], data=data))
    assert refusal.reason == "wrong_shape"


def test_no_rows_and_too_many_rows_are_refused_by_the_shape_alone() -> None:
    assert refused(tensor(shape=[0], data=[])).reason == "no_rows"
    assert refused(tensor(shape=[10**9])).reason == "too_many_rows"


@pytest.mark.parametrize(
    ("name", "datatype"), [("amount", "BYTES"), ("amount", "BOOL"), ("plan", "FP32"), ("plan", "X")]
)
def test_a_datatype_that_the_column_does_not_take_is_refused_with_those_it_does(name: str, datatype: str) -> None:
    refusal = refused(tensor(name, datatype=datatype))
    assert refusal.reason == "wrong_type"
    assert ("BYTES" if name == "plan" else "FP32") in refusal.limit


@pytest.mark.parametrize(("datatype", "value"), [("INT64", 1.5), ("INT8", 300), ("UINT8", -1)])
def test_a_number_that_its_integer_datatype_cannot_hold_is_refused(datatype: str, value: float) -> None:
    assert refused(tensor(datatype=datatype, data=[value])).reason == "wrong_type"


def test_an_unknown_input_is_refused_with_the_nearest_one() -> None:
    assert "'amount'" in str(refused(tensor("amont")))


def test_an_input_that_comes_twice_is_refused() -> None:
    assert refused(tensor(), tensor()).reason == "repeated_column"


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT64"])
def test_binary_numbers_are_read_as_little_endian(datatype: str) -> None:
    code = np.dtype({"FP": "f", "IN": "i", "UI": "u"}[datatype[:2]] + str(int(datatype.lstrip("FPUINT")) // 8))
    content = np.array([1, 2], dtype=code.newbyteorder("<")).tobytes()
    assert read(binary(datatype, content), tail=content)[0] == {"amount": [1, 2]}


def test_binary_texts_have_their_length_before_them() -> None:
    content = struct.pack("<I", 2) + "é".encode() + struct.pack("<I", 0)
    assert read(binary("BYTES", content, name="plan"), tail=content)[0] == {"plan": ["é", ""]}


def test_binary_and_json_inputs_may_be_mixed_in_any_order() -> None:
    first, second = np.array([1.0], "<f4").tobytes(), struct.pack("<I", 4) + b"plus"
    inputs = [binary("FP32", first, [1]), tensor("rooms", data=[2]), binary("BYTES", second, [1], "plan")]
    assert read(*inputs, tail=first + second)[0] == {"amount": [1.0], "rooms": [2], "plan": ["plus"]}


@pytest.mark.parametrize(
    "content",
    [
        b"\x01",
        struct.pack("<I", 9) + b"abc",
        struct.pack("<I", 1) + b"a",
        struct.pack("<I", 0) * 3,
        b"\xff\xff\xff\xff",
    ],
)
def test_binary_texts_that_contradict_their_lengths_are_refused(content: bytes) -> None:
    assert refused(binary("BYTES", content, name="plan"), tail=content).reason == "wrong_shape"


def test_binary_texts_that_are_not_utf8_are_refused() -> None:
    content = struct.pack("<I", 1) + b"\xff"
    assert refused(binary("BYTES", content, [1], "plan"), tail=content).reason == "wrong_type"


@pytest.mark.parametrize("tail", [b"", b"1234567", b"123456789"])
def test_a_binary_part_of_another_size_than_the_inputs_say_is_refused(tail: bytes) -> None:
    assert refused(binary("FP32", b"12345678"), tail=tail).reason == "wrong_shape"


@pytest.mark.parametrize("size", [-1, "8", 1.5, True])
def test_a_binary_size_that_is_no_size_is_refused(size: object) -> None:
    broken = {"name": "amount", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": size}}
    assert refused(broken, tail=b"1234").reason == "wrong_format"


def test_data_in_json_and_binary_at_once_or_in_shared_memory_are_refused() -> None:
    assert refused(binary("FP32", b"1234", [1]) | {"data": [1]}, tail=b"1234").reason == "wrong_format"
    assert refused(tensor(parameters={"shared_memory_region": "r"})).reason == "wrong_format"


@pytest.mark.parametrize("header", ["-1", "x", "9999", "1.0", "²", "9" * 40])
def test_a_length_of_the_json_part_that_cannot_be_is_refused(header: str) -> None:
    with pytest.raises(Refusal, match="Inference-Header-Content-Length"):
        inference.read(b"{}", header, INTAKE)


def test_without_a_wish_all_outputs_come_as_json() -> None:
    _, wanted = read(tensor(), id="7")
    body, header = ANSWERS.encode(wanted, SCORES, ["stays", "leaves"])
    assert header is None
    assert json.loads(body) == {
        "model_name": "renewal", "model_version": "d1", "id": "7",
        "outputs": [
            {"name": "score", "datatype": "FP32", "shape": [2, 2], "data": [0.25, 0.75, 1, 0]},
            {"name": "decision", "datatype": "BYTES", "shape": [2], "data": ["stays", "leaves"]},
        ],
    }  # fmt: skip


def test_only_the_requested_outputs_come() -> None:
    body, _ = ANSWERS.encode(read(tensor(), outputs=[{"name": "decision"}])[1], SCORES, ["stays", "leaves"])
    assert [output["name"] for output in json.loads(body)["outputs"]] == ["decision"]


def test_binary_outputs_follow_the_json_in_its_order() -> None:
    outputs = [{"name": "decision", "parameters": {"binary_data": True}}, {"name": "score"}]
    body, header = ANSWERS.encode(read(tensor(), outputs=outputs)[1], SCORES, ["stays", "leaves"])
    decision, score = json.loads(body[:header])["outputs"]
    assert body[header:] == struct.pack("<I", 5) + b"stays" + struct.pack("<I", 6) + b"leaves"
    assert decision["parameters"]["binary_data_size"] == len(body[header:])
    assert score["data"] == [0.25, 0.75, 1, 0]


def test_one_parameter_asks_for_all_outputs_as_binary_and_an_output_may_differ() -> None:
    everything = read(tensor(), parameters={"binary_data_output": True})[1]
    assert everything.outputs == {"score": True, "decision": True}
    outputs = [{"name": "score", "parameters": {"binary_data": False}}]
    assert read(tensor(), parameters={"binary_data_output": True}, outputs=outputs)[1].outputs == {"score": False}


def test_a_regression_decides_with_numbers() -> None:
    wanted = Wanted(id=None, outputs={"decision": True})
    body, header = Answers(REGRESSION, "d1").encode(wanted, np.array([[590.0]]), [590.0])
    assert json.loads(body[:header])["outputs"][0]["datatype"] == "FP64"
    assert struct.unpack("<d", body[header:]) == (590.0,)


@pytest.mark.parametrize(
    "outputs",
    [[{"name": "scores"}], [{"name": "score"}] * 2, [{"name": "score", "parameters": {"classification": 2}}]],
)
def test_outputs_that_do_not_exist_are_refused(outputs: list[Any]) -> None:
    assert refused(tensor(), outputs=outputs).reason == "unknown_output"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"1", b"{", b"nul", b'{"inputs": 1}', b'{"inputs": [1]}', b'{"inputs": [{"name": "amount"}]}',
     b'{"inputs": [{"name": 1, "shape": [1], "datatype": "FP32"}]}', b"\xff", b'"\xff"', b'{"inputs":' + b"[" * 99_999],
)  # fmt: skip
def test_what_is_no_inference_request_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        inference.read(body, "", INTAKE)


def test_a_wish_for_binary_outputs_that_is_no_boolean_is_refused() -> None:
    assert refused(tensor(), parameters={"binary_data_output": 1}).field == "parameters"
    assert refused(tensor(), outputs=[{"name": "score", "parameters": {"binary_data": "yes"}}]).field == "score"


def test_fields_of_other_extensions_are_left_alone() -> None:
    assert read(tensor(extra=1), model_name="renewal", parameters={"priority": 1})[0] == {"amount": [5]}
