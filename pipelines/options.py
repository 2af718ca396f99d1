"""What do all commands of `mlops` have in common? Options, the JSON mode, and how a record is shown."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from pipelines.errors import InvalidInput
from pipelines.record import Record

Command = Callable[..., Any]


def root() -> Path:
    """The repository around the working directory; outside of any, the one that holds this code."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "environments").is_dir():
            return folder
    return Path(__file__).resolve().parent.parent


def environment_option(required: bool = True) -> Callable[[Command], Command]:
    """`--env`, handed on as `env`."""
    return click.option("--env", required=required, metavar="NAME", help="The environment, e.g. local-dev.")


def model_option(command: Command) -> Command:
    """`--model`, the model folder."""
    return click.option(
        "--model", "model", default=None, metavar="DIR", help="The model folder; default: model/ of this repository.",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
    )(command)  # fmt: skip


def now_option(command: Command) -> Command:
    """`--now`, for data whose clock is simulated or replayed."""
    return click.option(
        "--now", default=None, callback=lambda _context, _parameter, value: instant(value), metavar="TIME",
        help="The moment that counts as now for event times (ISO 8601, UTC); default: the clock.",
    )(command)  # fmt: skip


def json_option(command: Command) -> Command:
    """`--json`: the record on standard output, nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")(command)


def instant(text: str | None) -> datetime | None:
    """An ISO 8601 moment in UTC. Raises InvalidInput."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"--now {text}: not an ISO 8601 time. Write it like 2024-07-01 or 2024-07-01T12:00."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def silent(_message: str) -> None:
    """Report nothing: what a step does when nobody looks."""


def progress(message: str) -> None:
    """One line on standard error about what a long step does now."""
    click.echo(message, err=True)


def show(record: Record, as_json: bool, lines: list[str] | None = None) -> None:
    """Print a record: as JSON, or its sentence followed by `lines`."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n")
        return
    click.echo(record.summary)
    for line in lines or []:
        click.echo(line)
