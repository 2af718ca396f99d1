"""When did it happen, by the client's word? An event time is ISO 8601 with an offset, and never later than now."""

from datetime import UTC, datetime, timedelta
from typing import Any

from serving.refusal import Refusal

SKEW = timedelta(seconds=5)  # by how much a client's clock may be ahead of ours

FORM = "ISO 8601 with an offset, like 2026-01-31T12:00:00Z"


def event_time(field: str, value: Any, received_at: datetime, row: int | None = None) -> datetime:
    """The moment in `value` as UTC. Raises Refusal when it is none, has no offset, or is later than `received_at`.

    A moment within the allowed skew counts as `received_at`: nothing in the log happens after it was received.
    """
    moment = parse(value)
    where = f"'{field}'" if row is None else f"'{field}', row {row}"
    if moment is None:
        raise Refusal(
            "event_time", f"{where}: no moment, expected {FORM}", field=field, row=row, value=value, limit=FORM
        )
    if moment > received_at + SKEW:
        raise Refusal(
            "event_time", f"{where}: later than now", field=field, row=row, value=value, limit=received_at.isoformat()
        )
    return min(moment, received_at)


def parse(value: Any) -> datetime | None:
    """The moment, or None when `value` is none or names no offset."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
