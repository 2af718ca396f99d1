"""What does a release answer? The one way to evaluate its ONNX graph, for gates, batch, explanations and server."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from serving.release import GRAPH, ReleaseError, Schema, schema
from serving.row import Row

OUTPUT = "score"
TENSORS = {"number": "tensor(float)", "text": "tensor(string)"}


class Graph:
    """An ONNX Runtime session on one thread, and what its inputs and outputs mean."""

    def __init__(self, folder: Path) -> None:
        """Load the graph in `folder`. Raises ReleaseError when it is none, or not the one that its schema describes."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors reach the caller as exceptions; the log would repeat them
        self.schema: Schema = schema(folder)
        self._numbers = [column.name for column in self.schema.columns if column.type == "number"]
        self._texts = [column.name for column in self.schema.columns if column.type == "text"]
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001  # ONNX Runtime's errors share no base class
            raise ReleaseError(f"{GRAPH}: ONNX Runtime cannot load it: {error}. Train again.") from None
        inputs = {given.name: given.type for given in self._session.get_inputs()}
        outputs = [given.name for given in self._session.get_outputs()]
        if problem := mismatch(self.schema, inputs, outputs):
            raise ReleaseError(f"{GRAPH}: {problem}. It does not belong to its schema; train again.")

    def score(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Scores as float32 [rows, k], from one array-like of length `rows` for each column of the schema.

        Missing numbers are NaN or None, missing texts None (an empty string for the graph).
        Raises whatever ONNX Runtime raises when the graph fails on these values.
        """
        feed: dict[str, np.ndarray] = {name: texts(columns[name]) for name in self._texts}
        if self._numbers:
            # One conversion for all of them: of a single row, one for each column costs more than the graph.
            numbers = np.array([columns[name] for name in self._numbers], dtype=np.float32)
            feed.update(zip(self._numbers, numbers.reshape(len(numbers), -1, 1), strict=True))
        return self._session.run([OUTPUT], feed)[0]

    def row(self) -> Row | None:
        """A faster way to score one row at a time, for a graph that has no text column."""
        return None if self._texts else Row(self._session, self.schema, OUTPUT)

    def decide(self, scores: np.ndarray) -> list[str | float]:
        """The decision for each row of `scores`: a class, or the value itself for a regression."""
        return decide(self.schema, scores)


def mismatch(schema: Schema, inputs: Mapping[str, str], outputs: list[str]) -> str | None:
    """How a graph's inputs (name to ONNX Runtime's type) and outputs differ from what the schema says."""
    expected = {column.name: TENSORS[column.type] for column in schema.columns}
    if inputs != expected:
        name = min(set(inputs.items()) ^ set(expected.items()))[0]
        return (
            f"input '{name}' is {inputs.get(name, 'missing')}, its schema says {expected.get(name, 'no such column')}"
        )
    if outputs != [OUTPUT]:
        return f"its outputs are {outputs}, expected ['{OUTPUT}']"
    return None


def texts(values: Any) -> np.ndarray:
    """The graph's input [rows, 1] for texts; None and NaN (a data frame's missing text) become empty strings."""
    flat = np.asarray(values, dtype=object).ravel()
    return np.array([value if isinstance(value, str) else empty(value) for value in flat], dtype=object).reshape(-1, 1)


def empty(value: Any) -> str:
    """The empty string for a missing text; ONNX Runtime would make a text of anything."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    raise TypeError(f"{value!r} is no text")


def decide(schema: Schema, scores: np.ndarray) -> list[str | float]:
    """The decision for each row of scores [rows, k] under `schema`."""
    if schema.task == "regression":
        return [float(value) for value in scores[:, 0]]
    if schema.task == "binary":
        threshold = 0.5 if schema.threshold is None else schema.threshold
        return [schema.classes[int(score >= threshold)] for score in scores[:, 1]]
    return [schema.classes[index] for index in scores.argmax(axis=1)]
