"""Is an appended entry in the kernel, and does nobody take a living segment for an orphan?"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import spool
from serving.predictions import decode, encode
from serving.spool import Spool, delete_orphan, read_lines, segments
from tests.serving.entries import entry


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Spool]:
    log = Spool(tmp_path, 60.0)
    yield log
    log.close()


def ids(path: Path) -> list[str]:
    return [decode(line).request_id for _, line in read_lines(path, 0, 1 << 20)[0]]


def test_an_entry_can_be_read_as_soon_as_append_returns(log: Spool, tmp_path: Path) -> None:
    log.append(entry("a"))
    assert ids(segments(tmp_path)[0]) == ["a"]


def test_a_segment_whose_server_lives_is_not_deleted(log: Spool) -> None:
    assert delete_orphan(log.segment, 0) is None
    assert log.segment.exists()


def test_a_segment_whose_server_is_gone_is_deleted_once_it_is_read_to_its_end(tmp_path: Path) -> None:
    log = Spool(tmp_path, 60.0)
    log.append(entry("a"))
    log.close()
    assert delete_orphan(log.segment, 0) is None
    assert delete_orphan(log.segment, log.segment.stat().st_size) == b""
    assert segments(tmp_path) == []


def test_a_half_line_is_read_by_nobody_and_handed_back_at_the_end(tmp_path: Path) -> None:
    log = Spool(tmp_path, 60.0)
    log.append(entry("a"))
    log.close()
    with log.segment.open("ab") as file:
        file.write(encode(entry("b"))[:20])
    lines, end = read_lines(log.segment, 0, 1 << 20)
    assert len(lines) == 1
    assert delete_orphan(log.segment, end) == encode(entry("b"))[:20]


def test_a_full_segment_is_followed_by_another_and_becomes_an_orphan(tmp_path: Path) -> None:
    log = Spool(tmp_path, 0, segment_bytes=len(encode(entry("a"))) * 2)
    for name in "abcde":
        log.append(entry(name))
    assert [ids(path) for path in segments(tmp_path)] == [["a", "b"], ["c", "d"], ["e"]]
    assert [delete_orphan(path, path.stat().st_size) for path in segments(tmp_path)] == [b"", b"", None]
    log.close()


def test_an_old_segment_is_followed_by_another(tmp_path: Path) -> None:
    log = Spool(tmp_path, 0, segment_seconds=0)
    log.append(entry("a"))
    log.append(entry("b"))
    assert [ids(path) for path in segments(tmp_path)] == [["a"], ["b"]]
    log.close()


def test_threads_do_not_mix_their_lines(log: Spool) -> None:
    def write(name: str) -> None:
        for number in range(200):
            log.append(entry(f"{name}{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(log.segment)) == sorted(f"{name}{number}" for name in "abcd" for number in range(200))


def test_a_disk_that_takes_half_a_line_fails_the_append_and_ends_the_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Spool(tmp_path, 60.0)
    write = os.write
    monkeypatch.setattr(spool.os, "write", lambda file, line: write(file, line[:10]))
    with pytest.raises(OSError, match="disk full"):
        log.append(entry("a"))
    monkeypatch.undo()
    log.append(entry("b"))
    log.close()
    assert [ids(path) for path in segments(tmp_path)] == [[], ["b"]]


def test_a_server_that_starts_while_its_empty_segment_is_deleted_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, seen = spool.lock, list[int]()

    def slow(file: int) -> bool:
        if not seen:
            segments(tmp_path)[0].unlink()
        seen.append(file)
        return take(file)

    monkeypatch.setattr(spool, "lock", slow)
    segment, file = spool.create_segment(tmp_path)
    assert len(seen) == 2
    assert segment.exists()
    os.close(file)


@pytest.mark.parametrize("limit", [1, 7, 1 << 20])
def test_lines_come_whole_whatever_the_limit(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"first\nsecond, with \xff\xc2\x85\n\nhalf")
    found, end = list[tuple[int, bytes]](), 0
    while lines := (read := read_lines(path, end, limit))[0]:
        found, end = found + lines, read[1]
    assert found == [(0, b"first"), (6, b"second, with \xff\xc2\x85"), (23, b"")]
