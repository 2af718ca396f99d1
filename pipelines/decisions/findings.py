"""What did the watch find? One finding per question, and the verdict that all of them give together."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["volume", "data-drift", "missing", "prediction-drift", "quality", "slice", "coverage"]
Verdict = Literal["ok", "drift", "worse", "no-data", "insufficient", "pending"]

WORST_FIRST: tuple[Verdict, ...] = ("worse", "drift", "no-data", "insufficient", "ok")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the rows where a finding is strongest, with its share (0 to 1) at reference and live.

    `metric` is the live metric of a slice that was judged by quality.
    """

    column: str
    value: str
    rows: int = 0
    reference: float | None = None
    live: float | None = None
    metric: float | None = None
    examples: list[str] = []


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: `value` with the interval that decides and the `limit` it is held against.

    `pending` is an answer that cannot be there yet (a label that is not due); it weighs nothing in the whole.
    `expected` is what was attested at release.
    """

    kind: Kind
    name: str
    verdict: Verdict
    message: str
    rows: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    expected: float | None = None
    part: Part | None = None


def overall(findings: Iterable[Finding]) -> Verdict:
    """The verdict of the worst finding: worse, drift, no-data, insufficient, ok.

    A slice without enough evidence weighs nothing: of many slices some are always small.
    """
    verdicts: set[Verdict] = {
        finding.verdict for finding in findings if (finding.kind, finding.verdict) != ("slice", "insufficient")
    }
    for verdict in WORST_FIRST:
        if verdict in verdicts:
            return verdict
    return "insufficient"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by verdict, then by how far their value is beyond the limit."""

    def rank(finding: Finding) -> tuple[int, float]:
        order = [*WORST_FIRST, "pending"].index(finding.verdict)
        excess = (finding.value or 0.0) / finding.limit if finding.limit else 0.0
        return order, -abs(excess)

    return sorted(findings, key=rank)
