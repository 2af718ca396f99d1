"""Which small releases do tests serve? Graphs built by hand, so that no training and no second library is involved.

Each function fills an empty folder, seals it and returns the digest. `bias` and `slope` make another release of the
same model; the same arguments give the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.release import GRAPH, LINEAGE, PROFILE, SCHEMA, Column, Schema, canonical, seal

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]

BINARY = Schema(
    name="renewal", task="binary", entity="customer", event_time="asked_at", classes=["leaves", "stays"],
    threshold=0.4,
    columns=[
        Column(name="amount", type="number", unit="EUR", minimum=0, maximum=1000),
        Column(name="age", type="number", unit="years", minimum=18, maximum=120, nullable=True),
        Column(name="rooms", type="number", values=[1, 2, 3]),
        Column(name="plan", type="text", values=["basic", "plus"]),
        Column(name="note", type="text", nullable=True),
    ],
)  # fmt: skip
REGRESSION = Schema(
    name="rent", task="regression", entity="flat", event_time="seen_at", classes=[],
    columns=[Column(name="area", type="number", minimum=1, maximum=500), Column(name="floor", type="number")],
)  # fmt: skip
MULTICLASS = Schema(
    name="flower", task="multiclass", entity="plant", event_time="seen_at", classes=["red", "green", "blue"],
    columns=[Column(name="length", type="number", minimum=0), Column(name="width", type="number", minimum=0)],
)  # fmt: skip
FRAGILE = Schema(
    name="fragile", task="binary", entity="thing", event_time="seen_at", classes=["no", "yes"], threshold=0.5,
    columns=[Column(name="bucket", type="number", minimum=0, maximum=100)],
)  # fmt: skip

BINARY_ROW: dict[str, object] = {"amount": 500.0, "age": 40.0, "rooms": 2.0, "plan": "plus", "note": "hello"}
FRAGILE_FROM = 10  # its graph fails on a `bucket` from here on, although its schema allows it


def binary(folder: Path, *, bias: float = 0.0) -> str:
    """P(stays) = sigmoid(amount/500 - age/100 + 0.1 rooms + (plan is plus) + bias); a missing age counts as 0."""
    return build(
        folder,
        BINARY,
        [
            ("Constant", [], "zero", {"value": tensor([[0.0]])}),
            ("IsNaN", ["age"], "unknown", {}),
            ("Where", ["unknown", "zero", "age"], "years", {}),
            ("LabelEncoder", ["plan"], "plus", one("plus", 1.0)),
            ("LabelEncoder", ["note"], "noted", one("", 0.0)),
            ("Concat", ["amount", "years", "rooms", "plus", "noted"], "all", {"axis": 1}),
            ("Constant", [], "weights", {"value": tensor([[1 / 500], [-0.01], [0.1], [1.0], [0.0]])}),
            ("MatMul", ["all", "weights"], "raw", {}),
            *sigmoid("raw", bias),
        ],
    )


def regression(folder: Path, *, bias: float = 100.0) -> str:
    """rent = 10 area - 5 floor + bias"""
    return build(
        folder,
        REGRESSION,
        [
            ("Concat", ["area", "floor"], "all", {"axis": 1}),
            ("Constant", [], "weights", {"value": tensor([[10.0], [-5.0]])}),
            ("Constant", [], "bias", {"value": tensor([[bias]])}),
            ("MatMul", ["all", "weights"], "raw", {}),
            ("Add", ["raw", "bias"], "score", {}),
        ],
    )


def multiclass(folder: Path, *, slope: float = 1.0) -> str:
    """P = softmax(slope * [length, width, 1])"""
    return build(
        folder,
        MULTICLASS,
        [
            ("Concat", ["length", "width"], "all", {"axis": 1}),
            ("Constant", [], "weights", {"value": tensor([[slope, 0.0, 0.0], [0.0, slope, 0.0]])}),
            ("Constant", [], "bias", {"value": tensor([[0.0, 0.0, slope]])}),
            ("MatMul", ["all", "weights"], "raw", {}),
            ("Add", ["raw", "bias"], "logits", {}),
            ("Softmax", ["logits"], "score", {"axis": 1}),
        ],
    )


def fragile(folder: Path, *, bias: float = 0.0) -> str:
    """P(yes) = sigmoid(bucket/10 + bias) from a table of ten: the graph fails for a bucket of FRAGILE_FROM or more."""
    return build(
        folder,
        FRAGILE,
        [
            ("Constant", [], "table", {"value": tensor([i / 10 for i in range(FRAGILE_FROM)])}),
            ("Cast", ["bucket"], "index", {"to": TensorProto.INT64}),
            ("Gather", ["table", "index"], "raw", {"axis": 0}),
            *sigmoid("raw", bias),
        ],
    )


def one(text: str, number: float) -> dict[str, object]:
    """The attributes of an encoder of `text` as `number` and of everything else as 0."""
    return {"keys_strings": [text], "values_floats": [number], "default_float": 0.0}


Node = tuple[str, list[str], str, dict[str, object]]


def sigmoid(raw: str, bias: float) -> list[Node]:
    """The nodes from a logit [rows, 1] to `score` [rows, 2]."""
    return [
        ("Constant", [], "bias", {"value": tensor([[bias]])}),
        ("Add", [raw, "bias"], "logit", {}),
        ("Sigmoid", ["logit"], "positive", {}),
        ("Constant", [], "one", {"value": tensor([[1.0]])}),
        ("Sub", ["one", "positive"], "negative", {}),
        ("Concat", ["negative", "positive"], "score", {"axis": 1}),
    ]


def tensor(values: Sequence[object]) -> onnx.TensorProto:
    """A float32 constant."""
    return numpy_helper.from_array(np.array(values, dtype=np.float32))


def build(folder: Path, schema: Schema, nodes: Sequence[Node]) -> str:
    """Write a release around the graph of `nodes` (operator, inputs, output, attributes); return its digest."""
    kinds = {"number": TensorProto.FLOAT, "text": TensorProto.STRING}
    graph = helper.make_graph(
        [
            helper.make_node(
                kind, inputs, [output], domain="ai.onnx.ml" if kind == "LabelEncoder" else "", **attributes
            )
            for kind, inputs, output, attributes in nodes
        ],
        schema.name,
        [helper.make_tensor_value_info(c.name, kinds[c.type], [None, 1]) for c in schema.columns],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, max(1, len(schema.classes))])],
    )
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=9)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GRAPH).write_bytes(model.SerializeToString())
    (folder / SCHEMA).write_bytes(canonical(schema))
    (folder / PROFILE).write_bytes(canonical({"rows": 0, "features": {}, "scores": [], "decisions": {}}))
    (folder / LINEAGE).write_bytes(canonical({"model": schema.name}))
    return seal(folder)
