"""Does the demo leave the user's tree alone, and run the clone's own code?"""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.demo import clone


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository of one commit, with a changed, a new, a deleted and an ignored file on top."""
    root = tmp_path / "origin"
    (root / "pipelines").mkdir(parents=True)
    (root / "pipelines" / "__init__.py").write_text("")
    (root / "changed.txt").write_text("before")
    (root / "deleted.txt").write_text("gone")
    (root / ".gitignore").write_text("ignored.txt\n.local/\n.venv\n")
    clone.git(root, "init", "--quiet")
    clone.git(root, "add", "--all")
    clone.git(root, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "--message", "first")
    (root / "changed.txt").write_text("after")
    (root / "new.txt").write_text("new")
    (root / "ignored.txt").write_text("ignored")
    (root / "deleted.txt").unlink()
    (root / ".venv").mkdir()
    return root


def test_the_clone_has_what_is_not_committed_and_not_what_is_ignored(origin: Path) -> None:
    target = clone.scratch(origin)

    clone.make(origin, target)

    assert (target / "changed.txt").read_text() == "after"
    assert (target / "new.txt").exists()
    assert not (target / "deleted.txt").exists()
    assert not (target / "ignored.txt").exists()
    assert clone.git(target, "status", "--porcelain") == ""


def test_the_origin_stays_as_it_was(origin: Path) -> None:
    before = clone.git(origin, "status", "--porcelain"), clone.git(origin, "rev-parse", "HEAD")

    clone.make(origin, clone.scratch(origin))

    assert (clone.git(origin, "status", "--porcelain"), clone.git(origin, "rev-parse", "HEAD")) == before


def test_the_clone_has_an_identity_of_its_own(origin: Path) -> None:
    clone.make(origin, clone.scratch(origin))

    assert clone.git(clone.scratch(origin), "log", "-1", "--format=%an").strip() == "mlops demo"


def test_a_process_in_the_clone_runs_the_clones_code(origin: Path) -> None:
    target = clone.scratch(origin)
    clone.make(origin, target)

    done = subprocess.run(
        [sys.executable, "-c", "import pipelines; print(pipelines.__file__)"],
        cwd=target, env=clone.environment(origin, target), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert Path(done.stdout.strip()) == target / "pipelines" / "__init__.py"
