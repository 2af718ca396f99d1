"""What does each environment declare, what is deployed, what runs, and what was decided last?"""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from environments.declaration import chain, names
from environments.location import Deployed, deployed
from pipelines import ledger
from pipelines.environment import Environment, clock, open_environment
from pipelines.errors import IntegrityError
from pipelines.options import json_option, root
from pipelines.record import Record

VERDICTS = ("validate", "promote", "rollout", "rollback", "monitor", "retrain")
WHOLE = ("environment", "stable", "candidate")  # columns that are never broken into lines
HEADS = ("environment", "stable", "candidate", "traffic", "runs", "newest decisions")


def status(repository: Path, *, now: datetime | None = None) -> Record:
    """What stands in each declared environment; it changes nothing and keeps no record."""
    found = [of(open_environment(repository, name)) for name in in_order(repository)]
    differing = [one["name"] for one in found if not one["in_sync"]]
    rest = f"; differing from what is declared: {', '.join(differing)}" if differing else ""
    return Record(
        step="status", environment="", at=now or clock(), verdict="differs" if differing else "in sync",
        summary=f"{len(found)} environments{rest}", details={"environments": found},
    )  # fmt: skip


def in_order(repository: Path) -> list[str]:
    """The declared environments, each behind the one that it receives releases from."""
    return sorted(names(repository), key=lambda name: (chain(repository, name)[0], len(chain(repository, name)), name))


def of(env: Environment) -> dict[str, Any]:
    """One environment: declared, deployed, running, and its newest verdicts."""
    declared, there = env.endpoint(), deployed(env.location)
    return {
        "name": env.name,
        "promotes_from": env.platform.promotes_from,
        "declared": msgspec.to_builtins(declared),
        "deployed": msgspec.to_builtins(there) if there else None,
        "running": running(there) if there else {},
        "in_sync": there.step == declared.step() if there else declared.stable is None,
        "verdicts": verdicts(env),
    }


def running(there: Deployed) -> dict[str, str]:
    """What the gateway and each server say about themselves: ready, or what they are instead."""
    asked = {"gateway": f"{there.gateway}/gateway/ready"}
    for name, track in (("stable", there.stable), ("candidate", there.candidate)):
        if track is not None:
            asked[name] = f"{track.url}/v2/health/ready"
    return {name: said(url) for name, url in asked.items()}


def said(url: str) -> str:
    """`ready`, the status of another answer, or `down`."""
    import httpx

    try:
        answer = httpx.get(url, timeout=2)
    except httpx.HTTPError:
        return "down"
    return "ready" if answer.status_code == 200 else f"answers {answer.status_code}"


def verdicts(env: Environment) -> dict[str, Any]:
    """The newest decision of each kind, from the ledger."""
    try:
        entries = [entry for entry, _ in ledger.entries(env.store)]
    except IntegrityError as problem:
        return {"ledger": {"verdict": "contradiction", "summary": str(problem), "at": None, "subject": ""}}
    return {
        entry.step: {"verdict": entry.verdict, "summary": entry.summary, "at": entry.at, "subject": entry.subject}
        for entry in entries
        if entry.step in VERDICTS
    }


def row(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One environment as a row of the table."""
    declared, traffic = one["declared"], one["declared"]["traffic"]
    shares = f"{traffic['candidate']} %" + (f", shadow {traffic['shadow']} %" if traffic["shadow"] else "")
    runs = ", ".join(f"{name} {state}" for name, state in one["running"].items()) or "nothing"
    newest = "\n".join(f"{step}: {said['verdict']}" for step, said in one["verdicts"].items())
    return (
        one["name"],
        (declared["stable"] or "none")[:12],
        (declared["candidate"] or "none")[:12],
        shares if declared["candidate"] else "",
        runs if one["in_sync"] else f"{runs}; not what is declared: run mlops up",
        newest,
    )


@click.command(
    "status",
    help="Show for each environment what its file declares, what is deployed and running, and the newest decisions.",
    epilog="Example: mlops status\n\nExit code 0 also when something differs; --json says what.",
)
@json_option
def command(as_json: bool) -> None:
    """Show the table or the JSON."""
    record = status(root())
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=record.summary, title_justify="left")
    for head in HEADS:
        table.add_column(head, no_wrap=head in WHOLE)
    for one in record.details["environments"]:
        table.add_row(*row(one))
    Console().print(table)
