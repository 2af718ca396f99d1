"""Who decided what, when, on which evidence, and was the record changed since? One hash chain per environment."""

from datetime import datetime
from typing import Any

import msgspec
from obstore.store import ObjectStore

from pipelines.errors import IntegrityError
from pipelines.store import append, content_digest, keys, read
from serving.release import canonical

PREFIX = "ledger"
GENESIS = "0" * 64


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `previous` is the SHA-256 of the entry before it, as stored; `record_sha256` that of its record."""

    number: int
    previous: str
    at: datetime
    actor: str
    step: str
    verdict: str
    summary: str
    subject: str = ""
    record: str = ""
    record_sha256: str = ""
    details: dict[str, Any] = {}


def entries(store: ObjectStore) -> list[tuple[Entry, str]]:
    """All entries in order, each with its own hash.

    Raises IntegrityError, naming the entry, when a number is missing or a link does not fit.
    """
    chain: list[tuple[Entry, str]] = []
    previous = GENESIS
    for position, key in enumerate(keys(store, f"{PREFIX}/"), start=1):
        content = read(store, key)
        entry = decode(key, content)
        if key != name(position) or entry.number != position:
            raise IntegrityError(f"ledger entry {position} is missing: {key} comes in its place.")
        if entry.previous != previous:
            raise IntegrityError(
                f"ledger entry {position} says that the one before it is {entry.previous[:12]}, "
                f"but that one is {previous[:12]}: entry {position - 1} was changed."
            )
        previous = content_digest(content)
        chain.append((entry, previous))
    return chain


def decode(key: str, content: bytes) -> Entry:
    """The entry in an object. Raises IntegrityError when it holds none."""
    try:
        return msgspec.json.decode(content, type=Entry)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"{key} is no ledger entry: {error}. It was changed.") from None


def head(store: ObjectStore) -> str:
    """The hash of the newest entry."""
    chain = entries(store)
    return chain[-1][1] if chain else GENESIS


def write(store: ObjectStore, *, at: datetime, actor: str, step: str, verdict: str, summary: str, **more: Any) -> Entry:
    """Append one entry; when another writer takes the number first, chain behind it."""
    while True:
        chain = entries(store)
        entry = Entry(
            number=len(chain) + 1, previous=chain[-1][1] if chain else GENESIS,
            at=at, actor=actor, step=step, verdict=verdict, summary=summary, **more,
        )  # fmt: skip
        if append(store, name(entry.number), canonical(entry)):
            return entry


def name(number: int) -> str:
    """The key of entry `number`, counted from 1."""
    return f"{PREFIX}/{number:08d}.json"
