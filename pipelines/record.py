"""What did a step find and decide? One JSON record per run, and its entry in the ledger."""

from datetime import datetime
from typing import Any

import msgspec

from pipelines import ledger
from pipelines.environment import Environment
from pipelines.errors import IntegrityError
from pipelines.store import append, content_digest, read
from serving.release import canonical

PREFIX = "records"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one step. `summary` is one sentence for a person; `subject` the release or version it is about."""

    step: str
    environment: str
    at: datetime
    verdict: str
    summary: str
    subject: str = ""
    details: dict[str, Any] = {}


def keep(env: Environment, *, step: str, verdict: str, summary: str, subject: str = "", **details: Any) -> Record:
    """Store a record of a step in `env` and chain it into the ledger."""
    record = Record(
        step=step, environment=env.name, at=env.now(), verdict=verdict, summary=summary, subject=subject,
        details=details,
    )  # fmt: skip
    content = canonical(record)
    digest = content_digest(content)
    key = f"{PREFIX}/{step}/{record.at:%Y%m%dT%H%M%S%fZ}-{digest[:8]}.json"
    append(env.store, key, content)
    ledger.write(
        env.store, at=record.at, actor=env.actor, step=step, verdict=verdict, summary=summary, subject=subject,
        record=key, record_sha256=digest,
    )  # fmt: skip
    return record


def history(env: Environment, step: str | None = None) -> list[Record]:
    """The records of `env` in the ledger's order, oldest first, of one step or all.

    Raises IntegrityError when a record is not the one that was chained.
    """
    chained = [entry for entry, _ in ledger.entries(env.store) if entry.record and step in (None, entry.step)]
    return [one_record(env, entry) for entry in chained]


def newest(env: Environment, step: str) -> Record | None:
    """The newest record of a step in `env`; None when there is none."""
    chained = [entry for entry, _ in ledger.entries(env.store) if entry.record and entry.step == step]
    return one_record(env, chained[-1]) if chained else None


def one_record(env: Environment, entry: ledger.Entry) -> Record:
    """The record of a ledger entry."""
    content = read(env.store, entry.record)
    if (found := content_digest(content)) != entry.record_sha256:
        raise IntegrityError(
            f"ledger entry {entry.number} of {env.name} says that its record has SHA-256 {entry.record_sha256[:12]}, "
            f"{entry.record} has {found[:12]}: the record was changed."
        )
    return msgspec.json.decode(content, type=Record)
