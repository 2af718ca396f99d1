"""Does `make clean` take away all that a clone runs, whatever state it is in?"""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from environments.location import deployed, locate
from infra.local.daemon import MARK
from tests.clones import Clone
from tools.clean import clones, stacks, take_down

ENVIRONMENT = "local-dev"
TYPED = "pulumi stack ls --json && pulumi preview -s local-dev && mlops --help"


def running(clone: Clone) -> list[psutil.Process]:
    """Processes of this user that work for the clone."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if str(clone.root) in " ".join([process.cwd(), *process.cmdline()]) and MARK in process.environ():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def bring_up(clone: Clone) -> None:
    clone.pulumi("platform", ENVIRONMENT, "up", "--yes", "--skip-preview")
    clone.pulumi("endpoint", ENVIRONMENT, "up", "--yes", "--skip-preview")
    assert deployed(locate(clone.root, ENVIRONMENT)) is not None
    assert running(clone)


@pytest.mark.engine
@pytest.mark.services
def test_what_runs_ends_and_the_local_folder_goes(clone: Clone) -> None:
    bring_up(clone)

    clone.run(sys.executable, "-m", "tools.clean")

    assert running(clone) == []
    assert not (clone.root / ".local").exists()
    assert clone.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.engine
@pytest.mark.services
def test_what_an_unreadable_state_still_runs_is_ended_all_the_same(clone: Clone) -> None:
    bring_up(clone)
    for file in (clone.root / ".local" / "state").rglob("*.json"):
        file.write_text("not a state")

    refused = take_down(clone.root)

    assert len(refused) == 2
    assert running(clone) == []


@pytest.mark.engine
def test_the_shell_has_the_engine_the_stacks_and_the_commands(clone: Clone) -> None:
    shell = clone.environment | {"SHELL": "/bin/sh", "PULUMI_BACKEND_URL": "file:///nowhere"}

    done = subprocess.run(
        [sys.executable, "-m", "tools.shell", "-c", TYPED],
        cwd=clone.root, env=shell, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert '"name": "local-staging"' in done.stdout
    assert "create" in done.stdout
    assert "Exit codes" in done.stdout
    assert "leave with `exit`" in done.stderr
    assert stacks(clone.root, "endpoint") == ["local-dev", "local-prod", "local-staging"]
    assert (clone.root / ".local").stat().st_mode & 0o777 == 0o700
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_scratch_clones_come_before_the_clone_that_holds_them(tmp_path: Path) -> None:
    demo = tmp_path / ".local" / "demo"
    demo.mkdir(parents=True)
    (demo / "Pulumi.yaml").touch()

    assert clones(tmp_path) == [demo, tmp_path]
