"""Can one see what differs between two runs?"""

import pytest

from pipelines.errors import InvalidInput
from pipelines.steps.compare import Row, compare, line, rows
from pipelines.steps.train import train
from pipelines.tracking import get_run
from tests.pipelines import worlds
from tests.pipelines.worlds import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = worlds.make(tmp_path_factory.mktemp("world"), "diabetes")
    made.with_data()
    return made


@pytest.mark.services
def test_parameters_data_and_metrics_of_two_runs_stand_side_by_side(world: World):
    runs = [train(world.env(), world.model, parameters={"alpha": alpha}).details["run"] for alpha in (1.0, 50.0)]
    found = {row.name: row for row in compare(world.env(), *runs)}
    assert (found["alpha"].first, found["alpha"].second) == ("1.0", "50.0")
    assert found["data version"].same()
    assert not found["release"].same()
    first, second = (get_run(world.env(), run).data.metrics["rmse"] for run in runs)
    assert found["rmse"].difference == second - first


@pytest.mark.services
def test_a_run_that_does_not_exist_is_named(world: World):
    with pytest.raises(InvalidInput, match="local-dev has no run 'nothing'.*mlops ui"):
        compare(world.env(), "nothing", "nothing")


def test_what_only_one_run_has_is_shown_as_missing():
    assert rows("metric", {"a": 1.0}, {}) == [Row(kind="metric", name="a", first=1.0, second=None)]


def test_a_difference_is_marked():
    assert line(Row(kind="metric", name="a", first=1.0, second=2.0, difference=1.0)).startswith("* a")
    assert line(Row(kind="parameter", name="a", first="1", second="1")).startswith("  a")
