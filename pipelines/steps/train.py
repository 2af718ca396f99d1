"""How does a data version become a tracked release? One run: fit, convert, seal, store, log."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipelines import git
from pipelines.attestation import PARITY, attest, reference
from pipelines.build import Built, build, workshop
from pipelines.contract import Model, load
from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput
from pipelines.frames import Version, read_data
from pipelines.lineage import platform_key
from pipelines.options import environment_option, json_option, model_option, progress, root, show, silent
from pipelines.record import Record, keep
from pipelines.steps.data import refuse_tail
from pipelines.store import put_release

CARD = "card.md"


def train(
    env: Environment,
    model: Model,
    *,
    version: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    search: int = 0,
    report: Callable[[str], None] = silent,
) -> Record:
    """Train from a data version (the newest unless given), store the release and log the run in MLflow.

    `parameters` replace some of the model's own; `search` tries so many combinations of its search space first, by
    cross-validation within the training fold. Raises InvalidInput outside of the head of a chain, on an unknown
    parameter, and when the model cannot be trained, converted or trusted; ToolFailed when MLflow does not answer.
    """
    refuse_tail(env, "train")
    started = time.monotonic()
    data, frame = read_data(env, model.contract, version)
    chosen = chosen_parameters(model, parameters or {})
    find_tracking(env, model)
    if search:
        from pipelines.search import search_parameters

        chosen = search_parameters(model, frame, chosen, number=search, seed=seed, report=report)
    report(f"training on data version {data.number}")
    with workshop() as folder:
        built = build(model, frame, data.digest, parameters=chosen, seed=seed, folder=folder)
        put_release(env.store, folder, built.digest)
        attested = attest(
            env.store, built.digest, name=model.contract.name, predicate_type=PARITY, predicate=asdict(built.parity)
        )
        report(f"logging release {built.digest[:12]} in MLflow")
        run = log(env, model, built, data, chosen, seed)
    metric = model.contract.gates[0].metric if model.contract.gates else next(iter(built.metrics))
    return keep(
        env, step="train", verdict="trained", subject=built.digest,
        summary=f"release {built.digest[:12]} is trained on data version {data.number}: "
        f"{metric} {built.metrics.get(metric, float('nan')):.4f} on {len(built.y)} validation rows",
        run=run, digest=built.digest, version=data.number, data=data.digest, metrics=built.metrics,
        parameters=chosen, seed=seed, parity=built.parity.difference, rows=len(frame), validation_rows=len(built.y),
        attested=reference(env.store, attested), platform=platform_key(), seconds=round(time.monotonic() - started, 2),
    )  # fmt: skip


def find_tracking(env: Environment, model: Model) -> None:
    """A tracking server that is not there is noticed before the training, not after it."""
    from pipelines.tracking import experiment

    experiment(env, model.contract)


def chosen_parameters(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """The model's own parameters with the given ones in place. Raises InvalidInput on an unknown one."""
    own = dict(model.estimator.PARAMETERS)
    if unknown := sorted(set(given) - set(own)):
        raise InvalidInput(
            f"'{unknown[0]}' is no parameter of {model.contract.name}; it has: {', '.join(sorted(own))}."
        )
    return own | dict(given)


def log(env: Environment, model: Model, built: Built, data: Version, parameters: Mapping[str, Any], seed: int) -> str:
    """The run's id. What is logged is made around the release and no part of it."""
    from pipelines.plots import figures
    from pipelines.tracking import log_run

    card = model.folder / CARD
    return log_run(
        env, model.contract, built.digest, built.folder,
        name=built.digest[:12],
        parameters={**parameters, "seed": seed},
        metrics={**built.metrics, "parity_difference": built.parity.difference},
        tags={
            "mlops.data_version": str(data.number),
            "mlops.data": data.digest,
            "mlops.environment": env.name,
            "mlops.actor": env.actor,
            "mlops.platform": json.dumps(platform_key(), sort_keys=True),
            **commit_tags(env.root),
        },
        figures=figures(model.contract, built.y, built.score),
        texts={CARD: card.read_text()} if card.is_file() else {},
    )  # fmt: skip


def commit_tags(folder: Path) -> dict[str, str]:
    """The commit that is checked out, and whether the tree differs from it; nothing outside of a repository."""
    if not (commit := git.run(folder, "rev-parse", "HEAD", check=False).strip()):
        return {}
    dirty = bool(git.run(folder, "status", "--porcelain", check=False).strip())
    return {"mlops.commit": commit, "mlops.dirty": str(dirty).lower()}


def parse_parameters(given: tuple[str, ...]) -> dict[str, Any]:
    """`name=value` pairs; a value is read as JSON where it is JSON, else as text. Raises InvalidInput."""
    parameters: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"--parameter {pair}: there is no '='. Write it like learning_rate=0.1.")
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters


@click.command(
    "train",
    help="Train a release from a version of the data table and log the run in MLflow (MLFLOW_TRACKING_URI may name "
    "another server). Works at the head of a chain only.",
    epilog="Example: mlops train --env local-dev --parameter max_iter=200 --seed 1\n\n"
    "Exit codes: 0 done, 3 the model or an argument is not as it must be, 6 the data was changed, 7 no data yet, "
    "8 MLflow does not answer.",
)
@environment_option()
@model_option
@click.option("--version", type=int, default=None, metavar="N", help="The data version; default: the newest.")
@click.option(
    "--parameter", multiple=True, metavar="NAME=VALUE", help="Replace a parameter of the estimator; repeatable."
)
@click.option("--seed", type=int, default=0, show_default=True, help="The only source of randomness.")
@click.option(
    "--search", type=click.IntRange(0), default=0, metavar="N", help="Try N combinations of the search space first."
)
@json_option
def command(
    env: str, model: Path | None, version: int | None, parameter: tuple[str, ...], seed: int, search: int, as_json: bool
) -> None:
    """Parse the options, run the step, show the record."""
    loaded, opened = load(model or root() / "model"), open_environment(root(), env)
    record = train(
        opened,
        loaded,
        version=version,
        parameters=parse_parameters(parameter),
        seed=seed,
        search=search,
        report=progress,
    )
    metrics = [f"  {name:<42} {value:.4f}" for name, value in record.details["metrics"].items()]
    show(record, as_json, [*metrics, f"  run {record.details['run']}, {record.details['seconds']:.1f} s"])
