"""Where do people find a release that may go on? In the environment's registry, with its card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import obstore

from pipelines.card import CARD, FOLDER, card
from pipelines.contract import Model, load
from pipelines.environment import Environment, open_environment
from pipelines.evidence import require
from pipelines.options import environment_option, json_option, model_option, progress, root, show
from pipelines.record import Record, keep
from pipelines.steps.data import silent
from pipelines.store import find_release
from serving.release import LINEAGE

STEP = "register"


def register(env: Environment, model: Model, digest: str, *, report: Callable[[str], None] = silent) -> Record:
    """Register release `digest` in MLflow under its digest, and write its card; once registered, it stays.

    Raises NotReady when no passing evidence by the present gates, champion and anchor is there.
    """
    predicate = require(env, model, digest)
    lineage: dict[str, Any] = msgspec.json.decode((env.release(digest) / LINEAGE).read_bytes())
    report(f"registering release {digest[:12]} in {env.name}")
    from pipelines.tracking import client, find_version, register_version

    known = find_version(env, model.contract, digest)
    version = known or register_version(env, model.contract, digest)
    text, key = card(model, digest, predicate, lineage), f"{FOLDER}/{digest}.md"
    obstore.put(env.store, key, text.encode())
    run = client(env).get_model_version(model.contract.name, version).run_id or ""
    client(env).log_text(run, text, CARD)
    return keep(
        env, step=STEP, verdict="unchanged" if known else "registered", subject=digest,
        summary=f"release {digest[:12]} is {'still ' if known else ''}version {version} of {model.contract.name} "
        f"in the registry of {env.name}",
        version=version, run=run, card=key,
    )  # fmt: skip


@click.command(
    "register",
    help="Register a validated release in the environment's MLflow, with its model card. Needs passing evidence by the "
    "present gates against the present stable release and anchor.",
    epilog="Example: mlops register --env local-dev 3f5a1c\n\n"
    "Exit codes: 0 done, 6 bytes changed, 7 no evidence that counts.",
)
@environment_option()
@model_option
@click.argument("digest")
@json_option
def command(env: str, model: Path | None, digest: str, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened = open_environment(root(), env)
    chosen = find_release(opened.store, digest)
    record = register(opened, load(model or root() / "model"), chosen, report=progress)
    show(record, as_json, [f"  card {opened.location.store}/{record.details['card']}"])
