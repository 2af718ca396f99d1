"""Where does the demo happen? In a scratch clone below `.local/`, so that the user's tree stays as it is."""

import os
import shutil
import subprocess
from pathlib import Path

from pipelines.errors import ToolFailed


def scratch(root: Path) -> Path:
    """The folder of the demo's clone."""
    return root / ".local" / "demo"


def make(root: Path, target: Path) -> None:
    """Clone the repository at `root`, with what is changed but not committed in it, to `target`.

    The clone shares the virtual environment and has a Git identity of its own.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    git(root.parent, "clone", "--quiet", "--local", "--no-hardlinks", str(root), str(target))
    git(target, "config", "user.name", "mlops demo")
    git(target, "config", "user.email", "demo@localhost")
    git(target, "config", "commit.gpgsign", "false")
    carry_over(root, target)
    (target / ".venv").symlink_to(root / ".venv")
    git(target, "add", "--all")
    git(target, "commit", "--quiet", "--allow-empty", "--message", "The working tree that the demo started from")


def carry_over(root: Path, target: Path) -> None:
    """Bring uncommitted changes and new files of `root` into the clone."""
    listed = git(root, "ls-files", "--modified", "--others", "--deleted", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        source, copy = root / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
        else:
            copy.unlink(missing_ok=True)


def environment(root: Path, target: Path) -> dict[str, str]:
    """The variables under which a Python process runs the clone's code with the tools of `root`."""
    return os.environ | {"PYTHONPATH": str(target), "MLOPS_TOOLS": str(root / ".tools"), "MLOPS_ACTOR": "demo"}


def git(where: Path, *arguments: str) -> str:
    """Run git in `where` and return what it printed. Raises ToolFailed."""
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolFailed(f"git {arguments[0]} in {where} failed: {done.stderr.strip()}")
    return done.stdout
