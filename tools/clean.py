"""What does this clone run and keep below `.local/`, and how is all of it taken away (`make clean`)?

Each stack is destroyed by the engine, as a person would do it. What the engine cannot end (its state is broken, or
there is no engine any more) is ended by the supervisor's own mark. Scratch clones below `.local/` (the demo's) come
first.
"""

import shutil
import sys
from pathlib import Path
from typing import get_args

from infra.local import ports
from infra.local.daemon import Daemon
from pipelines.engine import Project, has_stack, pulumi
from pipelines.errors import MlopsError

PROJECTS: tuple[Project, ...] = tuple(reversed(get_args(Project)))  # the endpoint stands on the platform


def clones(root: Path) -> list[Path]:
    """Scratch clones below `.local/`, then the clone at `root`."""
    return [*(file.parent for file in sorted((root / ".local").glob("*/Pulumi.yaml"))), root]


def stacks(root: Path, project: Project) -> list[str]:
    """The stacks of `project` that the state of the clone at `root` knows."""
    folder = root / ".local" / "state" / ".pulumi" / "stacks" / project
    names = sorted(file.name.removesuffix(".json") for file in folder.glob("*.json"))
    return [name for name in names if has_stack(root, project, name)]


def take_down(root: Path) -> list[str]:
    """Stop what runs for the clone at `root` and give back its ports; files stay. Returns what the engine refused."""
    refused: list[str] = []
    for project in PROJECTS:
        for stack in stacks(root, project):
            print(f"clean: destroying {project} {stack} of {root}", file=sys.stderr, flush=True)
            try:
                pulumi(root, project, stack, "destroy", "--yes", "--skip-preview")
            except MlopsError as error:
                refused.append(str(error))
    for run in sorted((root / ".local").glob("*/run")):
        Daemon(run).end()
    ports.release(root)
    return refused


def clean(root: Path) -> list[str]:
    """Take down all clones of `root` and remove its `.local/`. Returns what the engine refused."""
    refused = [problem for clone in clones(root) for problem in take_down(clone)]
    shutil.rmtree(root / ".local", ignore_errors=True)
    return refused


def main() -> None:
    """Clean the clone that the working directory is."""
    for problem in clean(Path.cwd().resolve()):
        print(f"clean: ended it without the engine, which said:\n{problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
