"""Is a graph evaluated as its schema says, in bulk and one row at a time, and refused when it is another one?"""

import math
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.graph import Graph
from serving.release import GRAPH, SCHEMA, Column, ReleaseError, canonical
from tests.serving import releases
from tests.serving.releases import BINARY_ROW, REGRESSION

AREA, FLOOR = REGRESSION.columns
numbers = st.floats(-1e6, 1e6, width=32)


@pytest.fixture(scope="module")
def multiclass(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    folder = tmp_path_factory.mktemp("release")
    releases.multiclass(folder)
    return Graph(folder)


def test_missing_numbers_and_texts_reach_the_graph_as_nan_and_empty(tmp_path: Path) -> None:
    releases.binary(tmp_path)
    row = BINARY_ROW | {"age": None, "note": None}
    absent = Graph(tmp_path).score({name: [value, value] for name, value in row.items()})
    written = BINARY_ROW | {"age": math.nan, "note": ""}
    assert absent.tolist() == Graph(tmp_path).score({name: [value] * 2 for name, value in written.items()}).tolist()


def test_what_is_neither_text_nor_missing_is_not_made_into_one(tmp_path: Path) -> None:
    releases.binary(tmp_path)
    with pytest.raises(TypeError, match="7 is no text"):
        Graph(tmp_path).score({name: [value] for name, value in (BINARY_ROW | {"note": 7}).items()})


def test_columns_may_be_arrays_of_rows_or_of_one_column(tmp_path: Path) -> None:
    releases.binary(tmp_path)
    graph = Graph(tmp_path)
    flat = {name: np.array([value, value]) for name, value in BINARY_ROW.items()}
    tall = {name: values.reshape(-1, 1) for name, values in flat.items()}
    assert graph.score(flat).tolist() == graph.score(tall).tolist()


@given(st.lists(st.tuples(numbers, st.none() | numbers), min_size=1, max_size=5))
def test_one_row_at_a_time_gives_the_same_scores_as_all_at_once(
    multiclass: Graph, rows: list[tuple[float, float | None]]
) -> None:
    row = multiclass.row()
    assert row
    one_by_one = [row.score({"length": [length], "width": [width]})[0] for length, width in rows]
    at_once = multiclass.score({"length": [length for length, _ in rows], "width": [width for _, width in rows]})
    np.testing.assert_array_equal(np.array(one_by_one), at_once)


def test_scores_of_an_earlier_row_do_not_change_with_a_later_one(multiclass: Graph) -> None:
    row = multiclass.row()
    assert row
    first = row.score({"length": [1], "width": [5]})
    kept = first.tolist()
    row.score({"length": [5], "width": [1]})
    assert first.tolist() == kept


def test_a_graph_that_failed_on_one_row_scores_the_next(tmp_path: Path) -> None:
    releases.fragile(tmp_path)
    row = Graph(tmp_path).row()
    assert row
    with pytest.raises(Exception, match="out of data bounds"):
        row.score({"bucket": [releases.FRAGILE_FROM]})
    assert row.score({"bucket": [1]}).shape == (1, 2)


def test_a_graph_with_text_has_no_way_for_one_row(tmp_path: Path) -> None:
    releases.binary(tmp_path)
    assert Graph(tmp_path).row() is None


def test_the_positive_class_is_decided_from_the_threshold_on(tmp_path: Path) -> None:
    releases.binary(tmp_path)  # its threshold is 0.4
    scores = np.array([[0.6, 0.4], [0.61, 0.39]])
    assert Graph(tmp_path).decide(scores) == ["stays", "leaves"]


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ([AREA], "floor"),
        ([AREA, FLOOR, Column(name="doors", type="number")], "doors"),
        ([Column(name="area", type="text"), FLOOR], "area"),
    ],
)
def test_a_graph_with_other_inputs_than_its_schema_is_refused_by_their_name(
    tmp_path: Path, columns: list[Column], name: str
) -> None:
    releases.regression(tmp_path)
    (tmp_path / SCHEMA).write_bytes(canonical(msgspec.structs.replace(REGRESSION, columns=columns)))
    with pytest.raises(ReleaseError, match=f"'{name}'"):
        Graph(tmp_path)


def test_a_graph_with_another_output_than_score_is_refused(tmp_path: Path) -> None:
    releases.regression(tmp_path)
    model = onnx.load(tmp_path / GRAPH)
    model.graph.output[0].name = model.graph.node[-1].output[0] = "label"
    onnx.save(model, tmp_path / GRAPH)
    with pytest.raises(ReleaseError, match="label"):
        Graph(tmp_path)


def test_what_is_no_graph_or_no_schema_is_refused_by_its_file(tmp_path: Path) -> None:
    releases.multiclass(tmp_path)
    (tmp_path / GRAPH).write_bytes(b"no graph")
    with pytest.raises(ReleaseError, match=GRAPH):
        Graph(tmp_path)
    (tmp_path / SCHEMA).write_bytes(b"{}")
    with pytest.raises(ReleaseError, match=SCHEMA):
        Graph(tmp_path)
