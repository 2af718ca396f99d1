"""What was decided, by whom, and from which data? The ledgers of all environments as one list; the data versions."""

from dataclasses import dataclass

from pipelines.report.facts import Facts
from pipelines.report.lines import moment, short, tone

DECISIONS = 120


@dataclass(frozen=True, kw_only=True)
class DataVersion:
    """A version of the data table."""

    number: str
    digest: str
    at: str
    rows: str
    quarantined: str
    source: str


def data_versions(facts: Facts) -> list[DataVersion]:
    """The versions that were written, newest first."""
    return [
        DataVersion(
            number=str(record.details["version"]), digest=short(record.details["digest"]), at=moment(record.at),
            rows=f"{record.details['rows']:,}", quarantined=f"{record.details['quarantined']:,}",
            source=str(record.details["source"]),
        )
        for record in reversed(facts.head().of("data"))
        if record.verdict == "written"
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One entry of a ledger."""

    at: str
    place: str
    step: str
    verdict: str
    tone: str
    subject: str
    summary: str
    actor: str


def decisions(facts: Facts) -> list[Decided]:
    """The decisions of all environments, newest first."""
    found = [(entry, place.name) for place in facts.places for entry in place.decisions]
    found.sort(key=lambda one: (one[0].at, one[0].number), reverse=True)
    return [
        Decided(
            at=moment(entry.at), place=name, step=entry.step, verdict=entry.verdict, tone=tone(entry.verdict),
            subject=short(entry.subject) if entry.subject else "", summary=entry.summary, actor=entry.actor,
        )
        for entry, name in found[:DECISIONS]
    ]  # fmt: skip
