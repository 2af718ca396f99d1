"""Is this folder a model? What it still lacks, all at once, each with the fix."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from pipelines.conformance import Problem, problems
from pipelines.errors import InvalidInput
from pipelines.options import json_option, model_option, progress, root, silent


def check(folder: Path, *, report: Callable[[str], None] = silent) -> list[Problem]:
    """What the model in `folder` lacks; nothing when it conforms."""
    return problems(folder.resolve(), report)


@click.command(
    "check",
    help="Say what a model folder still lacks, all at once, each with the fix. Reads the data and trains on a sample; "
    "writes nothing.",
    epilog="Example: mlops check --model model\n\nExit codes: 0 it conforms, 3 something lacks.",
)
@model_option
@json_option
def command(model: Path | None, as_json: bool) -> None:
    """Parse the options, run the check, show what lacks."""
    folder = model or root() / "model"
    found = check(folder, report=progress)
    if as_json:
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode([asdict(one) for one in found]), indent=1).decode() + "\n"
        )
    else:
        for one in found:
            click.echo(f"{folder / one.file}: {one.what}\n    {one.fix}")
    if found:
        raise InvalidInput(f"{folder} lacks {len(found)} thing{'s' if len(found) > 1 else ''}.")
    if not as_json:
        click.echo(f"{folder} is a model: it reads, fits, converts and keeps its promises.")
