"""May the candidate have more traffic? Judges it by what was logged; with `write`, a commit moves the traffic."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from environments.declaration import Endpoint
from environments.edit import edit_endpoint
from environments.location import deployed
from pipelines import git, ledger
from pipelines.attestation import GATES, ROLLOUT, attest, reference, statements
from pipelines.decisions.rollout import Judgement, destination, judge, moves
from pipelines.decisions.trial import Baseline, Evidence, Shift
from pipelines.environment import Environment, open_environment
from pipelines.errors import NotReady
from pipelines.git import Message, commit_change
from pipelines.options import environment_option, json_option, progress, root, show
from pipelines.record import Record, keep, one_record
from pipelines.steps.data import silent
from pipelines.traffic_log import Means, TrafficLog
from serving.release import schema

STEP, APPLIED = "rollout", "applied"
CHANGING = ("promote", "rollback")
SETTLED = timedelta(seconds=2)  # until a mirrored request is logged and shipped too
GO_LASTS = timedelta(hours=1)  # a go is about traffic that went on since; a proof of harm does not age


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A candidate's present step: since when it stands, what was judged of it so far, and the step before.

    `verdicts` are of everything since the last change of the declaration that the ledger knows, oldest first, each
    with the key of its record.
    """

    declared: Endpoint
    stable: str
    candidate: str
    since: datetime | None
    verdicts: Sequence[tuple[str, Record]]
    before: Baseline | None

    def looks(self) -> list[int]:
        """The candidate's judged requests at the earlier verdicts on this step."""
        here = [record.details for _, record in self.verdicts if record.details["step_id"] == self.declared.step()]
        return [details["judged"] for details in here]


def rollout(
    env: Environment, *, write: bool = False, up: bool = False, report: Callable[[str], None] = silent
) -> Record:
    """The verdict on the candidate's present step: go, hold or back.

    Without `write` it only judges. With it, a verdict on this step that nobody applied is applied, else a new one is
    made and applied: the declaration is changed by a commit with the evidence. `up` deploys it. Raises NotReady when
    nothing is on trial, or when the newest verdict is about another step than the file declares.
    """
    trial = present(env)
    if not write:
        return judged(env, trial, report)[1]
    git.check(env.endpoint_file())
    refuse_stale(env, trial)
    key, verdict = waiting(env, trial) or judged(env, trial, report)
    if verdict.verdict == "hold":
        return verdict
    apply(env, trial, key, verdict)
    if up:
        from pipelines.steps.up import up as deploy

        deploy(env, programs=("endpoint",), report=report)
    return verdict


def present(env: Environment) -> Trial:
    """The trial that the endpoint's file declares. Raises NotReady without one."""
    declared = env.endpoint()
    if declared.stable is None or declared.candidate is None:
        raise NotReady(f"nothing is on trial in {env.name}. `mlops promote --env {env.name}` brings a candidate in.")
    chained = [entry for entry, _ in ledger.entries(env.store)]
    changes = [entry for entry in chained if entry.step in CHANGING or (entry.step, entry.verdict) == (STEP, APPLIED)]
    last = changes[-1] if changes else None
    later = chained[last.number :] if last else chained
    moved = one_record(env, last).details if last and last.step == STEP else {}
    before = moved.get("baseline")
    return Trial(
        declared=declared, stable=declared.stable, candidate=declared.candidate, since=last.at if last else None,
        verdicts=[(entry.record, one_record(env, entry)) for entry in later if entry.step == STEP],
        before=Baseline(judged=before["judged"], failures=before["failures"], p95=bounds(before)) if before else None,
    )  # fmt: skip


def bounds(before: Mapping[str, Any]) -> tuple[float, float] | None:
    """Both bounds of the 95th percentile that a record has."""
    low, high = before["p95"] or (None, None)
    return None if low is None or high is None else (low, high)


def judged(env: Environment, trial: Trial, report: Callable[[str], None]) -> tuple[str, Record]:
    """Judge the step as logged up to now; the key of the record and the record, attested."""
    report(f"counting requests of step {trial.declared.step()}")
    evidence = gather(env, trial)
    verdict = judge(evidence, trial.declared.rollout)
    found: dict[str, Any] = {
        "step_id": trial.declared.step(), "stable": trial.stable, "candidate": trial.candidate,
        "traffic": {"candidate": evidence.percent, "shadow": trial.declared.traffic.shadow},
        "judged": verdict.judged, "more": verdict.more, "evidence": counted(evidence),
        "findings": [vars(finding) for finding in verdict.findings],
    }  # fmt: skip
    predicate = {"environment": env.name, "verdict": verdict.verdict, **found}
    name = schema(env.release(trial.candidate)).name
    attested = attest(env.store, trial.candidate, name=name, predicate_type=ROLLOUT, predicate=predicate)
    record = keep(
        env, step=STEP, verdict=verdict.verdict, subject=trial.candidate, summary=sentence(env, trial, verdict),
        baseline=baseline(evidence), attested=reference(env.store, attested), **found,
    )  # fmt: skip
    newest = next(entry for entry, _ in reversed(ledger.entries(env.store)) if entry.step == STEP)
    return newest.record, record


def gather(env: Environment, trial: Trial) -> Evidence:
    """What the log has about the present step."""
    traffic, step = trial.declared.traffic, trial.declared.step()
    settled = SETTLED if trial.declared.traffic.shadow else timedelta(0)
    log = TrafficLog(env, step, since=trial.since, until=env.now() - settled)
    shadow = traffic.candidate == 0
    return Evidence(
        percent=traffic.candidate,
        stable=log.group("stable", trial.stable),
        candidate=log.group("candidate", trial.candidate),
        mirror=log.mirror(trial.stable, trial.candidate, traffic.shadow / 100) if shadow else None,
        before=trial.before,
        shift=shift(env, trial, log, paired=shadow),
        looks=trial.looks(),
    )


def shift(env: Environment, trial: Trial, log: TrafficLog, *, paired: bool) -> Shift | None:
    """The live shift beside the attested one: by request in the shadow, else of the means of both tracks."""
    expected = expected_shift(env, trial)
    if expected is None or trial.declared.traffic.candidate == 100:
        return None
    nothing = Means.none(len(expected["mean"]))
    if paired:
        live = log.paired(trial.stable, trial.candidate) or nothing
    else:
        one, other = log.scores("candidate", trial.candidate), log.scores("stable", trial.stable)
        live = one.minus(other) if one is not None and other is not None else nothing
    return Shift(
        expected=expected["mean"], scale=expected["std"], live=live.values.tolist(), error=live.errors.tolist(),
        clusters=live.clusters,
    )  # fmt: skip


def expected_shift(env: Environment, trial: Trial) -> dict[str, Any] | None:
    """What the newest gate evidence of this environment against the present stable release says about the scores."""
    for one in reversed(statements(env.store, trial.candidate, GATES)):
        if one.predicate["environment"] == env.name and one.predicate.get("champion") == trial.stable:
            return one.predicate.get("shift")
    return None


def counted(evidence: Evidence) -> dict[str, Any]:
    """The counts behind a verdict."""
    mirror = evidence.mirror
    return {
        "candidate": {"judged": evidence.candidate.judged, "failures": evidence.candidate.failures},
        "stable": {"judged": evidence.stable.judged, "failures": evidence.stable.failures},
        "mirror": vars(mirror) if mirror is not None else None,
    }


def baseline(evidence: Evidence) -> dict[str, Any] | None:
    """The stable release's counts, for a step in which nothing is assigned to it."""
    from pipelines.decisions.latency import p95
    from pipelines.decisions.trial import ENOUGH

    stable = evidence.stable
    if stable.judged < ENOUGH:
        return None
    low, high = p95(stable.milliseconds, 0.05)
    return {"judged": stable.judged, "failures": stable.failures, "p95": [low, high] if high < float("inf") else None}


def sentence(env: Environment, trial: Trial, verdict: Judgement) -> str:
    """The verdict, where it leads, and the first reason."""
    where = f"{trial.declared.traffic.candidate} %" if trial.declared.traffic.candidate else "the shadow"
    name = f"{env.name}, release {trial.candidate[:12]} at {where}"
    if verdict.verdict != "hold":
        reason = "; ".join(finding.message for finding in verdict.reasons())
        return f"{name}: {verdict.verdict}, it {destination(moves(trial.declared, verdict.verdict))}. {reason}"
    running = deployed(env.location)
    if running is not None and running.step != trial.declared.step():
        return f"{name}: hold, the declared step is not deployed. Run `mlops up --env {env.name}`."
    wait = f"{verdict.more} more judged requests are needed" if verdict.more else "more requests would not decide it"
    open_ones = [finding.message for finding in verdict.findings if finding.verdict == "hold"]
    reason = open_ones[0] if open_ones else f"{verdict.judged} of {trial.declared.rollout.minimum_requests} requests."
    return f"{name}: hold, {wait}. {reason}"


def refuse_stale(env: Environment, trial: Trial) -> None:
    """A verdict that waits has to be about what the file declares; somebody else changed it otherwise."""
    if not trial.verdicts:
        return
    _, newest = trial.verdicts[-1]
    if newest.details["step_id"] != trial.declared.step():
        raise NotReady(
            f"the newest verdict in {env.name} ({newest.verdict}, {newest.at:%Y-%m-%d %H:%M}) is about step "
            f"{newest.details['step_id']}, {env.endpoint_file().name} declares {trial.declared.step()}: it is stale. "
            f"Run `mlops rollout --env {env.name}` to judge the present step."
        )


def waiting(env: Environment, trial: Trial) -> tuple[str, Record] | None:
    """The newest verdict on this step, when it says something and still holds."""
    if not trial.verdicts:
        return None
    key, newest = trial.verdicts[-1]
    fresh = newest.verdict == "back" or (newest.verdict == "go" and env.now() - newest.at <= GO_LASTS)
    return (key, newest) if fresh else None


def apply(env: Environment, trial: Trial, key: str, verdict: Record) -> Record:
    """Change and commit the declaration as the verdict says; the record of it."""
    changes = moves(trial.declared, "go" if verdict.verdict == "go" else "back")
    file = env.endpoint_file()
    message = commit_message(env, trial, key, verdict, changes)
    commit = commit_change(file, lambda: edit_endpoint(file, changes), message)
    return keep(
        env, step=STEP, verdict=APPLIED, subject=trial.candidate, summary=f"{message.subject} ({commit[:12]})",
        judgement=key, commit=commit, changes=changes,
        baseline=verdict.details["baseline"],
    )  # fmt: skip


def commit_message(env: Environment, trial: Trial, key: str, verdict: Record, changes: Mapping[str, Any]) -> Message:
    """What moves, the evidence as a table, and trailers for programs."""
    details = verdict.details
    body = [
        f"Step {details['step_id']}: {details['traffic']['candidate']} % of the traffic,",
        f"{details['traffic']['shadow']} % in the shadow. {details['judged']} judged requests of the candidate",
        f"beside the stable release {trial.stable[:12]}:",
        "",
        *(f"  {line}" for line in lines(verdict)),
    ]
    return Message(
        subject=f"Roll out in {env.name}: release {trial.candidate[:12]} {destination(changes)}",
        body="\n".join(body),
        trailers={
            "Release": trial.candidate, "Environment": env.name, "Verdict": key, "Ledger-Head": ledger.head(env.store),
        },
    )  # fmt: skip


@click.command(
    "rollout",
    help="Judge the candidate of an environment by its logged requests: failures, latency and prediction shift, by the "
    "track that the gateway assigned. With --write the traffic is moved by a commit: to the next step, or back.",
    epilog="Example: mlops rollout --env local-prod --write --up\n\n"
    "Exit codes: 0 judged (whatever the verdict), 7 nothing on trial, a stale verdict, no Git identity, a dirty file, "
    "8 the deployment failed.",
)
@environment_option()
@click.option("--write", is_flag=True, help="Apply the verdict: commit the next step, or the way back.")
@click.option("--up", is_flag=True, help="With --write: deploy it at once.")
@json_option
def command(env: str, write: bool, up: bool, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    if up and not write:
        raise click.UsageError("--up deploys what --write commits; give both.")
    record = rollout(open_environment(root(), env), write=write, up=up, report=progress)
    show(record, as_json, [f"  {line}" for line in lines(record)])


def lines(record: Record) -> list[str]:
    """One line per finding."""
    found: list[dict[str, Any]] = record.details["findings"]
    return [f"{one['verdict']:<8}  {one['metric']:<8}  {one['message']}" for one in found]
