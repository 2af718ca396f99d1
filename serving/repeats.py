"""Was this entry logged before? A gateway's retry can reach the same release twice, and both attempts are logged."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b

from serving.predictions import Entry
from serving.sink import Sink


class Repeats:
    """The keys of recent entries, from memory; those of older ones, from the table.

    A request and its retry are received at most `window` apart. Memory covers twice that, about 170 bytes per key.
    """

    def __init__(self, sink: Sink, window: timedelta, now: datetime) -> None:
        self._sink = sink
        self._window = window
        self._since = now - 2 * window
        self._received = self._stored(self._since, None)

    def first(self, entries: Iterable[Entry]) -> list[Entry]:
        """`entries` without those whose key is in the table or came earlier among them."""
        entries = list(entries)
        old = [entry.received_at for entry in entries if entry.received_at < self._since + self._window]
        known = self._stored(min(old) - self._window, max(old) + self._window) if old else {}
        new: dict[bytes, Entry] = {}
        for entry in entries:
            if (key := digest(*entry.key)) not in known and key not in self._received:
                new.setdefault(key, entry)
        return list(new.values())

    def remember(self, entries: Iterable[Entry], now: datetime) -> None:
        """Take in what the table has now, and let go of what no retry can repeat any more."""
        for entry in entries:
            self._received[digest(*entry.key)] = entry.received_at
        self._since = max(self._since, now - 2 * self._window)
        while self._received and next(iter(self._received.values())) < self._since:
            del self._received[next(iter(self._received))]

    def _stored(self, low: datetime, high: datetime | None) -> dict[bytes, datetime]:
        names = ["request_id", "release", "received_at"]
        columns = self._sink.between("received_at", low, high, names).to_pydict()
        rows = sorted(zip(*(columns[name] for name in names)), key=lambda row: row[-1])
        return {digest(request_id, release): at for request_id, release, at in rows}


def digest(request_id: str, release: str) -> bytes:
    """A key of 16 bytes."""
    return blake2b(f"{request_id}\n{release}".encode(), digest_size=16).digest()
