"""Is a graph the estimator, always the same bytes, and refused when it is not?"""

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.contract import Contract, Feature
from pipelines.errors import InvalidInput
from pipelines.export import Parity, parity, prove_parity, to_onnx, to_schema
from serving.graph import OUTPUT, Graph
from serving.release import GRAPH, SCHEMA, canonical
from tests.pipelines.contracts import contract

NUMBERS = [Feature(name=name, type="number") for name in ("a", "b", "c")]


def rows(number: int = 600) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(number, 3)).astype(np.float32).astype(np.float64)
    return pd.DataFrame(values * [1.0, 100.0, 1e4], columns=["a", "b", "c"])


def answer(frame: pd.DataFrame) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=len(frame))
    return (frame["a"] + frame["b"] / 100 + noise > 0).to_numpy().astype(int)


def exported(estimator: Any, declared: Contract, folder: Any) -> tuple[Graph, Parity]:
    frame = rows()
    graph_bytes = to_onnx(estimator, declared)
    (folder / GRAPH).write_bytes(graph_bytes)
    (folder / SCHEMA).write_bytes(canonical(to_schema(declared)))
    graph = Graph(folder)
    columns = {name: frame[name].to_numpy(dtype=np.float32) for name in frame}
    return graph, prove_parity(estimator, graph, declared, frame, columns)


def test_a_graph_has_one_input_per_column_and_the_scores_as_its_only_output(tmp_path: Any):
    fitted = HistGradientBoostingClassifier(max_iter=10).fit(rows(), answer(rows()))
    exported(fitted, contract(features=NUMBERS), tmp_path)
    graph = onnx.load(str(tmp_path / GRAPH)).graph
    assert [one.name for one in graph.input] == ["a", "b", "c"]
    assert [one.name for one in graph.output] == [OUTPUT]


def test_a_graph_names_no_producer_and_no_time(tmp_path: Any):
    exported(LogisticRegression().fit(rows() / 1e4, answer(rows())), contract(features=NUMBERS), tmp_path)
    model = onnx.load(str(tmp_path / GRAPH))
    assert (model.producer_name, model.producer_version, model.doc_string) == ("", "", "")
    assert not model.metadata_props


def test_two_conversions_are_the_same_bytes():
    fitted = HistGradientBoostingClassifier(max_iter=10).fit(rows(), answer(rows()))
    assert to_onnx(fitted, contract(features=NUMBERS)) == to_onnx(fitted, contract(features=NUMBERS))


def test_a_graphs_operator_sets_come_in_one_order_in_every_process():
    fitted = HistGradientBoostingClassifier(max_iter=10).fit(rows(), answer(rows()))
    domains = [
        one.domain for one in onnx.load_model_from_string(to_onnx(fitted, contract(features=NUMBERS))).opset_import
    ]
    assert domains == ["", "ai.onnx.ml"]


def test_scores_come_in_the_order_of_the_contracts_classes(tmp_path: Any):
    fitted = LogisticRegression().fit(rows() / [1, 100, 1e4], answer(rows()))
    graph, _ = exported(fitted, contract(features=NUMBERS), tmp_path)
    scores = graph.score({"a": [5.0], "b": [5.0], "c": [0.0]})
    assert graph.decide(scores) == ["yes"]
    assert scores.sum() == pytest.approx(1.0)


def test_trees_behind_a_scaler_are_refused_with_the_way_out(tmp_path: Any):
    scaled = make_pipeline(StandardScaler(), HistGradientBoostingClassifier()).fit(rows(), answer(rows()))
    with pytest.raises(InvalidInput, match=r"largest difference is .*, allowed is 1e-05.*leave their inputs unscaled"):
        exported(scaled, contract(features=NUMBERS), tmp_path)


def test_an_estimator_without_a_converter_is_named(tmp_path: Any):
    class Own(LogisticRegression):  # pyright: ignore[reportUntypedBaseClass]  # scikit-learn has no types
        """Nobody wrote a converter for it."""

    with pytest.raises(InvalidInput, match="Own does not become an ONNX graph.*Only ONNX is released"):
        to_onnx(Own().fit(rows(), answer(rows())), contract(features=NUMBERS))


def test_a_changed_decision_is_no_parity_however_small_the_difference():
    schema = to_schema(contract())
    found = parity(schema, np.array([[0.5, 0.5]]), np.array([[0.5 + 1e-7, 0.5 - 1e-7]]))
    assert (found.flips, found.holds()) == (1, False)


def test_a_regressions_difference_is_measured_by_the_spread_of_its_scores():
    schema = to_schema(contract("regression"))
    wide, narrow = np.array([[0.0], [1000.0]]), np.array([[0.0], [1.0]])
    assert parity(schema, wide, wide + 1e-3).holds()
    assert not parity(schema, narrow, narrow + 1e-3).holds()
