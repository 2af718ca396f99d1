"""The `mlops` command line: one command per step, each imported only when it is called."""

import importlib
import sys

import click

from environments.declaration import DeclarationError
from pipelines.errors import InvalidInput, MlopsError

COMMANDS = {
    "check": "Say what a model folder still lacks, with the fix.",
    "data": "Ingest and validate data into a new version of the data table.",
    "train": "Train a release from a data version, tracked in MLflow.",
    "compare": "Compare two training runs.",
    "validate": "Judge a release by the gates and attest the evidence.",
    "register": "Register a validated release in the environment's registry.",
    "promote": "Bring a release to the next environment by a commit.",
    "up": "Run an environment's Pulumi programs in order.",
    "down": "Destroy local environments with all that they stored.",
    "rollout": "Judge the candidate; with --write, move its traffic.",
    "rollback": "Return to an earlier release by a commit.",
    "feedback": "Take in labels that became known.",
    "monitor": "Look for drift, loss of quality, missing labels, no data.",
    "retrain": "Decide whether to train again, and do it.",
    "score": "Score a file in batch with a release.",
    "status": "Show what each environment declares and runs.",
    "audit": "Check ledger, attestations and commits against each other.",
    "reproduce": "Train a release again and compare the bytes.",
    "report": "Write an HTML report of an environment.",
    "ui": "Open MLflow's interface on an environment.",
    "demo": "Show the whole loop on this machine.",
}


class Steps(click.Group):
    """A group that knows its commands' names and imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"pipelines.steps.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Steps)
def mlops() -> None:
    """Train, validate, release, watch and improve a model, by code.

    \b
    Exit codes: 0 done, 1 unexpected, 2 usage, 3 invalid input, 4 a gate refused,
    5 not enough evidence, 6 integrity, 7 something is missing, 8 a program failed,
    130 interrupted.
    """


def main() -> None:
    """Run the command line; the only place that turns an error into an exit code."""
    try:
        mlops(standalone_mode=False)
    except MlopsError as error:
        click.echo(f"mlops: {error}", err=True)
        sys.exit(error.exit_code)
    except DeclarationError as error:
        click.echo(f"mlops: {error}", err=True)
        sys.exit(InvalidInput.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
