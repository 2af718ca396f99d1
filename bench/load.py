"""How many requests does an HTTP/1.1 server answer, how fast, and does it fail any?

A closed loop: each connection sends its next request when the answer to the last one is complete. The requests are
bytes made beforehand and an answer is parsed for its status and length only, so that the client costs little beside
the server that shares its machine.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import cast

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length:"
RECONNECT_SECONDS = 0.01
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came back within `seconds`; `latencies` are sorted seconds, `errors` requests that got no answer."""

    seconds: float
    statuses: dict[int, int]
    errors: int
    latencies: list[float]

    @property
    def throughput(self) -> float:
        """Successful answers (2xx) per second."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300) / self.seconds

    @property
    def failed(self) -> int:
        """Requests without a successful answer."""
        return self.errors + sum(count for status, count in self.statuses.items() if not 200 <= status < 300)

    def quantile(self, share: float) -> float:
        """The latency in seconds that `share` of the answers did not exceed (nearest rank). NaN without answers."""
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@dataclass(kw_only=True)
class Tally:
    """What has come back so far."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    errors: int = 0
    latencies: list[float] = field(default_factory=list[float])


def request(path: str, body: bytes, headers: Mapping[str, str], *, host: str = "localhost") -> bytes:
    """The bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + END_OF_HEAD + body


class Connection(asyncio.Protocol):
    """One connection that keeps exactly one request under way until `until`."""

    def __init__(self, requests: Sequence[bytes], tally: Tally, until: float) -> None:
        self.requests = requests
        self.tally = tally
        self.until = until
        self.closed = asyncio.get_running_loop().create_future()
        self.sent: float | None = None
        self.buffer = b""
        self.turn = cycle(requests)
        self.transport: asyncio.Transport
        self.broken: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit from it
        self.send()

    def send(self) -> None:
        """Send the next request, or leave when time is over."""
        self.sent = time.perf_counter()
        if self.sent >= self.until:
            self.sent = None
            self.transport.close()
        else:
            self.transport.write(next(self.turn))

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        try:
            if not complete(self.buffer):
                return
        except ValueError as error:
            self.broken = error
            self.transport.abort()
            return
        assert self.sent is not None
        self.tally.latencies.append(time.perf_counter() - self.sent)
        self.tally.statuses[int(self.buffer[9:12])] += 1
        self.sent, self.buffer = None, b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
        self.tally.errors += self.sent is not None
        self.closed.set_result(None)


def complete(answer: bytes) -> bool:
    """Whether `answer` is whole. Raises ValueError when it does not announce its length."""
    end = answer.find(END_OF_HEAD)
    if end < 0:
        return False
    head = answer[:end].lower()
    start = head.find(LENGTH)
    if start < 0:
        raise ValueError(f"an answer without content-length cannot be measured: {head[:200]!r}")
    return len(answer) >= end + len(END_OF_HEAD) + int(head[start + len(LENGTH) :].split(b"\r\n", 1)[0])


async def worker(host: str, port: int, requests: Sequence[bytes], tally: Tally, until: float) -> None:
    """One connection's work until `until`, connecting again whenever the server closed it.

    What is unanswered PATIENCE_SECONDS later is given up. Raises ValueError when an answer cannot be measured.
    """
    loop = asyncio.get_running_loop()
    while time.perf_counter() < until:
        try:
            _, connection = await loop.create_connection(lambda: Connection(requests, tally, until), host, port)
        except OSError:
            tally.errors += 1
            await asyncio.sleep(RECONNECT_SECONDS)
            continue
        await asyncio.wait([connection.closed], timeout=until - time.perf_counter() + PATIENCE_SECONDS)
        connection.transport.abort()
        await connection.closed
        if connection.broken:
            raise connection.broken


async def drive(host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Load from `connections` at once; each starts elsewhere in `requests`, so that they do not walk in step."""
    tally, start = Tally(), time.perf_counter()
    step = max(1, len(requests) // connections)
    shares = [[*requests[index * step :], *requests[: index * step]] for index in range(connections)]
    await asyncio.gather(*(worker(host, port, share, tally, start + seconds) for share in shares))
    return Load(
        seconds=time.perf_counter() - start,
        statuses=dict(sorted(tally.statuses.items())),
        errors=tally.errors,
        latencies=sorted(tally.latencies),
    )


def load(host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """`drive` in a loop of its own, from any thread."""
    return uvloop.run(drive(host, port, requests, connections=connections, seconds=seconds))
