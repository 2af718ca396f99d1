"""Does the real engine run Python programs by our language host as it does by Pulumi's own?"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipelines.engine import engine_environment, pulumi
from pipelines.errors import ToolFailed
from tests.tools.projects import project
from tools.language_host import Host

pytestmark = pytest.mark.engine

COMPONENT = "import pulumi\nmade = pulumi.ComponentResource('test:index:Thing', 'thing')\nmade.register_outputs({})\n"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own folder, so that no test meets a plugin or a stack of the user."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))


def outputs(root: Path) -> dict[str, object]:
    return json.loads(pulumi(root, "platform", "dev", "stack", "output", "--json", "--show-secrets").stdout)


def test_configuration_secrets_stack_and_outputs_arrive(tmp_path: Path) -> None:
    root = project(
        tmp_path / "project",
        "import pulumi\n"
        "config = pulumi.Config('test')\n"
        "pulumi.export('word', config.require('word'))\n"
        "pulumi.export('hidden', config.require_secret('hidden'))\n"
        "pulumi.export('stack', pulumi.get_stack())\n",
    )
    pulumi(root, "platform", "dev", "config", "set", "test:word", "hello")
    pulumi(root, "platform", "dev", "config", "set", "--secret", "test:hidden", "treasure")

    pulumi(root, "platform", "dev", "up", "--yes")

    assert outputs(root) == {"word": "hello", "hidden": "treasure", "stack": "dev"}
    assert "treasure" not in "".join(file.read_text() for file in (root / ".local").rglob("*.json"))


def test_the_update_after_a_preview_keeps_what_an_imported_module_registers(tmp_path: Path) -> None:
    root = project(tmp_path / "project", "import things\n", things=COMPONENT)

    pulumi(root, "platform", "dev", "up", "--yes")

    state = json.loads(pulumi(root, "platform", "dev", "stack", "export").stdout)
    assert "test:index:Thing" in [resource["type"] for resource in state["deployment"]["resources"]]


def test_a_library_that_may_be_imported_only_once_survives_the_update_after_a_preview(tmp_path: Path) -> None:
    root = project(tmp_path / "project", "import numpy, pulumi\npulumi.export('sum', int(numpy.ones(3).sum()))\n")

    pulumi(root, "platform", "dev", "up", "--yes")

    assert outputs(root) == {"sum": 3}


def test_an_error_of_the_program_shows_its_own_frames_once(tmp_path: Path) -> None:
    root = project(tmp_path / "project", "def build():\n    raise ValueError('too small')\nbuild()\n")

    with pytest.raises(ToolFailed) as caught:
        pulumi(root, "platform", "dev", "preview")

    message = str(caught.value)
    assert message.count("ValueError: too small") == 1
    assert "in build" in message
    assert "runpy" not in message
    assert "make shell" in message


def test_installed_sdks_are_not_reported_since_the_engine_would_fetch_their_plugins() -> None:
    assert list(Host().GetRequiredPackages(None, None).packages) == []


def test_a_clones_program_imports_the_clones_own_code(tmp_path: Path) -> None:
    root = project(tmp_path / "project", "import pulumi, environments\npulumi.export('mark', environments.MARK)\n")
    (root / "environments").mkdir()
    (root / "environments" / "__init__.py").write_text("MARK = 'this clone'\n")

    pulumi(root, "platform", "dev", "up", "--yes")

    assert outputs(root) == {"mark": "this clone"}


def test_no_host_is_left_behind_when_the_engine_is_killed(tmp_path: Path) -> None:
    root = project(
        tmp_path / "project",
        "import pathlib, time\npathlib.Path('../started').touch()\nwhile True:\n    time.sleep(0.1)\n",
    )
    environment = engine_environment(root)
    pulumi(root, "platform", "dev", "stack")
    engine = subprocess.Popen(
        ["pulumi", "preview", "--stack", "dev", "--non-interactive"],
        cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until((root / "started").exists)
    plugins = psutil.Process(engine.pid).children(recursive=True)
    assert plugins

    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()

    _, alive = psutil.wait_procs(plugins, timeout=20)
    assert alive == []


def test_an_interrupted_update_leaves_no_lock(tmp_path: Path) -> None:
    root = project(
        tmp_path / "project",
        "import pathlib, time, pulumi\n"
        "if not pulumi.runtime.is_dry_run():\n"
        "    pathlib.Path('../started').touch()\n"
        "    time.sleep(0 if pathlib.Path('../go').exists() else 600)\n",
    )
    code = "import sys, pathlib, pipelines.engine as e; e.pulumi(pathlib.Path(sys.argv[1]), *sys.argv[2:])"
    caller = subprocess.Popen(
        [sys.executable, "-c", code, str(root), "platform", "dev", "up", "--yes", "--skip-preview"],
        start_new_session=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until((root / "started").exists)

    os.killpg(caller.pid, signal.SIGINT)
    caller.wait(timeout=60)

    (root / "go").touch()
    pulumi(root, "platform", "dev", "up", "--yes", "--skip-preview")


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll until `holds()`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
