"""How do predictions and requests get from this machine's files into the environment's tables, each exactly once?

`python -m serving.shipper --spool DIR --access-log FILE --tables URL --interval SECONDS [--once]`

One shipper per spool root. It outlives the servers: it reads the segments of all of them, commits rows together with
the offsets that they were read to, and deletes a segment once it is in the table whole and its server is gone. A kill
at any point repeats nothing and loses nothing. A line that cannot be read is put aside and never stops the rest.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from serving import access_log, predictions
from serving.repeats import Repeats
from serving.sink import Sink
from serving.spool import delete_orphan, lock, read_lines, segments

T = TypeVar("T")
BUSY = 4
ENVOY = "envoy"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where to read, where to write.

    `retry_seconds` is the longest time between a request and its retry, at least the gateway's timeout. An access log
    beyond `rotate_bytes` is rotated.
    """

    spool: Path
    access_log: Path
    tables: str
    interval: float = 1.0
    retry_seconds: float = 60.0
    batch_bytes: int = 8 << 20
    rotate_bytes: int = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Lines of one source, and the offset behind them."""

    source: str
    path: Path
    lines: list[tuple[int, bytes]]
    end: int


class Shipper:
    """The two tables, and what has to be remembered between two cycles."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.say = say
        self.open()

    def open(self) -> None:
        """Learn from the tables what they hold; after a failed commit nothing else knows."""
        tables = self.settings.tables
        self.predictions = Sink(f"{tables}/{predictions.TABLE}", predictions.schema())
        self.requests = Sink(f"{tables}/{access_log.TABLE}", access_log.schema())
        self.repeats = Repeats(self.predictions, timedelta(seconds=self.settings.retry_seconds), datetime.now(UTC))
        self.stale = False

    def cycle(self) -> int:
        """Ship all that is there; the number of lines. Raises what the store raises."""
        if self.stale:
            self.open()
        shipped = 0
        while chunks := self.chunks(self.predictions, segments(self.settings.spool), lambda path: path.name):
            shipped += self.ship_predictions(chunks)
        while chunks := self.chunks(self.requests, self.logs(), first_line):
            shipped += self.ship_requests(chunks)
        self.tidy()
        return shipped

    def chunks(self, sink: Sink, paths: list[Path], identify: Callable[[Path], str | None]) -> list[Chunk]:
        """What is new in `paths`, about `batch_bytes` of it; empty when nothing is."""
        found: list[Chunk] = []
        left = self.settings.batch_bytes
        for path in paths:
            if left <= 0:
                break
            if (source := identify(path)) is None:
                continue
            start = sink.offset(source)
            lines, end = read_lines(path, start, left)
            if lines:
                found.append(Chunk(source=source, path=path, lines=lines, end=end))
                left -= end - start
        return found

    def ship_predictions(self, chunks: list[Chunk]) -> int:
        """Commit the entries that the table does not have yet."""
        read = list(self.decoded(chunks, predictions.decode))
        entries = self.repeats.first(read)
        self.predictions.commit(predictions.table(entries), {chunk.source: chunk.end for chunk in chunks})
        self.repeats.remember(entries, datetime.now(UTC))
        return len(read)

    def ship_requests(self, chunks: list[Chunk]) -> int:
        """Commit the requests that reached a route."""
        requests = [one for one in self.decoded(chunks, access_log.decode) if one.request_id and one.path]
        self.requests.commit(access_log.table(requests), {chunk.source: chunk.end for chunk in chunks})
        return len(requests)

    def decoded(self, chunks: list[Chunk], decode: Callable[[bytes], T]) -> Iterator[T]:
        """The lines as objects; what is none is put aside."""
        for chunk in chunks:
            for offset, line in chunk.lines:
                try:
                    yield decode(line)
                except ValueError as error:
                    self.put_aside(chunk.path, offset, line, str(error))

    def put_aside(self, path: Path, offset: int, line: bytes, problem: str) -> None:
        """Keep a line that is none, and say so."""
        aside = self.settings.spool / "unreadable.jsonl"
        note = {
            "at": datetime.now(UTC), "file": str(path), "offset": offset, "problem": problem,
            "line": line.decode(errors="replace"),
        }  # fmt: skip
        with aside.open("ab") as file:
            file.write(msgspec.json.encode(note) + b"\n")
        self.say(f"{path.name} at byte {offset}: not a line of this log ({problem}). It was put into {aside}.")

    def logs(self) -> list[Path]:
        """The access log and what it was rotated to, oldest first."""
        log = self.settings.access_log
        return [*sorted(log.parent.glob(f"{log.name}.*")), *([log] if log.exists() else [])]

    def tidy(self) -> None:
        """Delete what is in the tables whole and can grow no more; rotate an access log that is too long."""
        for segment in segments(self.settings.spool):
            end = self.predictions.offset(segment.name)
            if rest := delete_orphan(segment, end):
                self.put_aside(segment, end, rest, "its server was killed while writing it; it never was acknowledged")
        self.rotate()

    def rotate(self) -> None:
        """Rename an access log that is too long, let Envoy start another, delete the old one once it is shipped."""
        log = self.settings.access_log
        if log.exists() and log.stat().st_size > self.settings.rotate_bytes:
            log.rename(log.with_name(f"{log.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))
        for old in (path for path in self.logs() if path != log):
            if not log.exists():
                reopen(old)
            elif self.requests.offset(first_line(old) or "") == old.stat().st_size:
                old.unlink()


def reopen(log: Path) -> None:
    """Tell the Envoy that writes to this renamed access log to open its path again, as logrotate does."""
    import psutil

    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == ENVOY and any(Path(file.path) == log for file in process.open_files()):
                process.send_signal(signal.SIGUSR1)


def first_line(path: Path) -> str | None:
    """The identity of an access log: the digest of its first line, which holds a request id. None when empty."""
    with path.open("rb") as file:
        line = file.readline(1 << 20)
    return f"{access_log.TABLE}-{sha256(line).hexdigest()[:16]}" if line.endswith(b"\n") else None


def run(shipper: Shipper, stop: threading.Event, *, once: bool) -> int:
    """Cycle until `stop`, then ship the rest. The exit code: 0, or 1 when the last cycle failed."""
    while True:
        last = once or stop.is_set()
        try:
            shipper.cycle()
        except Exception as error:  # noqa: BLE001  # stores fail in many ways; servers must not be left without a shipper
            shipper.say(f"stopped by {type(error).__name__}: {error}. What is not in the tables stays in the spool.")
            if last:
                return 1
            shipper.stale = True
        else:
            if last:
                return 0
        stop.wait(shipper.settings.interval)


def say(message: str) -> None:
    """One line on standard error, where supervisord keeps it."""
    print(f"shipper: {message}", file=sys.stderr, flush=True)


def settings(arguments: list[str]) -> tuple[Settings, bool]:
    """What the command line says, and whether to ship once only."""
    parser = argparse.ArgumentParser(prog="serving.shipper", description="Ship the prediction log and the access log.")
    parser.add_argument("--spool", type=Path, required=True, help="root of all servers' spools")
    parser.add_argument("--access-log", type=Path, required=True, help="the gateway's access log")
    parser.add_argument("--tables", required=True, help="URL below which the Delta tables lie")
    parser.add_argument("--interval", type=float, default=Settings.interval, help="seconds between two cycles")
    parser.add_argument("--retry-seconds", type=float, default=Settings.retry_seconds, help="longest life of a request")
    parser.add_argument("--rotate-bytes", type=int, default=Settings.rotate_bytes, help="size to rotate the log at")
    parser.add_argument("--once", action="store_true", help="ship what is there and exit")
    given = vars(parser.parse_args(arguments))
    once = given.pop("once")
    return Settings(**given), once


def main(arguments: list[str]) -> int:
    """Ship until SIGTERM, unless another shipper does so already."""
    chosen, once = settings(arguments)
    chosen.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = os.open(chosen.spool / "shipper.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not lock(holder):
        say(f"process {os.pread(holder, 32, 0).decode()} ships {chosen.spool} already; one spool has one shipper.")
        return BUSY
    os.truncate(holder, 0)
    os.pwrite(holder, str(os.getpid()).encode(), 0)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return run(Shipper(chosen, say), stop, once=once)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
