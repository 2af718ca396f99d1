"""Is this release good enough for this environment? All gates on held-back rows; the evidence is attested."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from pipelines.attestation import GATES, PARITY, attest, newest, reference
from pipelines.build import one_thread
from pipelines.contract import Model, load
from pipelines.decisions import gates
from pipelines.decisions.gates import Finding, Other
from pipelines.decisions.statistics import RESAMPLES
from pipelines.environment import Environment, open_environment
from pipelines.errors import GateFailed, Insufficient
from pipelines.evaluation import ANCHOR, CANDIDATE, CHAMPION, Evaluation, Rows, Scored, evaluate, score, validation_rows
from pipelines.evidence import compared_with, gates_digest
from pipelines.intake import violations
from pipelines.judgement import Case, Served, judge, shift
from pipelines.options import environment_option, json_option, model_option, progress, root, show
from pipelines.record import Record, keep
from pipelines.steps.data import silent
from pipelines.store import find_release
from pipelines.trial import TrialFailed, ask

ASKED = 32  # rows that the real server answers on trial
MARKS = {"pass": "pass", "fail": "FAIL", "insufficient": "????"}


def validate(
    env: Environment, model: Model, digest: str, *, seed: int = 0, report: Callable[[str], None] = silent
) -> Record:
    """Judge release `digest` for `env` against what its endpoint declares, on the newest data of the chain's head.

    Raises GateFailed or Insufficient after the evidence is attested and the record is kept; NotReady without data or
    release.
    """
    report(f"reading the validation rows of {env.head().name}")
    rows = validation_rows(env.head(), model.contract)
    others = compared_with(env)
    report(f"scoring {len(rows.y)} rows")
    releases = score_all(env, model, rows, digest, others)
    report(f"resampling {RESAMPLES} times")
    with one_thread():
        evaluation = evaluate(model, rows, releases, resamples=RESAMPLES, seed=seed)
    report("asking the model server")
    case = Case(
        evaluation=evaluation,
        problems=sorted({reason for _, reason in violations(model.contract, rows.frame)}) if len(rows.y) else [],
        others=others,
        parity=newest(env.head().store, digest, PARITY),
        served=serve(env, rows, releases[CANDIDATE]),
    )
    findings = judge(model, case, env.platform.gates)
    return conclude(env, model, digest, case, findings)


def score_all(
    env: Environment, model: Model, rows: Rows, digest: str, others: Mapping[Other, str | None]
) -> dict[str, Scored]:
    """The candidate and each other release, every digest once."""
    releases = {CANDIDATE: score(env, digest, model.contract, rows)}
    for role, other in others.items():
        if other is not None and other not in {release.digest for release in releases.values()}:
            releases[role] = score(env, other, model.contract, rows)
    return releases


def serve(env: Environment, rows: Rows, release: Scored) -> Served:
    """Some rows, evenly spread, answered by the real server."""
    chosen = slice(None, None, max(1, len(rows.y) // ASKED))
    columns = {name: values[chosen][:ASKED] for name, values in release.columns.items()}
    expected = release.scores[chosen][:ASKED]
    if not len(expected):
        return Served(expected=expected, answered=None)
    try:
        answered = ask(env.root, env.release(release.digest), release.digest, release.graph.schema, columns)
    except TrialFailed as problem:
        return Served(expected=expected, answered=None, problem=str(problem))
    return Served(expected=expected, answered=answered)


def conclude(env: Environment, model: Model, digest: str, case: Case, findings: list[Finding]) -> Record:
    """Attest the evidence, keep the record, and raise when the release may not go on."""
    verdict = gates.overall(findings, env.platform.gates)
    found = evidence(env, model, case, findings)
    predicate = found | {"verdict": verdict}
    key = attest(env.store, digest, name=model.contract.name, predicate_type=GATES, predicate=predicate)
    reasons = [one for one in findings if stops(env, verdict, one)]
    summary = sentence(env, digest, verdict, findings, reasons)
    attested = reference(env.store, key)
    record = keep(env, step="validate", verdict=verdict, subject=digest, summary=summary, attested=attested, **found)
    if verdict == "pass":
        return record
    listed = "\n".join(f"  {one.gate}: {one.message}" for one in reasons)
    raise {"fail": GateFailed, "insufficient": Insufficient}[verdict](f"{summary}\n{listed}")


def stops(env: Environment, verdict: gates.Verdict, one: Finding) -> bool:
    """Is this finding a reason for a verdict that is not pass?"""
    if verdict == "insufficient":
        return one.verdict == "insufficient" and gates.counts_as(one, env.platform.gates) == "fail"
    return one.verdict == verdict == "fail"


def sentence(
    env: Environment, digest: str, verdict: gates.Verdict, findings: list[Finding], reasons: list[Finding]
) -> str:
    """The verdict in one line, with the first reason."""
    name = f"release {digest[:12]}"
    if verdict == "pass":
        unsure = sum(one.verdict == "insufficient" for one in findings)
        rest = f", {unsure} too small to judge" if unsure else ""
        return f"{name} passes the gates of {env.name}: {len(findings) - unsure} findings{rest}"
    what = "is refused by the gates of" if verdict == "fail" else "lacks evidence for the gates of"
    return f"{name} {what} {env.name}: {reasons[0].gate}: {reasons[0].message}"


def evidence(env: Environment, model: Model, case: Case, findings: list[Finding]) -> dict[str, Any]:
    """What is attested: on which data, against whom, by which gates, with which outcome."""
    version = case.evaluation.rows.version
    return {
        "environment": env.name,
        "data": {"version": version.number, "digest": version.digest},
        "champion": case.others[CHAMPION],
        "anchor": case.others[ANCHOR],
        "contract": gates_digest(env, model),
        "findings": [msgspec.to_builtins(one) for one in findings],
        "metrics": promised(case.evaluation, env.platform.gates.alpha),
        "shift": shift(case.evaluation),
    }


def promised(evaluation: Evaluation, alpha: float) -> dict[str, dict[str, Any]]:
    """The candidate's metrics with their intervals: what monitoring holds it to."""
    rows = len(evaluation.rows.y)
    found: dict[str, dict[str, Any]] = {}
    for key, estimate in sorted(evaluation.estimates.items(), key=str):
        if key[:2] == ("metric", CANDIDATE):
            interval = vars(estimate.interval(alpha))
            found[key[2]] = {name: value if np.isfinite(value) else None for name, value in interval.items()}
            found[key[2]]["rows"] = rows
    return found


@click.command(
    "validate",
    help="Judge a release by all gates, on held-back rows of the newest data at the head of the chain, against the "
    "environment's stable release and anchor. The evidence is attested; nothing is registered.",
    epilog="Example: mlops validate --env local-dev 3f5a…\n\n"
    "Exit codes: 0 pass, 3 the data lacks a column, 4 a gate refused, 5 not enough evidence, 6 bytes changed, "
    "7 no data or no release.",
)
@environment_option()
@model_option
@click.argument("digest")
@json_option
def command(env: str, model: Path | None, digest: str, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened = open_environment(root(), env)
    chosen = find_release(opened.store, digest)
    record = validate(opened, load(model or root() / "model"), chosen, report=progress)
    lines = [f"  {MARKS[one['verdict']]}  {one['gate']}: {one['message']}" for one in findings_of(record)]
    show(record, as_json, lines)


def findings_of(record: Record) -> list[dict[str, Any]]:
    """The findings in a record of this step."""
    return record.details["findings"]
