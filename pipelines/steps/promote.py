"""How does a release get to the next environment? Its bytes are copied, judged there, and a commit declares it."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from environments.edit import edit_endpoint
from pipelines import git, ledger
from pipelines.contract import Model, load
from pipelines.decisions.promotion import entry, obstacle
from pipelines.environment import Environment, open_environment
from pipelines.errors import NotReady
from pipelines.evidence import findings, require, standing
from pipelines.git import Message, commit_change
from pipelines.options import environment_option, json_option, model_option, progress, root, show
from pipelines.record import Record, keep
from pipelines.steps.data import silent
from pipelines.store import find_release, get_release, put_release

REGISTER = "register"


def promote(
    env: Environment,
    model: Model,
    digest: str | None = None,
    *,
    up: bool = False,
    report: Callable[[str], None] = silent,
) -> Record:
    """Bring a release that is registered in the environment before (at the head: here) to `env`, by a commit.

    Without `digest` it is the newest registered one that no trial or rollback took out. The first release becomes
    stable and anchor, later ones start their trial. With `up` the declaration is deployed at once. Raises NotReady when
    something stands in its way, IntegrityError on changed bytes, and what `validate` raises when a gate refuses it.
    """
    source, file, declared = env.before() or env, env.endpoint_file(), env.endpoint()
    git.check(file)
    digest = digest or newest_registered(source, env)
    refuse_unregistered(source, env, digest)
    if problem := obstacle(declared, digest, env.name):
        raise NotReady(problem)
    receive(source, env, digest, report)
    evidence = judged(env, model, digest, report)
    changes = entry(declared, digest)
    message = commit_message(env, digest, changes, evidence)
    commit = commit_change(file, lambda: edit_endpoint(file, changes), message)
    record = keep(
        env, step="promote", verdict="on trial" if changes["candidate"] else "stable", subject=digest,
        summary=f"{message.subject} ({commit[:12]}). "
        + ("" if up else f"`mlops up --env {env.name}` deploys it."),
        source=source.name, commit=commit, changes=changes, replaced=declared.stable,
    )  # fmt: skip
    if up:
        from pipelines.steps.up import up as deploy

        deploy(env, programs=("endpoint",), report=report)
    return record


def newest_registered(source: Environment, env: Environment) -> str:
    """The release that was registered last in `source` and that no trial or rollback, there or in `env`, took out."""
    back = {one.subject for place in (source, env) for one, _ in ledger.entries(place.store) if took_out(one)}
    for one, _ in reversed(ledger.entries(source.store)):
        if one.step == REGISTER and one.subject not in back:
            return one.subject
    raise NotReady(
        f"{source.name} has no registered release that could come to {env.name}. "
        + way_to(source, env, "DIGEST")
    )  # fmt: skip


def took_out(entry: ledger.Entry) -> bool:
    """Does this decision say that its release did not hold?"""
    return entry.step == "rollback" or (entry.step, entry.verdict) == ("rollout", "back")


def refuse_unregistered(source: Environment, env: Environment, digest: str) -> None:
    """Only what is registered in the environment before may come: a chain has no side entrance."""
    if not any(one.step == REGISTER and one.subject == digest for one, _ in ledger.entries(source.store)):
        raise NotReady(
            f"release {digest[:12]} is not registered in {source.name}, from which {env.name} receives its releases. "
            + way_to(source, env, digest[:12])
        )


def way_to(source: Environment, env: Environment, name: str) -> str:
    """How a release gets into the registry of `source`."""
    if source.name == env.name:
        return f"Run `mlops validate --env {source.name} {name}` and `mlops register --env {source.name} {name}` first."
    return f"Run `mlops promote --env {source.name} {name}` first."


def receive(source: Environment, env: Environment, digest: str, report: Callable[[str], None]) -> None:
    """Copy the release's bytes from store to store; both ends are verified. Raises IntegrityError."""
    report(f"copying release {digest[:12]} from {source.name}")
    # Not the cached copy: what the source's store holds now is what has to be right.
    with tempfile.TemporaryDirectory(prefix="mlops-promote-") as folder:
        put_release(env.store, get_release(source.store, digest, Path(folder)), digest)
        get_release(env.store, digest, Path(folder) / "received")


def judged(env: Environment, model: Model, digest: str, report: Callable[[str], None]) -> dict[str, Any]:
    """The evidence that lets `digest` into `env`: what stands, else judged now; registered here afterwards."""
    from pipelines.steps.register import register
    from pipelines.steps.validate import validate

    if standing(env, model, digest) is None:
        validate(env, model, digest, report=report)
    if env.before() is not None:
        register(env, model, digest, report=report)
    return require(env, model, digest)


def commit_message(env: Environment, digest: str, changes: Mapping[str, Any], evidence: Mapping[str, Any]) -> Message:
    """The commit's message: what comes in, the evidence as a table, and trailers for programs."""
    how = as_what(changes)
    data = evidence["data"]
    lines = [
        f"Evidence on data version {data['version']} ({data['digest'][:12]}), gates {evidence['contract'][:12]},",
        f"champion {(evidence['champion'] or 'none')[:12]}, anchor {(evidence['anchor'] or 'none')[:12]}:",
        "",
        *(f"  {one.verdict:<12}  {one.gate:<13}  {one.message}" for one in findings(evidence)),
    ]
    return Message(
        subject=f"Promote release {digest[:12]} to {env.name} {how}",
        body="\n".join(lines),
        trailers={"Release": digest, "Environment": env.name, "Ledger-Head": ledger.head(env.store)},
    )


def as_what(changes: Mapping[str, Any]) -> str:
    """In which role a release comes in."""
    if changes["candidate"] is None:
        return "as its stable release"
    percent = changes["traffic"]["candidate"]
    return f"on trial with {percent} % of the traffic" if percent else "on trial in the shadow"


@click.command(
    "promote",
    help="Bring a release to an environment: copy and verify its bytes, judge it against what runs there, and commit "
    "the changed endpoint file with the evidence. The release has to be registered in the environment before.",
    epilog="Example: mlops promote --env local-staging 3f5a1c --up\n\n"
    "Exit codes: 0 done, 4 a gate refused, 5 not enough evidence, 6 bytes changed, 7 something stands in its way, "
    "8 the deployment failed.",
)
@environment_option()
@model_option
@click.argument("digest", required=False)
@click.option("--up", is_flag=True, help="Deploy at once: run `mlops up` on the endpoint afterwards.")
@json_option
def command(env: str, model: Path | None, digest: str | None, up: bool, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened = open_environment(root(), env)
    chosen = find_release((opened.before() or opened).store, digest) if digest else None
    record = promote(opened, load(model or root() / "model"), chosen, up=up, report=progress)
    show(record, as_json)
