"""How does one see the whole loop? `mlops demo` tells it in a scratch clone and leaves everything running."""

import shutil
import subprocess
import sys
from pathlib import Path

import click

from pipelines.demo import clone
from pipelines.errors import ToolFailed
from pipelines.options import root


def demo(repository: Path) -> Path:
    """Take an earlier demo away, make the clone, tell the story in it, and return the clone's folder.

    Raises ToolFailed when a chapter did not end as it must; the chapter's own message is on standard error.
    """
    from pipelines.steps.down import down

    target = clone.scratch(repository)
    if target.exists():
        click.echo(f"Taking the earlier demo in {target} away.")
        down(target)
        shutil.rmtree(target)
    clone.make(repository, target)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.demo"], cwd=target, env=clone.environment(repository, target), check=False
    )
    if done.returncode:
        raise ToolFailed(
            f"the demo ended with exit code {done.returncode}; what it left is in {target}. "
            "`make clean` takes it away, `make demo` starts again."
        )
    return target


@click.command(epilog="Example: mlops demo")
def command() -> None:
    """Show the whole loop on this machine, in a scratch clone below .local/.

    Exit code 0 when every chapter ended as it must, 8 when one did not.
    """
    demo(root())
