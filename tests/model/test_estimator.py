"""Does the model learn what is known of this data, and keep its promises?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.build import Built, build
from pipelines.contract import Model, load
from pipelines.frames import columns
from pipelines.intake import take_in
from serving.graph import Graph
from tests.pipelines.worlds import REPOSITORY


@pytest.fixture(scope="module")
def model() -> Model:
    return load(REPOSITORY / "model")


@pytest.fixture(scope="module")
def rows(model: Model) -> pd.DataFrame:
    """All of 2024's first half."""
    read = model.data.read(str(REPOSITORY / "model/data/credit_default.csv.gz"))
    return take_in(model.contract, read[read["event_time"] < "2024-07-01"]).good


@pytest.fixture(scope="module")
def built(model: Model, rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("release")
    return build(model, rows, "", parameters=model.estimator.PARAMETERS, seed=0, folder=folder)


def test_its_ranking_is_as_good_as_published_models_of_this_data(built: Built):
    assert 0.76 < built.metrics["roc_auc"] < 0.80


def test_its_probabilities_are_calibrated_on_average(built: Built):
    assert abs(built.score.mean() - built.y.mean()) < 0.02


def test_its_own_metrics_agree_with_the_standard_ones(built: Built):
    assert built.metrics["gini"] == pytest.approx(2 * built.metrics["roc_auc"] - 1)
    assert 0 < built.metrics["ks"] < 1
    assert built.metrics["default_rate_of_worst_tenth"] > 2 * built.y.mean()


def test_its_graph_answers_within_a_millionth_of_the_estimator(built: Built):
    assert built.parity.difference < 1e-6
    assert built.parity.flips == 0


def test_a_higher_limit_never_raises_the_risk(model: Model, rows: pd.DataFrame, built: Built):
    graph, given = Graph(built.folder), columns(model.contract, rows.head(500))
    more = given | {"LIMIT_BAL": given["LIMIT_BAL"] + 100_000}
    assert np.all(graph.score(more)[:, 1] <= graph.score(given)[:, 1] + 1e-6)


def test_its_examples_are_decided_as_declared(model: Model, built: Built):
    graph = Graph(built.folder)
    for row, expected in model.behaviour.EXAMPLES:
        assert graph.decide(graph.score({name: [value] for name, value in row.items()})) == [expected]


def test_a_weaker_set_of_parameters_is_weaker(model: Model, rows: pd.DataFrame, built: Built, tmp_path: Path):
    weak = {**model.estimator.PARAMETERS, "max_iter": 20, "max_leaf_nodes": 4}
    found = build(model, rows, "", parameters=weak, seed=0, folder=tmp_path)
    assert found.metrics["roc_auc"] < built.metrics["roc_auc"] - 0.005
