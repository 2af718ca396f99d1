"""What differs between two runs? Parameters, data, code and metrics, side by side."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click
import msgspec

from pipelines.environment import Environment, open_environment
from pipelines.options import environment_option, json_option, root

SHOWN_TAGS = {
    "mlops.release": "release",
    "mlops.data_version": "data version",
    "mlops.data": "data",
    "mlops.commit": "commit",
    "mlops.dirty": "uncommitted changes",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One value of two runs; `difference` is second - first for metrics."""

    kind: str
    name: str
    first: str | float | None
    second: str | float | None
    difference: float | None = None

    def same(self) -> bool:
        """Do both runs agree?"""
        return self.first == self.second


def compare(env: Environment, first: str, second: str) -> list[Row]:
    """Tags, parameters and metrics of two runs of `env`. Raises InvalidInput when there is no such run.

    Read-only: neither record nor ledger entry.
    """
    from pipelines.tracking import get_run

    left, right = get_run(env, first).data, get_run(env, second).data
    tags = [{name: run.tags.get(tag) for tag, name in SHOWN_TAGS.items()} for run in (left, right)]
    return [
        *rows("run", tags[0], tags[1]),
        *rows("parameter", left.params, right.params),
        *rows("metric", left.metrics, right.metrics),
    ]


def rows(kind: str, first: Mapping[str, str | float | None], second: Mapping[str, str | float | None]) -> list[Row]:
    """One row for each name of either."""
    found: list[Row] = []
    for name in first if kind == "run" else sorted({*first, *second}):
        a, b = first.get(name), second.get(name)
        difference = b - a if isinstance(a, float) and isinstance(b, float) else None
        found.append(Row(kind=kind, name=name, first=a, second=b, difference=difference))
    return found


def line(row: Row) -> str:
    """A row as text; a difference is marked."""
    a, b = (f"{value:.5f}" if isinstance(value, float) else shortened(value) for value in (row.first, row.second))
    end = f"  {row.difference:+.5f}" if row.difference is not None else ""
    return f"{'  ' if row.same() else '* '}{row.name:<42} {a:<14} {b:<14}{end}"


def shortened(value: str | int | None) -> str:
    """The first digits of a digest or commit."""
    return "-" if value is None else str(value)[:12]


@click.command(
    "compare",
    help="Compare two training runs: release, data, commit, parameters, metrics. A star marks what differs.",
    epilog="Example: mlops compare --env local-dev 0c3f...e1 9a41...7b\n\nExit codes: 0 done, 3 there is no such run.",
)
@environment_option()
@click.argument("first")
@click.argument("second")
@json_option
def command(env: str, first: str, second: str, as_json: bool) -> None:
    """Parse the options, compare, show the table."""
    found = compare(open_environment(root(), env), first, second)
    if as_json:
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode([asdict(row) for row in found]), indent=1).decode() + "\n"
        )
        return
    click.echo(f"  {'':<42} {first[:12]:<14} {second[:12]:<14}")
    for row in found:
        click.echo(line(row))
