"""How does an answered prediction survive the death of its server? In segments that only a lock keeps alive.

A server appends one line per entry to its active segment with a single write(2): what it acknowledged is in the
kernel before the answer leaves, so a killed process loses nothing and a lost node at most `sync_seconds`. It holds a
lock on that segment; the kernel drops the lock with the process. A segment that nobody locks will never grow again:
the shipper may drain it to its end and delete it.
"""

import fcntl
import os
import secrets
import threading
import time
from pathlib import Path

from serving.predictions import Entry, encode

SUFFIX = ".segment.jsonl"


class Spool:
    """The prediction log of one server process, safe to use from several threads."""

    def __init__(
        self, directory: Path, sync_seconds: float, *, segment_bytes: int = 32 << 20, segment_seconds: float = 3600.0
    ) -> None:
        """Start a segment in `directory`. A lost node loses at most the last `sync_seconds`; 0 loses nothing."""
        self._directory = directory
        self._sync_seconds = sync_seconds
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._lock = threading.Lock()
        self._sealed: list[int] = []
        self._dirty = False
        self._closed = threading.Event()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._start_segment()
        self._syncer = threading.Thread(target=self._sync_regularly, name="spool-sync", daemon=True)
        if sync_seconds > 0:
            self._syncer.start()

    def append(self, entry: Entry) -> None:
        """Log `entry`; when this returns the kernel has it.

        Raises OSError when the kernel does not take all of it. The entry then counts as not logged, and its request
        must not be acknowledged.
        """
        line = encode(entry)
        with self._lock:
            if self._size and (
                self._size + len(line) > self._segment_bytes or time.monotonic() - self._began > self._segment_seconds
            ):
                self._rotate()
            written = os.write(self._file, line)
            if written != len(line):
                self._size = (
                    self._segment_bytes
                )  # a half line must be the last of its segment, however often this fails
                self._rotate()
                raise OSError(f"{self.segment}: only {written} of {len(line)} bytes were written; is the disk full?")
            self._size += written
            self._dirty = True
            if not self._sync_seconds:
                os.fsync(self._file)

    def close(self) -> None:
        """Sync everything and let go of the segment."""
        self._closed.set()
        if self._syncer.is_alive():
            self._syncer.join()
        with self._lock:
            self._sealed.append(self._file)
            sealed, self._sealed = self._sealed, []
        release(sealed)

    def _rotate(self) -> None:
        before = self._file
        self._start_segment()  # when it fails, the present segment stays open and in use
        self._sealed.append(before)
        if not self._sync_seconds:
            sealed, self._sealed = self._sealed, []
            release(sealed)

    def _start_segment(self) -> None:
        self.segment, self._file = create_segment(self._directory)
        self._size = 0
        self._began = time.monotonic()

    def _sync_regularly(self) -> None:
        while not self._closed.wait(self._sync_seconds):
            with self._lock:
                sealed, self._sealed = self._sealed, []
                active = os.dup(self._file) if self._dirty else None
                self._dirty = False
            release([*sealed, active] if active is not None else sealed)


def create_segment(directory: Path) -> tuple[Path, int]:
    """A new, empty, locked segment and its file descriptor.

    The shipper may see the file before the lock is on it and take it for an orphan: then another one is made.
    """
    while True:
        segment = directory / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        file = os.open(segment, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        if lock(file) and os.fstat(file).st_nlink:
            break
        os.close(file)
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return segment, file


def release(files: list[int]) -> None:
    """Sync and close."""
    for file in files:
        try:
            os.fsync(file)
        finally:
            os.close(file)


def lock(file: int) -> bool:
    """Take the lock of an open file, or say that somebody else has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def segments(root: Path) -> list[Path]:
    """All segments below `root`, oldest first."""
    return sorted(root.rglob(f"*{SUFFIX}"), key=lambda path: path.name)


def read_lines(path: Path, start: int, limit: int) -> tuple[list[tuple[int, bytes]], int]:
    """The complete lines of `path` from byte `start` on, each with its offset, and the offset behind the last one.

    Reads about `limit` bytes, and one whole line when that is longer.
    """
    with path.open("rb") as file:
        file.seek(start)
        content = file.read(limit)
        if b"\n" not in content:
            content += file.readline()
    lines: list[tuple[int, bytes]] = []
    for line in content.split(b"\n")[:-1]:
        lines.append((start, line))
        start += len(line) + 1
    return lines, start


def delete_orphan(segment: Path, end: int) -> bytes | None:
    """Delete a segment that nobody writes any more and that ends at `end`, or return None and leave it.

    A half line behind `end` never was acknowledged; it is returned.
    """
    file = os.open(segment, os.O_RDWR)
    try:
        if not lock(file):
            return None
        rest = os.pread(file, os.fstat(file).st_size - end, end) if os.fstat(file).st_size > end else b""
        if b"\n" in rest:
            return None
        segment.unlink()
        return rest
    finally:
        os.close(file)
