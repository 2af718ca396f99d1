"""Does the ONNX graph of a fitted estimator say the same as the estimator? From here on only the graph is used."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.contract import Contract
from pipelines.errors import InvalidInput
from pipelines.lightgbm_export import register
from serving.graph import OUTPUT, Graph, decide
from serving.release import Schema

if TYPE_CHECKING:
    import pandas as pd

OPSET = {"": 18, "ai.onnx.ml": 3}
LIMIT = 1e-5
WAY_OUT = (
    "Known causes: trees behind a scaler (leave their inputs unscaled), HistGradientBoosting's `categorical_features` "
    "(one-hot encode instead), isotonic calibration (use sigmoid). docs/estimators.md lists what is known to agree."
)


def to_schema(contract: Contract) -> Schema:
    """The schema of a release of this contract."""
    return Schema(
        name=contract.name, task=contract.task, entity=contract.entity, event_time=contract.event_time,
        columns=[feature.column() for feature in contract.inputs()], classes=contract.classes,
        threshold=contract.decision.threshold if contract.task == "binary" else None,
    )  # fmt: skip


def to_onnx(estimator: Any, contract: Contract) -> bytes:
    """The graph of a fitted estimator: one input [rows, 1] per column, the only output `score`, always the same bytes.

    Raises InvalidInput when a part of the estimator has no converter.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds: dict[str, Any] = {"number": FloatTensorType, "text": StringTensorType}
    inputs = [(feature.name, kinds[feature.type]([None, 1])) for feature in contract.inputs()]
    options = None if contract.task == "regression" else {id(last_step(estimator)): {"zipmap": False}}
    register(parts(estimator))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: Any = convert_sklearn(
                of_columns(estimator, contract), contract.name, initial_types=inputs, options=options,
                target_opset=dict(OPSET),
            )  # fmt: skip
    except Exception as error:  # the converters' errors share no base class
        why = " ".join(str(error).split())[:300]
        raise InvalidInput(
            f"estimator.py: {type(last_step(estimator)).__name__} does not become an ONNX graph: {why}. "
            "Only ONNX is released; docs/estimators.md lists estimators that convert."
        ) from error
    return tidy(model, contract)


def of_columns(estimator: Any, contract: Contract) -> Any:
    """The estimator behind a step that joins the columns, unless its first step takes them one by one already."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    first = estimator.steps[0][1] if hasattr(estimator, "steps") else estimator
    if isinstance(first, ColumnTransformer):
        return estimator
    names = [feature.name for feature in contract.inputs()]
    join = ColumnTransformer([("columns", "passthrough", names)]).fit(pd.DataFrame([[0.0] * len(names)], columns=names))
    return Pipeline([("join", join), ("estimator", estimator)])


def last_step(estimator: Any) -> Any:
    """The estimator at the end of a pipeline, or the estimator itself."""
    return last_step(estimator.steps[-1][1]) if hasattr(estimator, "steps") else estimator


def parts(estimator: Any) -> Iterator[Any]:
    """The estimator and all that are nested in it."""
    yield estimator
    for value in estimator.get_params(deep=True).values():
        if hasattr(value, "get_params"):
            yield value


def tidy(model: Any, contract: Contract) -> bytes:
    """Keep what leads to the scores, call them `score`, and drop what names a producer or a time."""
    from onnx import TensorProto, checker, helper

    graph = model.graph
    scores = graph.output[-1].name
    width = max(1, len(contract.classes))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, width]))
    for node in graph.node:
        node.output[:] = [OUTPUT if name == scores else name for name in node.output]
        node.input[:] = [OUTPUT if name == scores else name for name in node.input]
        node.doc_string = ""
    drop_unused(graph)
    model.producer_name = model.producer_version = model.doc_string = model.domain = graph.doc_string = ""
    model.model_version = 0
    del model.metadata_props[:]
    opsets = sorted(model.opset_import, key=lambda one: one.domain)  # they come from a set: another order per process
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def drop_unused(graph: Any) -> None:
    """Remove nodes and constants that do not lead to an output."""
    wanted, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.insert(0, node)
    constants = [one for one in graph.initializer if one.name in wanted]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(constants)


def estimator_scores(estimator: Any, contract: Contract, frame: "pd.DataFrame") -> np.ndarray:
    """What the estimator itself says [rows, k]."""
    if contract.task == "regression":
        return np.asarray(estimator.predict(frame), dtype=np.float64).reshape(-1, 1)
    return np.asarray(estimator.predict_proba(frame), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far a graph is from its estimator: the largest difference, what it is measured by, and changed decisions."""

    difference: float
    scale: float
    flips: int
    rows: int

    def holds(self) -> bool:
        """Is the graph the estimator?"""
        return self.difference <= LIMIT * self.scale and self.flips == 0


def parity(schema: Schema, estimator: np.ndarray, graph: np.ndarray) -> Parity:
    """Compare scores [rows, k] of both. The scale is 1 for probabilities, the standard deviation for a regression."""
    scale = float(np.std(estimator)) if schema.task == "regression" else 1.0
    flips = 0
    if schema.task != "regression":
        flips = sum(a != b for a, b in zip(decide(schema, estimator), decide(schema, graph), strict=True))
    return Parity(difference=float(np.max(np.abs(estimator - graph))), scale=scale, flips=flips, rows=len(estimator))


def prove_parity(estimator: Any, graph: Graph, contract: Contract, frame: "pd.DataFrame", columns: Any) -> Parity:
    """The parity on the rows in `frame` (for the estimator) and `columns` (the same for the graph).

    Raises InvalidInput with the difference, the limit and the way out when they disagree.
    """
    found = parity(graph.schema, estimator_scores(estimator, contract, frame), graph.score(columns))
    if not found.holds():
        raise InvalidInput(
            f"the ONNX graph is not the estimator: on {found.rows} rows the largest difference is "
            f"{found.difference:.3g}, allowed is {LIMIT * found.scale:.3g}, and {found.flips} decisions differ. "
            f"{WAY_OUT}"
        )
    return found
