"""How does everybody see the same? One HTML file about a chain of environments; it needs no network and no server."""

from collections.abc import Callable
from pathlib import Path

import click

from environments.declaration import Platform, chain, load, names
from environments.location import home
from pipelines.contract import Model
from pipelines.contract import load as load_model
from pipelines.environment import Environment, open_environment
from pipelines.options import environment_option, json_option, model_option, progress, root, show
from pipelines.record import Record


def silent(_message: str) -> None:
    """Report nothing."""


def report(
    env: Environment,
    model: Model | None = None,
    *,
    out: Path | None = None,
    report: Callable[[str], None] = silent,
) -> Record:
    """Write a report about `env` and the environments before it; the file is `.local/report.html` unless given.

    It reads only: the record that it returns is in no ledger.
    """
    from pipelines.report.facts import facts
    from pipelines.report.page import render

    report("reading ledgers, records and evidence")
    environments = [env.other(name) for name in chain(env.root, env.name)]
    gates = model.contract.gates if model else []
    found = facts(environments, env.now(), gates[0].metric if gates else "")
    report("drawing")
    page = render(found, model.contract.name if model else env.name)
    file = out or home(env.root, env.name).parent / "report.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")
    return Record(
        step="report", environment=env.name, at=env.now(), verdict="written", summary=f"The report is in {file}",
        details={"path": str(file), "environments": [one.name for one in environments]},
    )  # fmt: skip


def last_of_chain(repository: Path) -> str:
    """The local environment that nobody receives releases from; the first one by name when there are several."""
    platforms = {name: load(repository, Platform, name) for name in names(repository)}
    received_from = {platform.promotes_from for platform in platforms.values()}
    local = [name for name, platform in platforms.items() if platform.platform == "local"]
    return next((name for name in local if name not in received_from), local[0])


@click.command(
    "report",
    help="Write one HTML page about an environment and those before it: what runs, what the last watch found, trials, "
    "the gates' evidence, releases, data versions and decisions. Open it in any browser; it needs no network.",
    epilog="Example: mlops report --env local-prod --out report.html\n\nExit codes: 0 written, 3 no such environment.",
)
@environment_option(required=False)
@model_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: .local/report.html.")
@json_option
def command(env: str | None, model: Path | None, out: Path | None, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened = open_environment(root(), env or last_of_chain(root()))
    show(report(opened, load_model(model or root() / "model"), out=out, report=progress), as_json)
