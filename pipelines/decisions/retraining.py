"""Is it time to train again? A decision from the newest watch, with its reasons and what speaks against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.decisions.findings import Finding

REASONS = {
    "quality": "live quality is worse than promised",
    "slice": "a slice is worse than promised",
    "data-drift": "inputs drifted",
    "missing": "missing values changed",
    "prediction-drift": "predictions drifted",
}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known when the question is asked. Times are the model's clock, the one that `--now` sets.

    `watched` is the release that the watch was about, `stable` the one that answers now; `labelled` are live rows
    with a label that no training had yet; `last` is the newest retraining.
    """

    findings: Sequence[Finding]
    watched_at: datetime
    watched: str
    stable: str
    labelled: int
    now: datetime
    last: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a retraining is worth its cost."""

    cooldown: timedelta
    minimum: int
    newest: timedelta


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Train again or not. `reasons` speak for it, `against` says why it is not done in spite of them."""

    needed: bool
    reasons: tuple[str, ...]
    against: tuple[str, ...]

    def why(self) -> str:
        """One sentence for a person."""
        if not self.reasons:
            return "; ".join(["nothing asks for it", *self.against])
        return "; ".join(self.reasons) + (f"; but {'; '.join(self.against)}" if self.against else "")


def decide(evidence: Evidence, policy: Policy, *, force: bool = False) -> Decision:
    """Retraining is needed when a finding asks for it and nothing speaks against.

    `force` asks, and overrules everything but the lack of any new labelled row: training again would repeat itself.
    """
    reasons, against = tuple(asking(evidence.findings)), tuple(objections(evidence, policy))
    if not force:
        return Decision(needed=bool(reasons) and not against, reasons=reasons, against=against)
    if evidence.labelled == 0:
        return Decision(needed=False, reasons=("it was asked for", *reasons), against=(too_few(evidence, policy),))
    return Decision(needed=True, reasons=("it was asked for", *reasons), against=())


def asking(findings: Sequence[Finding]) -> list[str]:
    """Reasons to train again, one per kind of finding, each with the names that it is about."""
    reasons: list[str] = []
    for kind, reason in REASONS.items():
        found = [finding.name for finding in findings if finding.kind == kind and finding.verdict in ("worse", "drift")]
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            reasons.append(f"{reason} ({', '.join(found[:3])}{more})")
    return reasons


def objections(evidence: Evidence, policy: Policy) -> list[str]:
    """What speaks against training now."""
    found: list[str] = []
    if evidence.watched != evidence.stable:
        found.append(
            f"the newest watch was about release {evidence.watched[:12]}, not the stable {evidence.stable[:12]}; "
            "run `mlops monitor`"
        )
    if evidence.now - evidence.watched_at > policy.newest:
        found.append(f"the newest watch is of {evidence.watched_at:%Y-%m-%d}; run `mlops monitor`")
    if evidence.last and evidence.now - evidence.last < policy.cooldown:
        until = evidence.last + policy.cooldown
        found.append(f"the last retraining was on {evidence.last:%Y-%m-%d}, the next may be from {until:%Y-%m-%d} on")
    if evidence.labelled < policy.minimum:
        found.append(too_few(evidence, policy))
    return found


def too_few(evidence: Evidence, policy: Policy) -> str:
    """How many labelled rows are missing."""
    there = f"{evidence.labelled} new labelled rows are there, {policy.minimum} are needed"
    return f"{there}; bring labels in with `mlops feedback`"
