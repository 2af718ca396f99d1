"""What do the environments know about themselves? Everything that a report shows, read once, changed by nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from environments.declaration import Endpoint
from pipelines import attestation, ledger
from pipelines.decisions.profile import Profile
from pipelines.environment import Environment
from pipelines.errors import IntegrityError, MlopsError
from pipelines.record import Record, history
from serving.release import PROFILE, Schema, schema


@dataclass(frozen=True, kw_only=True)
class Place:
    """One environment: its declaration, its decisions and records (oldest first), and evidence by release.

    `broken` says what does not fit when ledger or records were changed; then there are no decisions.
    """

    name: str
    endpoint: Endpoint
    running: str | None
    decisions: Sequence[ledger.Entry]
    records: Sequence[Record]
    evidence: Mapping[str, Mapping[str, Any]]
    broken: str = ""

    def of(self, step: str) -> list[Record]:
        """The records of one step, oldest first."""
        return [record for record in self.records if record.step == step]

    def last(self, step: str) -> Record | None:
        """The newest record of a step."""
        found = self.of(step)
        return found[-1] if found else None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the stable release of an environment expects: its schema and profile."""

    schema: Schema
    profile: Profile


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The environments of a report, head first, and what the watched releases expect, by digest.

    `metric` is the one that releases are told apart by.
    """

    places: Sequence[Place]
    references: Mapping[str, Reference]
    at: datetime
    owners: Sequence[str] = ()
    metric: str = ""

    def head(self) -> Place:
        """The environment that trains."""
        return self.places[0]

    def tail(self) -> Place:
        """The environment that matters most: the last of the chain."""
        return self.places[-1]


def facts(environments: Sequence[Environment], at: datetime, metric: str = "") -> Facts:
    """Read the environments, given head first."""
    places = [place(env) for env in environments]
    references = {
        watch.subject: found
        for env, one in zip(environments, places, strict=True)
        for watch in one.of("monitor")
        if (found := reference(env, watch.subject))
    }
    owners = next((watch.details["owners"] for one in reversed(places) for watch in one.of("monitor")), [])
    return Facts(places=places, references=references, at=at, owners=owners, metric=metric)


def place(env: Environment) -> Place:
    """What one environment knows. A ledger that does not fit is reported, not raised."""
    running, broken = None, ""
    decisions: list[ledger.Entry] = []
    records: list[Record] = []
    try:
        decisions = [entry for entry, _ in ledger.entries(env.store)]
        records = history(env)
    except IntegrityError as error:
        decisions, broken = [], str(error)
    try:
        stable = env.deployed().stable
        running = stable.release if stable else None
    except MlopsError:
        pass
    digests = {record.subject for record in records if record.step in ("validate", "promote", "register")}
    return Place(
        name=env.name, endpoint=env.endpoint(), running=running, decisions=decisions, records=records, broken=broken,
        evidence={digest: found[-1].predicate for digest in sorted(digests) if (found := attested(env, digest))},
    )  # fmt: skip


def attested(env: Environment, digest: str) -> list[attestation.Statement]:
    """The gates' statements about a release here."""
    return attestation.statements(env.store, digest, attestation.GATES)


def reference(env: Environment, digest: str) -> Reference | None:
    """What a release expects; None when its bytes are gone or changed."""
    try:
        folder = env.release(digest)
    except MlopsError:
        return None
    profile = msgspec.json.decode((folder / PROFILE).read_bytes(), type=Profile)
    return Reference(schema=schema(folder), profile=profile)
