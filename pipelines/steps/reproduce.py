"""Does a release follow from what it claims? Train it again from its lineage and compare."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pipelines.attestation import REPRODUCTION, attest, reference
from pipelines.build import build, workshop
from pipelines.contract import Model, load
from pipelines.decisions.folds import split
from pipelines.decisions.reproduction import Sameness, differences, sameness
from pipelines.environment import Environment, open_environment
from pipelines.errors import GateFailed, InvalidInput
from pipelines.frames import Version, columns, read_data, versions
from pipelines.lineage import Lineage, code_used, platform_key, versions_used
from pipelines.options import environment_option, json_option, model_option, progress, root, show, silent
from pipelines.record import Record, keep
from serving.graph import Graph
from serving.release import LINEAGE

if TYPE_CHECKING:
    import pandas as pd


def reproduce(env: Environment, model: Model, digest: str, *, report: Callable[[str], None] = silent) -> Record:
    """Train release `digest` of `env` again and attest what that proved.

    On the platform and with the libraries that made it the bytes must be equal; elsewhere every validation score within
    `reproduction.TOLERANCE` and every decision. Raises InvalidInput when data or code is not what the release was
    made from, GateFailed (after attesting) when it does not follow from them.
    """
    release = env.release(digest)
    lineage = msgspec.json.decode((release / LINEAGE).read_bytes(), type=Lineage)
    refuse_other_code(model, lineage)
    data, frame = find_data(env.head(), model, lineage)
    report(f"training again on data version {data.number}")
    with workshop() as folder:
        made = build(model, frame, data.digest, parameters=lineage.parameters, seed=lineage.seed, folder=folder)
        report("comparing")
        other = differences(lineage.versions, versions_used(model.folder))
        found = sameness(
            equal_bytes=made.digest == digest,
            same_platform=not other and origin(env.head(), model, digest) == platform_key(),
            scores=scored(model, frame, Graph(release), Graph(folder)),
        )
    return kept(env, model, digest, found, other)


def refuse_other_code(model: Model, lineage: Lineage) -> None:
    """The files, contract and folds at hand must be those that the release was made from."""
    code = code_used(model.folder, model.contract)
    expected = {"the model's files": lineage.training.files, "model.toml": lineage.training.contract}
    found = {"the model's files": code.files, "model.toml": code.contract}
    if changed := [name for name, value in expected.items() if found[name] != value]:
        raise InvalidInput(
            f"{' and '.join(changed)} in {model.folder} differ from those that the release was made from "
            f"({found[changed[0]][:12]} instead of {expected[changed[0]][:12]}), so another release would follow. "
            "Check out the commit that trained it: `mlops audit` and the run in MLflow name it."
        )


def find_data(env: Environment, model: Model, lineage: Lineage) -> "tuple[Version, pd.DataFrame]":
    """The data version with the lineage's digest. Raises InvalidInput when the table's history has none."""
    known = versions(env)
    for version in known:
        if version.digest == lineage.data.digest:
            return read_data(env, model.contract, version.number)
    raise InvalidInput(
        f"no data version of {env.name} has the digest {lineage.data.digest[:12]} that the release was made from; "
        f"it has {', '.join(version.digest[:12] for version in known) or 'none'}. "
        "Ingest the same source as of the same time with `mlops data --now`."
    )


def origin(env: Environment, model: Model, digest: str) -> dict[str, str] | None:
    """The platform key of the run that made the release, if MLflow knows one."""
    from pipelines.tracking import find_run, get_run

    run = find_run(env, model.contract, digest)
    text = get_run(env, run).data.tags.get("mlops.platform") if run else None
    return msgspec.json.decode(text, type=dict[str, str]) if text else None


def scored(model: Model, frame: "pd.DataFrame", first: Graph, second: Graph) -> Any:
    """Scores and decisions of both graphs on the validation rows."""
    rows = columns(model.contract, frame[split(frame[model.contract.entity], model.contract.folds)])
    return tuple((scores := graph.score(rows), graph.decide(scores)) for graph in (first, second))


def kept(env: Environment, model: Model, digest: str, found: Sameness, other: list[str]) -> Record:
    """Attest and record; raise GateFailed when the release does not follow from its lineage."""
    key = platform_key()
    predicate = {"proved": found.proved, "difference": found.difference, "flips": found.flips, "platform": key}
    attested = attest(env.store, digest, name=model.contract.name, predicate_type=REPRODUCTION, predicate=predicate)
    record = keep(
        env, step="reproduce", verdict="pass" if found.holds() else "fail", subject=digest,
        summary=f"release {digest[:12]}: {found.sentence()}", versions=other,
        attested=reference(env.store, attested), **predicate,
    )  # fmt: skip
    if not found.holds():
        hint = f" These versions differ: {', '.join(other)}." if other else ""
        raise GateFailed(f"{record.summary}.{hint} Data and code are the same, so look for randomness without a seed.")
    return record


@click.command(
    "reproduce",
    help="Train a release again from its lineage. On the platform that made it the bytes must be equal; elsewhere "
    "every validation score must agree within a tolerance, and every decision. Says which of the two it proved.",
    epilog="Example: mlops reproduce --env local-dev 3f0c...9a\n\nExit codes: 0 reproduced, 3 data or code are others, "
    "4 it does not follow from them, 7 there is no such release.",
)
@environment_option()
@model_option
@click.argument("digest")
@json_option
def command(env: str, model: Path | None, digest: str, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    show(reproduce(open_environment(root(), env), load(model or root() / "model"), digest, report=progress), as_json)
