"""What did the gates say about the releases that a reader asks about: those that run, and the one refused last?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.report.facts import Facts, Place
from pipelines.report.lines import Line, gate_line, short, tone


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the gates of one environment said about one release."""

    digest: str
    role: str
    place: str
    verdict: str
    tone: str
    about: str
    lines: Sequence[Line]


def evidence(facts: Facts) -> list[Evidence]:
    """The gates' findings on what runs in the last environment, on what is on trial, and on what was refused last."""
    wanted: list[tuple[Place, str, str]] = []
    for place in reversed(facts.places):
        for role, digest in (("stable", place.endpoint.stable), ("on trial", place.endpoint.candidate)):
            if digest and digest not in {one[1] for one in wanted}:
                wanted.append((place, digest, role))
    judged = [(place, record) for place in facts.places for record in place.of("validate")]
    refused = [(place, record) for place, record in judged if record.verdict != "pass"]
    if refused:
        place, record = max(refused, key=lambda one: one[1].at)
        wanted.append((place, record.subject, "refused"))
    found = [(place, digest, role, newest_evidence(facts, place, digest)) for place, digest, role in wanted]
    return [one_evidence(place, digest, role, given) for place, digest, role, given in found if given]


def newest_evidence(facts: Facts, place: Place, digest: str) -> Mapping[str, Any] | None:
    """What was attested in `place`, else in an environment before it."""
    position = facts.places.index(place)
    for one in reversed(facts.places[: position + 1]):
        if digest in one.evidence:
            return one.evidence[digest]
    return None


def one_evidence(place: Place, digest: str, role: str, given: Mapping[str, Any]) -> Evidence:
    """The lines of one attestation."""
    verdict, champion = given.get("verdict", ""), given.get("champion")
    against = f"champion {short(champion)}" if champion else "no champion"
    about = f"data version {given['data']['version']}, {against}"
    return Evidence(
        digest=short(digest), role=role, place=str(given.get("environment", place.name)), verdict=verdict,
        tone=tone(verdict), about=about, lines=[gate_line(one) for one in given.get("findings", [])],
    )  # fmt: skip
