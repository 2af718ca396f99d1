"""What has been attested about a release here? In-toto statements, append-only, per environment."""

from typing import Any

import msgspec
from obstore.store import ObjectStore

from pipelines.errors import IntegrityError
from pipelines.store import append, content_digest, keys, read
from serving.release import canonical

PREFIX = "attestations"
PARITY = "urn:mlops:attestation:parity:v1"
GATES = "urn:mlops:attestation:gates:v1"
REPRODUCTION = "urn:mlops:attestation:reproduction:v1"
DEPLOYMENT = "urn:mlops:attestation:deployment:v1"
ROLLOUT = "urn:mlops:attestation:rollout:v1"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"type": "_type", "predicate_type": "predicateType"}):
    """An in-toto statement, version 1."""

    type: str
    subject: list[Subject]
    predicate_type: str
    predicate: dict[str, Any]


def attest(store: ObjectStore, digest: str, *, name: str, predicate_type: str, predicate: dict[str, Any]) -> str:
    """Append a statement about release `digest` and return its key."""
    statement = Statement(
        type="https://in-toto.io/Statement/v1",
        subject=[Subject(name=name, digest={"sha256": digest})],
        predicate_type=predicate_type,
        predicate=predicate,
    )
    number = len(keys(store, f"{PREFIX}/{digest}/")) + 1
    while not append(store, key := f"{PREFIX}/{digest}/{number}.json", canonical(statement)):
        number += 1
    return key


def reference(store: ObjectStore, *keys_of: str) -> dict[str, str]:
    """The SHA-256 of statements by their keys: what a record keeps, so that the ledger holds them to their bytes."""
    return {key: content_digest(read(store, key)) for key in keys_of}


def newest(store: ObjectStore, digest: str, predicate_type: str) -> dict[str, Any] | None:
    """The predicate of the newest statement of one type about release `digest`, if there is one."""
    found = statements(store, digest, predicate_type)
    return found[-1].predicate if found else None


def statements(store: ObjectStore, digest: str, predicate_type: str | None = None) -> list[Statement]:
    """The statements about release `digest`, oldest first, of one predicate type or all.

    Raises IntegrityError when an object among them is none.
    """
    found = sorted(keys(store, f"{PREFIX}/{digest}/"), key=lambda key: int(key.rsplit("/", 1)[1].removesuffix(".json")))
    all_of_them = [decode(key, read(store, key)) for key in found]
    return [one for one in all_of_them if predicate_type in (None, one.predicate_type)]


def decode(key: str, content: bytes) -> Statement:
    """The statement in an object."""
    try:
        return msgspec.json.decode(content, type=Statement)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"{key} is no in-toto statement: {error}. It was not written by us, or changed.") from None
