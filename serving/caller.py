"""Who asks, for whom, by which route? What the headers of a scoring request say about it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from serving.batch import ENTITY_LENGTH
from serving.clock import event_time
from serving.refusal import Refusal

LONGEST = 256
SHADOW = b"-shadow"  # Envoy's default suffix for the host of a mirrored request

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The headers' part of a log entry. `entity` and `event_time` hold for all rows that do not name their own."""

    request_id: str
    client_id: str | None
    entity: str | None
    event_time: datetime | None
    step: str | None
    assigned: str | None
    shadow: bool


def caller(headers: Headers, received_at: datetime) -> Caller:
    """What `headers` (lower-case names) say. Raises Refusal for a value that is too long or no moment."""
    moment = text(headers, b"x-event-time")
    return Caller(
        request_id=text(headers, b"x-request-id") or str(uuid.uuid4()),
        client_id=text(headers, b"x-client-request-id") or None,
        entity=text(headers, b"x-entity-id", ENTITY_LENGTH) or None,
        event_time=None if moment is None else event_time("x-event-time", moment, received_at),
        step=text(headers, b"x-rollout-step") or None,
        assigned=text(headers, b"x-assigned-track") or None,
        shadow=is_shadow(headers.get(b"host", b"")),
    )


def text(headers: Headers, name: bytes, longest: int = LONGEST) -> str | None:
    """A header's value as text, None when it is absent."""
    value = headers.get(name)
    if value is None:
        return None
    try:
        decoded = value.decode()
    except UnicodeDecodeError:
        raise Refusal("header", f"header '{name.decode()}': not UTF-8", field=name.decode(), value=value) from None
    if len(decoded) > longest:
        raise Refusal(
            "header", f"header '{name.decode()}': {len(decoded)} characters, at most {longest} are allowed",
            field=name.decode(), value=decoded, limit=longest,
        )  # fmt: skip
    return decoded


def is_shadow(host: bytes) -> bool:
    """Is this the host of a mirrored request? Envoy puts its suffix before a port."""
    return host.partition(b":")[0].endswith(SHADOW) or host.endswith(SHADOW)
