"""What does a release answer? The one way to evaluate its ONNX graph, for gates, batch, explanations and server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from serving.release import GRAPH, Schema, schema

OUTPUT = "score"


class Graph:
    """An ONNX Runtime session on one thread, and what its inputs and outputs mean."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors reach the caller as exceptions; the log would repeat them
        self.schema: Schema = schema(folder)
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )

    def score(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Scores as float32 [rows, k], from one array-like of length `rows` for each column of the schema.

        Missing numbers are NaN. Raises whatever ONNX Runtime raises when the graph fails on these values.
        """
        feed = {
            column.name: np.asarray(columns[column.name], dtype=np.float32 if column.type == "number" else object)
            .reshape(-1, 1)
            for column in self.schema.columns
        }
        return self._session.run([OUTPUT], feed)[0]

    def decide(self, scores: np.ndarray) -> list[str | float]:
        """The decision for each row of `scores`: a class, or the value itself for a regression."""
        return decide(self.schema, scores)


def decide(schema: Schema, scores: np.ndarray) -> list[str | float]:
    """The decision for each row of scores [rows, k] under `schema`."""
    if schema.task == "regression":
        return [float(value) for value in scores[:, 0]]
    if schema.task == "binary":
        threshold = 0.5 if schema.threshold is None else schema.threshold
        return [schema.classes[int(score >= threshold)] for score in scores[:, 1]]
    return [schema.classes[index] for index in scores.argmax(axis=1)]
