"""What did a step find and decide? One JSON record per run, and its entry in the ledger."""

from datetime import datetime
from typing import Any

import msgspec

from pipelines import ledger
from pipelines.environment import Environment
from pipelines.store import append, content_digest
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
        step=step, environment=env.name, at=env.now(), verdict=verdict, summary=summary, subject=subject, details=details
    )
    content = canonical(record)
    digest = content_digest(content)
    key = f"{PREFIX}/{step}/{record.at:%Y%m%dT%H%M%S%fZ}-{digest[:8]}.json"
    append(env.store, key, content)
    ledger.write(
        env.store, at=record.at, actor=env.actor, step=step, verdict=verdict, summary=summary, subject=subject,
        record=key, record_sha256=digest,
    )  # fmt: skip
    return record
