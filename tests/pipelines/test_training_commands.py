"""Are `mlops check|data|train|compare|reproduce|ui` usable: help with an example, JSON, exit codes?"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import mlops
from pipelines.errors import InvalidInput, MlopsError
from tests.pipelines import worlds
from tests.pipelines.worlds import REPOSITORY, World

NAMES = ["check", "data", "train", "compare", "reproduce", "ui"]
DEADLINE = 180


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that `mlops` finds as its repository, because it runs inside."""
    made = worlds.make(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: platform\n")
    monkeypatch.chdir(tmp_path)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mlops, arguments)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_and_the_exit_codes(name: str):
    text = " ".join(run(name, "--help").output.split())
    assert f"Example: mlops {name}" in text
    assert "Exit codes: 0" in text


@pytest.mark.services
def test_data_train_and_reproduce_print_one_json_record_each(world: World):
    data = json.loads(run("data", "--env", "local-dev", "--now", "2025-03-01", "--json").stdout)
    assert data["details"]["rows"] == 178
    trained = json.loads(run("train", "--env", "local-dev", "--parameter", "n_estimators=5", "--json").stdout)
    assert trained["details"]["parameters"]["n_estimators"] == 5
    again = json.loads(run("reproduce", "--env", "local-dev", trained["subject"], "--json").stdout)
    assert again["verdict"] == "pass"


@pytest.mark.services
def test_without_json_a_person_reads_a_sentence_and_the_metrics(world: World):
    run("data", "--env", "local-dev", "--now", "2025-03-01")
    shown = run("train", "--env", "local-dev").output
    assert "is trained on data version 0" in shown
    assert "accuracy_of_strong" in shown


def test_check_says_that_a_model_conforms():
    done = run("check", "--model", str(REPOSITORY / "tests/models/wine"))
    assert done.exit_code == 0
    assert "wine is a model" in done.output


def test_check_lists_what_lacks_and_ends_as_invalid_input(world: World):
    (world.model.folder / "card.md").unlink()
    (world.model.folder / "metrics.py").unlink()
    done = run("check", "--model", str(world.model.folder), "--json")
    assert {one["file"] for one in json.loads(done.stdout)} == {"card.md", "metrics.py"}
    assert isinstance(done.exception, InvalidInput)
    assert "lacks 2 things" in str(done.exception)


def test_a_step_in_an_environment_that_does_not_exist_names_the_nearest(world: World):
    done = run("data", "--env", "local-def")
    assert "local-dev" in str(done.exception)
    assert isinstance(done.exception, MlopsError | ValueError)


@pytest.mark.services
def test_ui_serves_the_runs_on_this_machine_until_it_is_interrupted(world: World):
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "ui", "--env", "local-dev"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stderr.readline()
            address = line.split("http://")[1].split()[0]
            assert line.startswith("MLflow of local-dev: http://127.0.0.1:")
            assert answered(f"http://{address}/health") == b"OK"
        finally:
            server.terminate()
            server.communicate(timeout=DEADLINE)  # returns when its children have closed the pipe, too
    assert server.returncode == 0


def answered(url: str) -> bytes:
    """What a server answers, once it does."""
    until = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_ui_names_a_port_that_is_taken(world: World):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("ui", "--env", "local-dev", "--port", str(taken.getsockname()[1]))
    assert isinstance(done.exception, InvalidInput)
    assert "Take another one" in str(done.exception)
