"""May a candidate have more traffic, must it wait, or does it go back? Judged by intention to treat.

A request belongs to the track that Envoy assigned it to, whoever answered it. Verdicts on one step are asked for again
and again while evidence grows, so that each look spends a part of the error probability: 6 / (pi k)^2 of it at the
k-th look, which adds up to all of it however often one looks (a union bound; the price is a slowly growing interval).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from environments.declaration import Endpoint, Rollout
from pipelines.decisions.failures import judge_failures
from pipelines.decisions.latency import judge_latency
from pipelines.decisions.promotion import NO_TRAFFIC, traffic
from pipelines.decisions.shift import judge_shift
from pipelines.decisions.trial import ENOUGH, Evidence, Finding, Levels, Verdict

QUESTIONS = 3


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict on a step, what carries it, and how many more judged requests the candidate needs.

    `more` is 0 for go and back; None when no number of requests would bring a go at the present rates.
    """

    verdict: Verdict
    findings: Sequence[Finding]
    judged: int
    more: int | None

    def reasons(self) -> list[Finding]:
        """The findings that carry the verdict: those that send back, those that are open, or all."""
        carrying = [finding for finding in self.findings if finding.verdict == self.verdict]
        return carrying or list(self.findings)


def judge(evidence: Evidence, declared: Rollout) -> Judgement:
    """Back as soon as one question proves it; go when none is open and the candidate answered enough; else hold."""
    spend = levels(evidence, declared)
    findings = [
        judge_failures(evidence, tolerance=declared.failure_tolerance, levels=spend),
        judge_latency(evidence, ratio=declared.latency_ratio, floor=declared.latency_floor_ms, levels=spend),
        judge_shift(evidence, tolerance=declared.shift_tolerance, levels=spend),
    ]
    judged = evidence.judged()
    verdicts = {finding.verdict for finding in findings}
    if "back" in verdicts:
        return Judgement(verdict="back", findings=findings, judged=judged, more=0)
    if "hold" not in verdicts and judged >= declared.minimum_requests:
        return Judgement(verdict="go", findings=findings, judged=judged, more=0)
    return Judgement(verdict="hold", findings=findings, judged=judged, more=more(findings, judged, declared))


def more(findings: Sequence[Finding], judged: int, declared: Rollout) -> int | None:
    """How many more judged requests would close every open question; None when one of them stays open."""
    needed = [finding.needed for finding in findings if finding.verdict == "hold"]
    if None in needed:
        return None
    return max(1, max([declared.minimum_requests, *(number for number in needed if number is not None)]) - judged)


def levels(evidence: Evidence, declared: Rollout) -> Levels:
    """What this look may spend. A look that could not have said back, or go, spent nothing on it."""
    judged = evidence.judged()
    earlier = {look for look in evidence.looks if look < judged}
    could_back = sum(look >= ENOUGH for look in earlier)
    could_go = sum(look >= declared.minimum_requests for look in earlier)
    return Levels(
        back=declared.alpha / QUESTIONS * share(could_back + 1),
        go=declared.alpha * share(could_go + 1),
        go_next=declared.alpha * share(could_go + (2 if judged >= declared.minimum_requests else 1)),
    )


def share(look: int) -> float:
    """The part of the error probability that the `look`-th look spends, counted from 1."""
    return 6 / (math.pi * look) ** 2


def moves(declared: Endpoint, verdict: Verdict) -> dict[str, Any]:
    """The fields of the declaration that change with a verdict; none for hold.

    After the last step the candidate is the stable release.
    """
    if verdict == "hold":
        return {}
    if verdict == "back":
        return {"candidate": None, "traffic": dict(NO_TRAFFIC)}
    percent = next_step(declared)
    if percent is None:
        return {"stable": declared.candidate, "candidate": None, "traffic": dict(NO_TRAFFIC)}
    return {"traffic": traffic(percent)}


def next_step(declared: Endpoint) -> int | None:
    """The percentage that follows the present one; None after the last step.

    Traffic that somebody set by hand to no declared step goes on with the next larger one.
    """
    steps, now = declared.rollout.steps, declared.traffic.candidate
    if now in steps:
        later = steps[steps.index(now) + 1 :]
        return later[0] if later else None
    return next((step for step in steps if step > now), None)


def destination(changes: Mapping[str, Any]) -> str:
    """What the changes mean, in words."""
    if "stable" in changes:
        return "becomes stable"
    if "candidate" in changes:
        return "goes back"
    return f"gets {changes['traffic']['candidate']} % of the traffic" if changes else "stays where it is"
