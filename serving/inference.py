"""What does an inference request of the Open Inference Protocol v2 ask, and how is it answered?

One input tensor per column; two outputs: `score` FP32 [n, k], and `decision` [n], BYTES (FP64 for a regression).
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from serving import tensors
from serving.batch import Intake
from serving.columns import Values, kind
from serving.notation import decode
from serving.refusal import Refusal
from serving.release import Schema
from serving.tensors import Tensor

OUTPUTS = ("score", "decision")


class Requested(msgspec.Struct, kw_only=True):
    """An output that a client asks for."""

    name: str
    parameters: dict[str, Any] | None = None


class Request(msgspec.Struct, kw_only=True):
    """The JSON part of an inference request."""

    inputs: list[Tensor]
    id: str | None = None
    outputs: list[Requested] | None = None
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which outputs to send, in order, each with whether it goes into the binary tail."""

    id: str | None
    outputs: dict[str, bool]


PLAIN: dict[str, bool] = dict.fromkeys(OUTPUTS, False)
_decoder = msgspec.json.Decoder(Request)
_encode = msgspec.json.Encoder().encode


def read(body: bytes, header: str, intake: Intake) -> tuple[dict[str, Values], Wanted]:
    """The columns in a request, and what its answer shall hold; `header` is Inference-Header-Content-Length, or ''."""
    text, tail = split(body, header) if header else (body, b"")
    request = decode(_decoder, text)
    columns: dict[str, Values] = {}
    position, counted = 0, -1
    for tensor in request.inputs:
        if tensor.name in columns:
            raise Refusal("repeated_column", f"input '{tensor.name[:100]}' is there twice", field=tensor.name[:100])
        if (count := rows(tensor, intake)) != counted:
            intake.countable(count)
            counted = count
        size = tensors.binary_size(tensor) if tensor.parameters else None
        if size is None:
            columns[tensor.name] = tensors.from_json(tensor, count)
        else:
            columns[tensor.name] = tensors.from_binary(tensor, count, tail[position : position + size])
            position += size
    if position != len(tail):
        raise Refusal(
            "wrong_shape", f"the binary part has {len(tail)} bytes, the inputs' binary_data_size add up to {position}",
            field="binary_data_size", value=len(tail), limit=position,
        )  # fmt: skip
    return columns, wanted(request)


def split(body: bytes, header: str) -> tuple[bytes, bytes]:
    """The JSON and the binary part of a body."""
    length = int(header) if header.isascii() and header.isdigit() and len(header) < 16 else -1
    if not 0 <= length <= len(body):
        raise Refusal(
            "header", "header 'Inference-Header-Content-Length': not the length of the body's JSON part",
            field="inference-header-content-length", value=header, limit=len(body),
        )  # fmt: skip
    return body[:length], body[length:]


def rows(tensor: Tensor, intake: Intake) -> int:
    """How many rows an input has, once its name, datatype and shape are those of a column."""
    accepted = intake.datatypes.get(tensor.name)
    if accepted is None or tensor.datatype not in accepted:
        intake.known([tensor.name])
        raise tensors.wrong_datatype(tensor, intake.datatypes[tensor.name])
    return tensors.rows(tensor)


def wanted(request: Request) -> Wanted:
    """The outputs that a request asks for; all of them when it names none."""
    if request.outputs is None and request.parameters is None:
        return Wanted(id=request.id, outputs=PLAIN)
    everything = flag(request.parameters, "binary_data_output", "parameters")
    asked = request.outputs or [Requested(name=name) for name in OUTPUTS]
    outputs: dict[str, bool] = {}
    for output in asked:
        if output.name not in OUTPUTS or output.name in outputs:
            problem = "asked for twice" if output.name in outputs else f"not an output; these are {', '.join(OUTPUTS)}"
            raise Refusal("unknown_output", problem, field="outputs", value=output.name, limit=list(OUTPUTS))
        if output.parameters and "classification" in output.parameters:
            raise Refusal(
                "unknown_output", "the classification extension is not supported", field=output.name,
                value="classification",
            )  # fmt: skip
        binary = flag(output.parameters, "binary_data", output.name)
        outputs[output.name] = everything if binary is None and everything is not None else bool(binary)
    return Wanted(id=request.id, outputs=outputs)


def flag(parameters: dict[str, Any] | None, name: str, field: str) -> bool | None:
    """A boolean parameter, None when it is not given."""
    value = (parameters or {}).get(name)
    if value is not None and not isinstance(value, bool):
        raise Refusal(
            "wrong_format", f"'{field}': {name} is {kind(value)}, expected a boolean", field=field, value=value
        )
    return value


class Answers:
    """Encodes the answers of one release."""

    def __init__(self, schema: Schema, digest: str) -> None:
        self._model = {"model_name": schema.name, "model_version": digest}
        self._decisions = "FP64" if schema.task == "regression" else "BYTES"

    def encode(self, asked: Wanted, scores: np.ndarray, decisions: list[str | float]) -> tuple[bytes, int | None]:
        """The body, and the length of its JSON part when a binary part follows."""
        answer: dict[str, Any] = {**self._model, "outputs": [], "id": asked.id}
        if asked.id is None:
            del answer["id"]
        tail: list[bytes] = []
        for name, binary in asked.outputs.items():
            output = self.score(scores) if name == "score" else self.decision(decisions)
            if binary:
                tail.append(self.binary(output))
            answer["outputs"].append(output)
        text = _encode(answer)
        return (text + b"".join(tail), len(text)) if tail else (text, None)

    def score(self, scores: np.ndarray) -> dict[str, Any]:
        """The output `score`."""
        return {"name": "score", "datatype": "FP32", "shape": scores.shape, "data": scores.ravel().tolist()}

    def decision(self, decisions: list[str | float]) -> dict[str, Any]:
        """The output `decision`."""
        return {"name": "decision", "datatype": self._decisions, "shape": [len(decisions)], "data": decisions}

    def binary(self, output: dict[str, Any]) -> bytes:
        """Move an output's data out of it, into the binary form."""
        data = output.pop("data")
        code = tensors.NUMPY.get(output["datatype"])
        content = tensors.pack(data) if code is None else np.array(data, code).tobytes()
        output["parameters"] = {"binary_data_size": len(content)}
        return content


def metadata(schema: Schema, digest: str) -> dict[str, Any]:
    """The answer to a question for the model's metadata."""
    kinds = {"number": "FP32", "text": "BYTES"}
    decisions = "FP64" if schema.task == "regression" else "BYTES"
    return {
        "name": schema.name,
        "versions": [digest],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": c.name, "datatype": kinds[c.type], "shape": [-1, 1]} for c in schema.columns],
        "outputs": [
            {"name": "score", "datatype": "FP32", "shape": [-1, max(1, len(schema.classes))]},
            {"name": "decision", "datatype": decisions, "shape": [-1]},
        ],
    }
