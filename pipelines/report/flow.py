"""How do releases flow through the environments? The verdict first, then what runs where, and how long things take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from pipelines.record import Record
from pipelines.report.facts import Facts, Place
from pipelines.report.lines import moment, short, span, tone

HEADLINES = {
    "ok": "{0} does what was promised.",
    "drift": "{0}: what comes in has changed.",
    "worse": "{0} is worse than was promised.",
    "no-data": "{0} gets no data.",
    "insufficient": "{0}: not enough evidence to say.",
}
RELEASES = 12


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The answer to the first question: is everything all right?"""

    text: str
    tone: str
    detail: str
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One environment at a glance."""

    name: str
    stable: str
    candidate: str
    traffic: str
    note: str
    tone: str
    watch: str
    last: str


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release's way: when it was trained from what, what each environment said, and how long it took."""

    digest: str
    trained: str
    data: str
    metric: str
    states: Sequence[tuple[str, str]]
    lead: str


def headline(facts: Facts) -> Headline:
    """The state of the last environment of the chain."""
    place = facts.tail()
    if broken := next((one for one in facts.places if one.broken), None):
        return Headline(text=f"The record of {broken.name} was changed.", tone="bad", detail=broken.broken)
    if place.endpoint.stable is None:
        head = facts.head().name
        return Headline(
            text=f"{place.name} has no release yet.", tone="warn",
            detail="Its gateway answers 503 until one is promoted.",
            next=f"mlops promote --env {head}",
        )  # fmt: skip
    watch = place.last("monitor")
    if watch is None or watch.subject != place.endpoint.stable:
        return Headline(
            text=f"{place.name} runs release {short(place.endpoint.stable)}; nobody has watched it yet.", tone="quiet",
            detail="A watch looks for drift, loss of quality, missing labels and missing data.",
            next=f"mlops monitor --env {place.name}",
        )  # fmt: skip
    again = place.last("retrain")
    following = str(again.details.get("next", "")) if again and again.at >= watch.at else ""
    return Headline(
        text=HEADLINES[watch.verdict].format(place.name), tone=tone(watch.verdict), detail=watch.summary, next=following
    )


def cards(facts: Facts) -> list[Card]:
    """All environments, in the order in which a release passes them."""
    return [card(place) for place in facts.places]


def card(place: Place) -> Card:
    """One environment."""
    endpoint, watch = place.endpoint, place.last("monitor")
    traffic = ""
    if endpoint.candidate:
        share = endpoint.traffic
        traffic = f"{share.candidate} % of entities" if share.candidate else f"{share.shadow} % in the shadow"
    note = ""
    if place.broken:
        note = "record changed"
    elif place.running != endpoint.stable:
        note = "declared, not deployed" if endpoint.stable else ""
    last = place.decisions[-1] if place.decisions else None
    return Card(
        name=place.name, stable=short(endpoint.stable), traffic=traffic, note=note,
        candidate=short(endpoint.candidate) if endpoint.candidate else "",
        tone="bad" if place.broken else "warn" if note else "good", watch=watch.verdict if watch else "",
        last=f"{last.step}: {last.verdict}, {moment(last.at)}" if last else "nothing yet",
    )  # fmt: skip


def figures(facts: Facts) -> list[tuple[str, str, str]]:
    """(figure, what it counts, how) of the flow of releases through the chain."""
    trained = {record.subject for record in facts.head().of("train")}
    refused = {record.subject for place in facts.places for record in place.of("validate") if record.verdict != "pass"}
    tail = facts.tail()
    arrived, back = {one.subject for one in tail.of("promote")}, sent_back(tail)
    leads = [lead.total_seconds() for digest in arrived if (lead := lead_time(facts, digest)) is not None]
    restored = [time.total_seconds() for record in back if (time := time_to_restore(tail, record)) is not None]
    failed = f"{len(back) / len(arrived):.0%}" if arrived else "–"
    return [
        (str(len(trained)), "releases trained", f"at {facts.head().name}"),
        (str(len(refused)), "refused by a gate", "before any traffic"),
        (str(len(arrived)), f"reached {tail.name}", "as stable or on trial"),
        (middle(leads), "lead time", "trained to promoted there, median"),
        (failed, "change failure rate", "sent back of those that arrived"),
        (middle(restored), "time to restore", "on trial to sent back, median"),
    ]


def middle(seconds: Sequence[float]) -> str:
    """The median of some durations."""
    return span(timedelta(seconds=median(seconds))) if seconds else "–"


def sent_back(place: Place) -> list[Record]:
    """The first record that sent a release back, by a trial's verdict or by a rollback, for each such release."""
    found: dict[str, Record] = {}
    for record in place.records:
        if (record.step == "rollout" and record.verdict == "back") or record.step == "rollback":
            found.setdefault(record.subject, record)
    return list(found.values())


def lead_time(facts: Facts, digest: str) -> timedelta | None:
    """From the first training of a release to its first promotion to the last environment."""
    begin = [record.at for record in facts.head().of("train") if record.subject == digest]
    end = [record.at for record in facts.tail().of("promote") if record.subject == digest]
    return min(end) - min(begin) if begin and end else None


def time_to_restore(place: Place, back: Record) -> timedelta | None:
    """From the promotion of the release that was sent back to that decision."""
    begin = [record.at for record in place.of("promote") if record.subject == back.subject and record.at <= back.at]
    return back.at - max(begin) if begin else None


def releases(facts: Facts) -> list[Release]:
    """The releases that were trained, newest first."""
    newest: dict[str, Record] = {}
    for record in facts.head().of("train"):
        newest.setdefault(record.subject, record)
    shown = sorted(newest.values(), key=lambda record: record.at, reverse=True)[:RELEASES]
    return [
        Release(
            digest=short(record.subject), trained=moment(record.at), data=f"version {record.details['version']}",
            metric=main_metric(record.details.get("metrics", {}), facts.metric),
            states=[state(place, record.subject) for place in facts.places],
            lead=span(lead) if (lead := lead_time(facts, record.subject)) is not None else "",
        )
        for record in shown
    ]  # fmt: skip


def main_metric(metrics: Mapping[str, float], wanted: str) -> str:
    """The wanted metric, else the first that was recorded, in words."""
    name = wanted if wanted in metrics else next(iter(metrics), "")
    return f"{name} {metrics[name]:.4f}" if name else ""


def state(place: Place, digest: str) -> tuple[str, str]:
    """(what a release is in an environment, tone)"""
    if digest == place.endpoint.stable:
        return "stable", "good"
    if digest == place.endpoint.candidate:
        return "on trial", "warn"
    if any(record.subject == digest for record in sent_back(place)):
        return "sent back", "bad"
    judged = [record for record in place.of("validate") if record.subject == digest]
    if judged and judged[-1].verdict != "pass":
        return ("refused" if judged[-1].verdict == "fail" else "insufficient"), tone(judged[-1].verdict)
    if any(record.subject == digest for record in place.of("promote")):
        return "retired", "quiet"
    return ("passed", "good") if judged else ("", "quiet")
