"""How does a finding become a line that a person reads? Its words, its numbers, and a strip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipelines.decisions.slices import LOWER_IS_BETTER
from pipelines.record import Record
from pipelines.report.strips import Strip, against_limit, from_zero

TONES = {
    "ok": "good", "pass": "good", "stable": "good", "proposed": "good", "go": "good", "registered": "good",
    "drift": "warn", "insufficient": "warn", "hold": "warn", "not-needed": "quiet", "pending": "quiet",
    "worse": "bad", "fail": "bad", "no-data": "bad", "back": "bad", "refused": "bad",
}  # fmt: skip
DISTANCES = ("data-drift", "prediction-drift", "missing")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A finding as a line with its strip; `note` says what its numbers do not."""

    group: str
    name: str
    verdict: str
    tone: str
    value: str
    interval: str
    limit: str
    message: str
    strip: Strip | None
    note: str = ""
    examples: Sequence[str] = ()


def tone(verdict: str) -> str:
    """How a verdict is coloured; the word itself always stands there, too."""
    return TONES.get(verdict, "quiet")


def short(digest: str | None) -> str:
    """A digest as people say it."""
    return digest[:12] if digest else "–"


def gate_line(one: Mapping[str, Any]) -> Line:
    """One finding of a gate."""
    gate, metric = one["gate"], one.get("metric", "")
    strip = against_limit(
        value=one.get("value"), low=one.get("low"), high=one.get("high"), limit=one.get("limit"),
        higher_is_better=gate_wants_more(gate, metric),
    )  # fmt: skip
    subject = one.get("subject", "")
    name = " · ".join(part for part in (metric, subject) if part)
    note = one["message"] if one["verdict"] != "pass" or strip is None else ""
    return Line(group=gate, name=name, strip=strip, note=note, **numbers(one))


def gate_wants_more(gate: str, metric: str) -> bool:
    """Is a larger value better? Comparisons are gains; fairness, parity and invariance are distances."""
    if gate in ("champion", "anchor", "slices"):
        return True
    return gate == "floor" and metric not in LOWER_IS_BETTER


def numbers(one: Mapping[str, Any]) -> dict[str, Any]:
    """Verdict, value, interval, limit and message of a finding, as text."""
    value, low, high, limit = (one.get(name) for name in ("value", "low", "high", "limit"))
    interval = f"{figure(low)} to {figure(high)}" if low is not None and high is not None else ""
    return {
        "verdict": one["verdict"], "tone": tone(one["verdict"]), "value": figure(value), "interval": interval,
        "limit": figure(limit), "message": one["message"],
    }  # fmt: skip


def figure(value: float | None) -> str:
    """A number with as many digits as a reader can use."""
    if value is None:
        return ""
    return f"{value:.1e}" if value and abs(value) < 0.0005 else f"{value:.4g}"


def watch_lines(watch: Record) -> list[Line]:
    """The findings of a watch on quality, slices, labels and volume, worst first; slices too small come last."""
    findings = [one for one in watch.details["findings"] if one["kind"] not in DISTANCES]
    findings.sort(key=unsure)
    return [watch_line(one) for one in findings]


def unsure(one: Mapping[str, Any]) -> bool:
    """Is it a slice of which nothing can be said?"""
    return one["kind"] == "slice" and one["verdict"] in ("insufficient", "pending")


def watch_line(one: Mapping[str, Any]) -> Line:
    """One finding. Rates and shares should be high; of a metric, the promise says which side of the limit is good."""
    expected, limit = one.get("expected"), one.get("limit")
    strip = against_limit(
        value=one.get("value"), low=one.get("low"), high=one.get("high"), limit=limit,
        higher_is_better=expected is None or limit is None or expected >= limit,
    )  # fmt: skip
    known = numbers(one)
    if unsure(one):
        return Line(group=one["kind"], name=one["name"], strip=None, note=one["message"], **(known | {"tone": "quiet"}))
    examples = (one.get("part") or {}).get("examples", []) if one["verdict"] == "worse" else []
    note = one["message"] if one["verdict"] != "ok" else ""
    return Line(group=one["kind"], name=one["name"], strip=strip, note=note, examples=examples, **known)


def drift_lines(watch: Record) -> list[Line]:
    """The drift findings of a watch on one scale, the farthest first."""
    found = [one for one in watch.details["findings"] if one["kind"] in DISTANCES[:2]]
    found.sort(key=lambda one: (one["verdict"] not in ("drift", "insufficient"), -(one.get("value") or 0)))
    largest = max((one.get("high") or 0 for one in found), default=1.0)
    lines = [drift_line(one, largest) for one in found]
    return lines + [missing_line(one) for one in missing(watch)]


def trial_line(one: Mapping[str, Any]) -> Line:
    """One question about a candidate on trial; all of them ask for a small value."""
    strip = against_limit(
        value=one.get("value"), low=one.get("low"), high=one.get("high"), limit=one.get("limit"), higher_is_better=False
    )
    return Line(group="trial", name=one["metric"], strip=strip, **numbers(one))


def missing_line(one: Mapping[str, Any]) -> Line:
    """One finding on missing values."""
    return Line(group="missing", name=one["name"], strip=None, note=one["message"], **numbers(one))


def missing(watch: Record) -> list[Mapping[str, Any]]:
    """Findings on missing values that are not ok."""
    return [one for one in watch.details["findings"] if one["kind"] == "missing" and one["verdict"] != "ok"]


def drift_line(one: Mapping[str, Any], largest: float) -> Line:
    """One drift finding."""
    strip, part = None, one.get("part") or {}
    if one.get("value") is not None:
        strip = from_zero(value=one["value"], low=one["low"], high=one["high"], limit=one["limit"], largest=largest)
    note = one["message"]
    if strip and part:
        note = f"{part['value']}: {part['reference']:.1%} → {part['live']:.1%}"
    group, examples = "input" if one["kind"] == "data-drift" else "answer", part.get("examples", [])
    return Line(group=group, name=one["name"], strip=strip, note=note, examples=examples, **numbers(one))


def moment(at: datetime) -> str:
    """A moment of the clock, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def span(time: timedelta) -> str:
    """A duration in the unit that fits."""
    seconds = time.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
