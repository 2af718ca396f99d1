"""Does the release still do what was promised? Drift, live quality, missing labels, missing data, each with a limit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from pipelines.contract import Model, load
from pipelines.decisions.findings import Finding, Verdict, overall, worst_first
from pipelines.decisions.profile import Profile
from pipelines.environment import Environment, open_environment
from pipelines.errors import NotReady
from pipelines.live import Counted, Log, Window
from pipelines.options import environment_option, json_option, model_option, now_option, progress, root, show
from pipelines.record import Record, keep
from serving.release import PROFILE, schema

SUMMARIES: dict[Verdict, str] = {
    "ok": "as promised",
    "drift": "drift",
    "worse": "worse than promised",
    "no-data": "no data",
    "insufficient": "not enough evidence",
}


def silent(_message: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """One look at an environment: the release it is about, the moment, the window before it and the label's delay."""

    env: Environment
    model: Model
    release: str
    now: datetime
    length: timedelta
    replayed: bool

    def window(self) -> Window:
        """The events that drift is judged on."""
        return Window(begin=self.now - self.length, end=self.now)

    def due(self) -> Window:
        """As many days of events, late enough for their labels to be known now."""
        end = self.now - timedelta(days=self.model.contract.label_delay_days)
        return Window(begin=end - self.length, end=end)

    def labelled(self) -> Window:
        """The events whose labels live quality is judged on: those that are due, and those that came early."""
        return Window(begin=self.due().begin, end=self.now)


def monitor(
    env: Environment,
    model: Model,
    *,
    now: datetime | None = None,
    window: timedelta | None = None,
    report: Callable[[str], None] = silent,
) -> Record:
    """Look at the stable release's answers of the last `window` (the environment's unless given) and their labels.

    `now` says that the log is replayed: event times are then the only clock. Otherwise missing data is noticed by the
    server's clock. A finding is no error: the verdict is in the record. Raises NotReady without a stable release.
    """
    release = env.endpoint().stable
    if release is None:
        raise NotReady(f"{env.name} declares no stable release: there is nothing to watch. Run `mlops promote` first.")
    watch = Watch(
        env=env, model=model, release=release, now=now or env.now(), replayed=now is not None,
        length=window or timedelta(days=env.platform.monitor.window_days),
    )  # fmt: skip
    log = Log(env)
    report(f"counting the answers of release {release[:12]} since {watch.window().begin:%Y-%m-%d}")
    live = count(watch, log)
    findings = [volume(watch, log), *drift(watch, log, live)]
    report("joining predictions and labels")
    findings += labels(watch, log)
    return conclude(watch, live, worst_first(findings))


def count(watch: Watch, log: Log) -> Counted:
    """The window's answers, in the bins of the release's profile."""
    folder = watch.env.release(watch.release)
    log.select(watch.release, watch.window(), schema(folder).columns)
    return log.count(msgspec.json.decode((folder / PROFILE).read_bytes(), type=Profile))


def volume(watch: Watch, log: Log) -> Finding:
    """Do predictions still come?"""
    from pipelines.decisions.coverage import judge_volume

    rules, clock = watch.env.platform.monitor, "event_time" if watch.replayed else "received_at"
    begin, end = watch.now - watch.length, watch.now
    rows = log.volume(Window(begin=begin, end=end), clock)
    before = log.volume(Window(begin=begin - watch.length, end=begin), clock)
    return judge_volume(rows=rows, before=before, ratio=rules.rate, minimum=rules.minimum_rows, alpha=rules.alpha)


def drift(watch: Watch, log: Log, live: Counted) -> list[Finding]:
    """Did inputs or answers change?"""
    from pipelines.watch_drift import drift_findings

    if live.rows == 0:
        return []
    folder = watch.env.release(watch.release)
    profile = msgspec.json.decode((folder / PROFILE).read_bytes(), type=Profile)
    return drift_findings(log, schema(folder), profile, live, watch.env.platform.monitor)


def labels(watch: Watch, log: Log) -> list[Finding]:
    """Do labels arrive, and what do they say?"""
    from pipelines.decisions.coverage import judge_coverage
    from pipelines.watch_labels import evidence, expected_slices, labelled, quality_findings, slice_findings

    rules, contract = watch.env.platform.monitor, watch.model.contract
    due, there = log.coverage(watch.release, watch.due(), watch.now)
    first = (log.first(watch.release) or watch.now) + timedelta(days=contract.label_delay_days)
    coverage = judge_coverage(
        due=due, labelled=there, limit=rules.label_coverage, minimum=rules.minimum_labels, alpha=rules.alpha,
        first_due=first.date(),
    )  # fmt: skip
    answered = log.labelled(contract, now=watch.now, release=watch.release, window=watch.labelled())
    known = labelled(contract, answered)
    if len(known.rows.y) == 0:
        return [coverage]
    attested = evidence(watch.env, watch.release)
    expected = expected_slices(watch.env, watch.model, watch.release, attested)
    return [
        coverage,
        *quality_findings(watch.model, known, attested, rules),
        *slice_findings(watch.model, known, expected, rules),
    ]


def conclude(watch: Watch, live: Counted, findings: list[Finding]) -> Record:
    """The record of a watch."""
    verdict = overall(findings)
    window = watch.window()
    return keep(
        watch.env, step="monitor", verdict=verdict, subject=watch.release,
        summary=f"{watch.env.name}, release {watch.release[:12]}: {sentence(verdict, findings)}",
        now=watch.now, window={"begin": window.begin, "end": window.end}, rows=live.rows, entities=live.size,
        owners=watch.model.contract.owners, findings=[msgspec.to_builtins(one) for one in findings],
        live=msgspec.to_builtins(live.profile),
    )  # fmt: skip


def sentence(verdict: Verdict, findings: list[Finding]) -> str:
    """The verdict, how many findings carry it, and the worst one's words."""
    carrying = [finding for finding in findings if finding.verdict == verdict]
    if verdict == "ok":
        return f"{SUMMARIES[verdict]} ({len(carrying)} questions)."
    more = f" And {len(carrying) - 1} more." if len(carrying) > 1 else ""
    return f"{SUMMARIES[verdict]}. {carrying[0].message}{more}"


def table(record: Record) -> Any:
    """What is not ok, as a table; what is ok, as a count below it."""
    from rich.table import Table

    findings = record.details["findings"]
    ok = sum(1 for finding in findings if finding["verdict"] == "ok")
    shown = Table("", "verdict", "of", "finding", caption=f"{ok} of {len(findings)} questions are answered with ok")
    marks = {"worse": "[red]✗[/]", "drift": "[yellow]≠[/]", "no-data": "[red]∅[/]", "insufficient": "[dim]?[/]"}
    for finding in findings:
        if finding["verdict"] != "ok":
            shown.add_row(
                marks.get(finding["verdict"], "…"), finding["verdict"], f"{finding['kind']}: {finding['name']}",
                finding["message"],
            )  # fmt: skip
    return shown


@click.command(
    "monitor",
    help="Look for drift of inputs and predictions, loss of quality against what was attested, labels that do not "
    "arrive, and missing data. A finding is a verdict in the record, not a failure: the exit code is 0.",
    epilog="Example: mlops monitor --env local-prod --now 2024-07-01\n\n"
    "Exit codes: 0 looked (whatever was found), 7 no stable release.",
)
@environment_option()
@model_option
@now_option
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="The window; default: the environment's.")
@json_option
def command(env: str, model: Path | None, now: datetime | None, days: float | None, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    window = timedelta(days=days) if days else None
    record = monitor(
        open_environment(root(), env), load(model or root() / "model"), now=now, window=window, report=progress
    )
    show(record, as_json)
    if not as_json:
        from rich.console import Console

        Console().print(table(record))
