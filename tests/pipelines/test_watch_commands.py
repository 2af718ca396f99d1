"""Do the commands of the way back print what programs and people need, and end with the documented code?"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.contract import read_contract
from pipelines.errors import NotReady
from pipelines.steps import monitor, report, retrain
from tests.pipelines.watched import FLOWERS, NOW, Watched, flowers

TOML = """
name = "flower"
task = "multiclass"
target = "colour"
entity = "plant"
event_time = "seen_at"
label_delay_days = 10
source = "none"
classes = ["red", "green", "blue"]
owners = ["@team/flowers"]
features = [
  { name = "length", type = "number", minimum = 0, unit = "cm" },
  { name = "width", type = "number", minimum = 0 },
  { name = "bed", type = "text", sensitive = true },
]
gates = [
  { metric = "accuracy", floor = 0.3, tolerance = 0.02 },
  { metric = "log_loss", floor = 1.2, tolerance = 0.02, direction = "lower" },
]
slices = [
  { column = "length", metric = "accuracy", tolerance = 0.05, edges = [2.0, 4.0] },
  { column = "bed", metric = "accuracy", tolerance = 0.05 },
]
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A repository with the model folder of the flowers, and the working directory in it."""
    made = flowers(tmp_path)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.toml").write_text(TOML)
    for part in ("data", "estimator", "behaviour"):
        (folder / f"{part}.py").write_text("")
    (folder / "metrics.py").write_text("def metrics(y, score, frame):\n    return {}\n")
    (tmp_path / "Pulumi.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    return made


def longer(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"length": [value * 2 for value in given["length"]]}


def run(step: Any, *arguments: str) -> Result:
    return CliRunner().invoke(step.command, list(arguments), catch_exceptions=False)


def test_the_folder_says_what_the_test_world_says(world: Watched):
    assert read_contract(world.root / "model") == FLOWERS


def test_a_watch_that_finds_something_ends_with_0_and_prints_it_first(world: Watched):
    world.live(1500, change=longer)
    shown = run(monitor, "--env", "local-dev", "--now", NOW.isoformat())
    assert shown.exit_code == 0
    assert "drift" in shown.stdout.splitlines()[0]
    assert "questions are answered with ok" in shown.stdout


def test_a_watch_prints_nothing_but_the_record_as_json(world: Watched):
    world.live(1500, change=longer)
    shown = run(monitor, "--env", "local-dev", "--now", NOW.isoformat(), "--json")
    record = json.loads(shown.stdout)
    assert record["verdict"] == "drift"
    assert record["details"]["findings"][0]["verdict"] == "drift"


def test_another_window_can_be_asked_for(world: Watched):
    world.live(1000, days=20)
    shown = run(monitor, "--env", "local-dev", "--now", NOW.isoformat(), "--days", "5", "--json")
    assert json.loads(shown.stdout)["details"]["rows"] == pytest.approx(250, abs=2)


def test_a_retraining_that_is_not_needed_ends_with_0_and_says_why(world: Watched):
    world.live(1500, change=longer)
    run(monitor, "--env", "local-dev", "--now", NOW.isoformat())
    shown = run(retrain, "--env", "local-dev", "--now", NOW.isoformat())
    assert shown.exit_code == 0
    assert "mlops feedback" in shown.stdout


def test_a_retraining_without_a_watch_is_refused_with_the_command_that_is_missing(world: Watched):
    with pytest.raises(NotReady, match="mlops monitor --env local-dev") as refused:
        run(retrain, "--env", "local-dev")
    assert refused.value.exit_code == 7


def test_a_report_is_about_the_whole_chain_unless_an_environment_is_named(world: Watched):
    shown = run(report, "--json")
    details = json.loads(shown.stdout)["details"]
    assert details["environments"] == ["local-dev", "local-staging", "local-prod"]
    assert details["path"] == str(world.root / ".local" / "report.html")
    assert Path(details["path"]).read_text().startswith("<!doctype html>")


def test_a_report_goes_where_it_is_told(world: Watched):
    run(report, "--env", "local-dev", "--out", "here.html")
    assert (world.root / "here.html").exists()
