"""How does a test get a repository of its own, in which it may commit, deploy and break things?"""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.demo import clone as scratch
from pipelines.engine import Project, engine_environment, project_folder, pulumi
from tools.clean import take_down


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A clone and the environment variables in which its code, engine and state are used."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program in the clone. With `check`, a failure shows what it said."""
        options = {"cwd": self.root, "env": self.environment, "stdin": subprocess.DEVNULL} | options
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def mlops(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the clone's `mlops`."""
        code = "from pipelines.cli import main; main()"
        return self.run(sys.executable, "-c", code, *arguments, check=check)

    def pulumi(self, project: Project, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the engine as `mlops up` does. Raises ToolFailed."""
        return pulumi(self.root, project, stack, *arguments)

    def by_hand(self, project: Project, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `pulumi` as a person does in `make shell`."""
        return self.run("pulumi", *arguments, check=check, cwd=project_folder(self.root, project))


@contextmanager
def fresh_clone(repository: Path, folder: Path) -> Generator[Clone]:
    """A clone of the working tree of `repository` below `folder`; what it runs is ended with the block."""
    root = folder / "clone"
    scratch.make(repository, root)
    environment = engine_environment(root) | {"PULUMI_HOME": str(folder / "pulumi"), "MLOPS_ACTOR": "test"}
    try:
        yield Clone(root=root, environment=environment)
    finally:
        take_down(root)
