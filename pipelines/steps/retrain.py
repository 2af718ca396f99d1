"""Is it time to train again, and what comes of it? From the newest watch to a release that passed the gates.

The new data version is the head's, and the labelled rows of the logs that it takes feedback from. A log carries the
model's inputs only: a column that is evaluated and no input (a sensitive one) is missing in these rows.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from pipelines.contract import Model, load
from pipelines.decisions.findings import Finding
from pipelines.decisions.retraining import Decision, Evidence, Policy, decide
from pipelines.environment import Environment, open_environment
from pipelines.errors import GateFailed, Insufficient, InvalidInput, NotReady
from pipelines.options import environment_option, json_option, model_option, now_option, progress, root, show
from pipelines.record import Record, history, keep, newest
from pipelines.returned import Returned, gather

DONE = ("proposed", "refused")


def silent(_message: str) -> None:
    """Report nothing."""


def retrain(
    env: Environment,
    model: Model,
    *,
    now: datetime | None = None,
    force: bool = False,
    promote: bool = False,
    report: Callable[[str], None] = silent,
) -> Record:
    """Decide from the newest watch of `env`; when it is time, make a data version, train, judge and register.

    With `promote` the release is promoted to the head as well. The verdict is not-needed, proposed or refused; when
    the gates refuse, GateFailed or Insufficient is raised after the record is kept. Raises NotReady without a watch,
    InvalidInput when the head does not take feedback from `env`.
    """
    head, moment = env.head(), now or env.now()
    refuse_no_feedback(head, env)
    watch = newest(env, "monitor")
    if watch is None:
        raise NotReady(f"nobody watched {env.name} yet. Run `mlops monitor --env {env.name}` first.")
    report("looking for new labelled rows")
    returned = gather(head, model.contract, moment)
    decision = decide(evidence(env, watch, returned, moment), policy(env), force=force)
    if not decision.needed:
        return keep(
            env, step="retrain", verdict="not-needed", subject=watch.subject,
            summary=f"{env.name}: retraining is not needed now: {decision.why()}.",
            now=moment, reasons=decision.reasons, against=decision.against, new_rows=returned.rows(),
        )  # fmt: skip
    return produce(env, model, returned, trace(env, watch, returned, decision, moment), promote=promote, report=report)


def refuse_no_feedback(head: Environment, env: Environment) -> None:
    """The head's declaration says whose live rows may become its training data."""
    if env.name not in head.platform.feedback_from:
        allowed = ", ".join(head.platform.feedback_from) or "nobody"
        raise InvalidInput(
            f"{head.name} takes feedback from {allowed}, not from {env.name}. "
            f"Add it to 'feedback_from' in environments/platform/Pulumi.{head.name}.yaml if its rows may be trained on."
        )


def evidence(env: Environment, watch: Record, returned: Returned, now: datetime) -> Evidence:
    """What speaks for and against training again."""
    done = [record for record in history(env, "retrain") if record.verdict in DONE]
    return Evidence(
        findings=msgspec.convert(watch.details["findings"], list[Finding]),
        watched_at=datetime.fromisoformat(watch.details["now"]), watched=watch.subject,
        stable=env.endpoint().stable or "", labelled=sum(returned.rows().values()), now=now,
        last=datetime.fromisoformat(done[-1].details["now"]) if done else None,
    )  # fmt: skip


def policy(env: Environment) -> Policy:
    """The environment's rules."""
    rules = env.platform.retraining
    return Policy(
        cooldown=timedelta(days=rules.cooldown_days), minimum=rules.minimum_rows,
        newest=2 * timedelta(days=env.platform.monitor.window_days),
    )  # fmt: skip


def trace(env: Environment, watch: Record, returned: Returned, decision: Decision, now: datetime) -> dict[str, Any]:
    """Why there is a new data version: the findings with their part, size and owner, and where the rows come from."""
    asking = [one for one in watch.details["findings"] if one["verdict"] in ("worse", "drift")]
    return {
        "now": now, "reasons": list(decision.reasons), "new_rows": returned.rows(), "environment": env.name,
        "watched": {"at": watch.at, "release": watch.subject, "verdict": watch.verdict, "findings": asking},
        "owners": watch.details["owners"],
    }  # fmt: skip


def produce(
    env: Environment, model: Model, returned: Returned, traced: dict[str, Any], *, promote: bool,
    report: Callable[[str], None],
) -> Record:  # fmt: skip
    """Data version, release, gates and registration, by the same functions as everybody's; then the proposal."""
    from pipelines.steps.data import write_data
    from pipelines.steps.register import register
    from pipelines.steps.train import train
    from pipelines.steps.validate import validate

    head = env.head()
    given = ", ".join(f"{count} rows of {name}" for name, count in returned.rows().items() if count)
    source = f"feedback: {given}; because {'; '.join(traced['reasons'])}"
    data = write_data(head, model, returned.united(), source, report=report)
    trained = train(head, model, version=data.details["version"], report=report)
    traced |= {"data": {key: data.details[key] for key in ("version", "digest", "rows")}, "data_source": source}
    report("gates")
    try:
        judged = validate(head, model, trained.subject, report=report)
    except (GateFailed, Insufficient) as refusal:
        text = f"{env.name}: trained again ({given}), but {str(refusal).splitlines()[0]}"
        keep(env, step="retrain", verdict="refused", subject=trained.subject, summary=text, **traced)
        raise
    register(head, model, trained.subject)
    return propose(env, model, trained, traced | {"gates": judged.verdict, "given": given}, promote=promote)


def propose(env: Environment, model: Model, trained: Record, traced: dict[str, Any], *, promote: bool) -> Record:
    """The record, with the command that comes next; with `promote` that command has been done."""
    head, digest = env.head(), trained.subject
    following = f"mlops promote --env {head.name} {digest[:12]}"
    if promote:
        from pipelines.steps.promote import promote as promotion

        promotion(head, model, digest)
        following = f"mlops up --env {head.name}"
    return keep(
        env, step="retrain", verdict="proposed", subject=digest,
        summary=f"{env.name}: trained again on {traced.pop('given')} because {'; '.join(traced['reasons'])}. "
        f"Release {digest[:12]} passed the gates of {head.name} and is registered.",
        next=following, metrics=trained.details["metrics"], **traced,
    )  # fmt: skip


@click.command(
    "retrain",
    help="Decide from the newest watch whether to train again. When it is time: a new data version at the head of the "
    "chain from its data and the labelled live rows, training, gates, registration, and the command that proposes it.",
    epilog="Example: mlops retrain --env local-prod --now 2024-07-01\n\n"
    "Exit codes: 0 not needed, or proposed; 3 no feedback allowed; 4 a gate refused; 5 not enough evidence; "
    "7 nobody watched yet.",
)
@environment_option()
@model_option
@now_option
@click.option("--force", is_flag=True, help="Train again although nothing asks for it.")
@click.option("--promote", is_flag=True, help="Promote the release to the head of the chain, too.")
@json_option
def command(*, env: str, model: Path | None, now: datetime | None, force: bool, promote: bool, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened, loaded = open_environment(root(), env), load(model or root() / "model")
    record = retrain(opened, loaded, now=now, force=force, promote=promote, report=progress)
    show(record, as_json, [f"Next: {record.details['next']}"] if "next" in record.details else [])
