"""How does an environment go away again? `mlops down` destroys what `mlops up` made, and the folder it lived in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import click

from environments.declaration import Platform, load, names
from environments.location import home
from pipelines.errors import InvalidInput
from pipelines.options import progress, root

PROGRAMS = ("endpoint", "platform")


def down(repository: Path, chosen: list[str] | None = None, report: Callable[[str], None] = progress) -> list[str]:
    """Destroy the local environments `chosen` (all when None) of a repository; the names of those that existed."""
    from pipelines.engine import pulumi

    local = [name for name in names(repository) if load(repository, Platform, name).platform == "local"]
    for name in chosen or []:
        if name not in local:
            raise InvalidInput(f"'{name}' is not a local environment; those are {', '.join(local)}.")
    gone = [name for name in chosen or local if home(repository, name).exists()]
    for name in gone:
        report(f"{name}: pulumi destroy")
        for program in PROGRAMS:
            pulumi(repository, program, name, "destroy", "--yes", "--skip-preview")
        shutil.rmtree(home(repository, name))
    return gone


@click.command(epilog="Example: mlops down --env local-dev")
@click.option("--env", "chosen", multiple=True, metavar="NAME", help="A local environment; may be given again.")
@click.option("--all", "everything", is_flag=True, help="All local environments.")
def command(chosen: tuple[str, ...], everything: bool) -> None:
    """Destroy local environments with all that they stored.

    Exit code 0 also when there was nothing to destroy; 3 for an environment that is not local.
    """
    if bool(chosen) == everything:
        raise click.UsageError("give --env NAME, or --all")
    gone = down(root(), list(chosen) or None)
    click.echo(f"Destroyed: {', '.join(gone)}." if gone else "There was nothing to destroy.")
