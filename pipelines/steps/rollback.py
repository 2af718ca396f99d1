"""How does an environment return to a release that worked? One command, once the release has proven that it answers."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from ruamel.yaml import YAML

from environments.declaration import NAMESPACE, Endpoint
from environments.edit import edit_endpoint
from pipelines import git, ledger
from pipelines.decisions.promotion import NO_TRAFFIC
from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput, NotReady
from pipelines.git import Message, commit_change
from pipelines.options import environment_option, json_option, progress, root, show
from pipelines.record import Record, history, keep
from pipelines.steps.data import silent
from pipelines.store import find_release, get_release
from pipelines.trial import TrialFailed, ask
from serving.graph import Graph
from serving.release import Column, ReleaseError

AGREES = 1e-5


def rollback(
    env: Environment, *, reason: str, to: str | None = None, up: bool = False,
    report: Callable[[str], None] = silent,
) -> Record:  # fmt: skip
    """Return to the release `to`, by a commit, once the real server answered with it.

    Without `to`: a candidate's trial ends and the stable release stays; without a candidate the stable release before
    comes back. `up` deploys it. Raises NotReady when there is nothing to return to or it does not answer,
    IntegrityError when its bytes are not its own any more.
    """
    if not reason.strip():
        raise InvalidInput("a rollback without a reason helps nobody later. Say in a few words what went wrong.")
    file, declared = env.endpoint_file(), env.endpoint()
    git.check(file)
    digest = to or target(env, declared)
    refuse_pointless(env, declared, digest)
    report(f"asking release {digest[:12]}")
    prove(env, digest)
    changes = {"stable": digest, "candidate": None, "traffic": dict(NO_TRAFFIC)}
    message = commit_message(env, declared, digest, reason)
    commit = commit_change(file, lambda: edit_endpoint(file, changes), message)
    record = keep(
        env, step="rollback", verdict="done", subject=taken_out(declared, digest),
        summary=f"{message.subject} ({commit[:12]}): {reason}. "
        + ("" if up else f"`mlops up --env {env.name}` deploys it."),
        to=digest, reason=reason, commit=commit, changes=changes,
    )  # fmt: skip
    if up:
        from pipelines.steps.up import up as deploy

        deploy(env, programs=("endpoint",), report=report)
    return record


def target(env: Environment, declared: Endpoint) -> str:
    """The stable release under a trial, else the newest other one in the file's history that no rollback took out."""
    if declared.stable is None:
        raise NotReady(f"{env.name} declares no release. There is nothing to return from.")
    if declared.candidate is not None:
        return declared.stable
    unwanted = {declared.stable} | {record.subject for record in history(env, "rollback")}
    for revision in git.history(env.endpoint_file()):
        before = stable_of(revision.content)
        if before is not None and before not in unwanted:
            return before
    raise NotReady(
        f"{env.endpoint_file().name} never declared another stable release that no rollback took out. "
        f"Name one: `mlops rollback --env {env.name} --reason WHY --to DIGEST`."
    )


def stable_of(content: bytes) -> str | None:
    """The stable release in an older content of an endpoint's file, whatever else it says."""
    document: Any = YAML(typ="safe", pure=True).load(content)
    try:
        return document["config"][f"{NAMESPACE}:endpoint"]["stable"]
    except (KeyError, TypeError):
        return None


def refuse_pointless(env: Environment, declared: Endpoint, digest: str) -> None:
    """The declaration has to change."""
    if digest == declared.stable and declared.candidate is None:
        raise NotReady(f"release {digest[:12]} is the stable release of {env.name} already, and nothing is on trial.")


def taken_out(declared: Endpoint, digest: str) -> str:
    """The release that goes: the candidate, or the stable release that is replaced."""
    return declared.candidate if digest == declared.stable and declared.candidate else declared.stable or ""


def prove(env: Environment, digest: str) -> None:
    """The stored bytes are those of `digest`, and the real server answers with them what their graph says."""
    with tempfile.TemporaryDirectory(prefix="mlops-rollback-") as folder:
        # Not the cached copy: the servers load what the store holds now.
        release = get_release(env.store, digest, Path(folder))
        try:
            graph = Graph(release)
            columns = example(graph.schema.columns)
            answered = ask(env.root, release, digest, graph.schema, columns)
            expected = graph.score(columns)
        except (ReleaseError, TrialFailed) as problem:
            raise NotReady(
                f"release {digest[:12]} does not answer: {problem} Nothing was changed; "
                f"name another release: `mlops rollback --env {env.name} --reason WHY --to DIGEST`."
            ) from None
    if answered.shape != expected.shape or not np.allclose(answered, expected, rtol=AGREES, atol=AGREES):
        raise NotReady(
            f"release {digest[:12]}: the server answers {answered.tolist()}, its graph {expected.tolist()}. "
            f"Nothing was changed; name another release: `mlops rollback --env {env.name} --reason WHY --to DIGEST`."
        )


def example(columns: list[Column]) -> dict[str, np.ndarray]:
    """One row that the columns allow."""
    return {column.name: np.array([allowed(column)], dtype=object) for column in columns}


def allowed(column: Column) -> Any:
    """A value that the column takes: the first of its values, else the nearest to zero, else a text."""
    if column.values:
        return column.values[0]
    if column.type == "text":
        return "text"
    low = 0.0 if column.minimum is None else max(0.0, column.minimum)
    return low if column.maximum is None else min(low, column.maximum)


def commit_message(env: Environment, declared: Endpoint, digest: str, reason: str) -> Message:
    """What goes, what comes, why, and trailers for programs."""
    gone = taken_out(declared, digest)
    trailers: Mapping[str, str] = {
        "Release": digest, "Environment": env.name, "Taken-Out": gone, "Ledger-Head": ledger.head(env.store),
    }  # fmt: skip
    return Message(
        subject=f"Roll {env.name} back from release {gone[:12]} to {digest[:12]}",
        body=f"{reason}\n\nThe model server loaded and answered with release {digest[:12]} before this commit.",
        trailers=trailers,
    )


@click.command(
    "rollback",
    help="Return to an earlier release by a commit: end a trial, or bring the stable release before back. First the "
    "real server has to load it and to answer.",
    epilog="Example: mlops rollback --env local-prod --reason 'refuses too many' --up\n\n"
    "Exit codes: 0 done, 3 no reason, 6 bytes changed, 7 nothing to return to, it does not answer, no Git identity, "
    "8 the deployment failed.",
)
@environment_option()
@click.option("--reason", required=True, help="What went wrong, for the commit and the record.")
@click.option("--to", metavar="DIGEST", help="The release to return to; default: see above.")
@click.option("--up", is_flag=True, help="Deploy it at once.")
@json_option
def command(env: str, reason: str, to: str | None, up: bool, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened = open_environment(root(), env)
    chosen = find_release(opened.store, to) if to else None
    show(rollback(opened, reason=reason, to=chosen, up=up, report=progress), as_json)
