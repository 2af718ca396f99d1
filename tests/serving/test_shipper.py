"""Is everything that was acknowledged in the tables, and once?"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from serving import shipper
from serving.shipper import Settings, Shipper
from serving.sink import Sink
from serving.spool import Spool, segments
from tests.serving.entries import entry, later, logged, table

WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "spool").mkdir()
    return Settings(
        spool=tmp_path / "spool", access_log=tmp_path / "access.jsonl", tables=(tmp_path / "tables").as_uri()
    )


def open_shipper(settings: Settings) -> tuple[Shipper, list[str]]:
    said: list[str] = []
    return Shipper(settings, said.append), said


def request_line(request_id: str) -> str:
    said = {
        "request_id": request_id,
        "path": "/v2/models/m/infer",
        "status": 200,
        "flags": None,
        "details": "via_upstream",
    }
    more = {"step": "s", "assigned": "stable", "release": "a" * 64, "attempts": 1, "duration_ms": 3, "upstream_ms": 2}
    return json.dumps({"at": "2024-05-01T12:00:00.123Z", **said, **more}) + "\n"


class Interrupted(Sink):
    """A table whose commit lands, but whose answer is lost."""

    def commit(self, rows: pa.Table, offsets: Mapping[str, int]) -> None:
        super().commit(rows, offsets)
        raise OSError("connection reset")


def test_entries_of_a_living_server_are_shipped_and_their_segment_stays(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a", rows=2))
    ship, _ = open_shipper(settings)
    assert (ship.cycle(), ship.cycle()) == (1, 0)
    log.append(entry("b"))
    assert ship.cycle() == 1
    assert logged(tmp_path / "tables") == {("a", 0, "a" * 64): 1, ("a", 1, "a" * 64): 1, ("b", 0, "a" * 64): 1}
    assert log.segment.exists()
    log.close()


def test_the_segments_of_a_removed_server_are_drained_and_deleted(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "candidate", 60.0)
    log.append(entry("a"))
    log.close()
    open_shipper(settings)[0].cycle()
    assert set(logged(tmp_path / "tables").values()) == {1}
    assert segments(settings.spool) == []


def test_a_crash_between_commit_and_delete_repeats_nothing(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a"))
    log.close()
    ship, _ = open_shipper(settings)
    ship.ship_predictions(ship.chunks(ship.predictions, segments(settings.spool), lambda path: path.name))
    assert segments(settings.spool) != []
    open_shipper(settings)[0].cycle()
    assert logged(tmp_path / "tables") == {("a", 0, "a" * 64): 1}
    assert segments(settings.spool) == []


def test_a_commit_whose_answer_was_lost_is_not_repeated(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a"))
    log.close()
    ship, said = open_shipper(settings)
    ship.predictions = Interrupted(f"{settings.tables}/predictions", ship.predictions.schema)
    stop = threading.Event()
    stop.set()
    assert shipper.run(ship, stop, once=False) == 1
    assert "connection reset" in said[0]
    assert shipper.run(ship, stop, once=False) == 0
    assert logged(tmp_path / "tables") == {("a", 0, "a" * 64): 1}


@pytest.mark.parametrize("same_batch", [True, False])
def test_a_retry_that_reached_the_same_release_twice_is_logged_once(
    settings: Settings, tmp_path: Path, same_batch: bool
) -> None:
    ship, _ = open_shipper(settings)
    for seconds in (0, 40):
        log = Spool(settings.spool / "stable", 60.0)
        log.append(entry("a", at=later(seconds)))
        log.close()
        if not same_batch:
            ship.cycle()
            ship, _ = open_shipper(settings)
    ship.cycle()
    assert logged(tmp_path / "tables") == {("a", 0, "a" * 64): 1}


def test_two_releases_that_answered_one_request_are_both_logged(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a"))
    log.append(msgspec.structs.replace(entry("a", release="b" * 64), shadow=True))
    log.close()
    open_shipper(settings)[0].cycle()
    assert logged(tmp_path / "tables") == {("a", 0, "a" * 64): 1, ("a", 0, "b" * 64): 1}


def test_a_line_that_is_no_entry_is_put_aside_and_the_rest_is_shipped(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a"))
    log.close()
    with log.segment.open("ab") as file:
        file.write(b'{"request_id": 1}\n')
    other = Spool(settings.spool / "stable", 60.0)
    other.append(entry("b"))
    other.close()
    ship, said = open_shipper(settings)
    ship.cycle()
    assert {key[0] for key in logged(tmp_path / "tables")} == {"a", "b"}
    aside = json.loads((settings.spool / "unreadable.jsonl").read_text())
    assert aside["line"] == '{"request_id": 1}'
    assert "unreadable.jsonl" in said[0]
    assert segments(settings.spool) == []


def test_the_half_line_of_a_killed_server_is_put_aside(settings: Settings, tmp_path: Path) -> None:
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a"))
    log.close()
    with log.segment.open("ab") as file:
        file.write(b'{"request_')
    open_shipper(settings)[0].cycle()
    assert {key[0] for key in logged(tmp_path / "tables")} == {"a"}
    assert "never was acknowledged" in (settings.spool / "unreadable.jsonl").read_text()
    assert segments(settings.spool) == []


def test_the_access_log_is_shipped_line_by_line_as_it_grows(settings: Settings, tmp_path: Path) -> None:
    ship, _ = open_shipper(settings)
    with settings.access_log.open("a") as log:
        log.write(request_line("a") + request_line("b")[:30])
        log.flush()
        ship.cycle()
        log.write(request_line("b")[30:])
        log.flush()
        open_shipper(settings)[0].cycle()
    assert table(tmp_path / "tables", "requests")["request_id"].to_pylist() in (["a", "b"], ["b", "a"])


def test_a_request_that_was_never_routed_is_left_out(settings: Settings, tmp_path: Path) -> None:
    broken = {"at": "2024-05-01T12:00:00.123Z", "request_id": None, "path": None, "status": 400, "flags": "DPE"}
    settings.access_log.write_text(json.dumps(broken) + "\n" + request_line("a"))
    ship, said = open_shipper(settings)
    ship.cycle()
    assert table(tmp_path / "tables", "requests")["request_id"].to_pylist() == ["a"]
    assert said == []


@pytest.mark.parametrize("rotation", ["rename", "truncate"])
def test_a_rotated_access_log_is_read_to_its_end_and_the_new_one_from_its_start(
    settings: Settings, tmp_path: Path, rotation: str
) -> None:
    settings.access_log.write_text(request_line("a"))
    ship, _ = open_shipper(settings)
    ship.cycle()
    if rotation == "rename":
        with settings.access_log.open("a") as log:
            log.write(request_line("b"))
        settings.access_log.rename(settings.access_log.with_name("access.jsonl.1"))
    settings.access_log.write_text(request_line("c"))
    ship.cycle()
    expected = ["a", "b", "c"] if rotation == "rename" else ["a", "c"]
    assert sorted(table(tmp_path / "tables", "requests")["request_id"].to_pylist()) == expected


def test_many_commits_are_compacted_into_few_files(settings: Settings, tmp_path: Path) -> None:
    sink = Sink(f"{settings.tables}/predictions", open_shipper(settings)[0].predictions.schema, compact_every=10)
    from serving.predictions import table as rows

    for number in range(25):
        sink.commit(rows([entry(f"r{number}")]), {"segment": number + 1})
    assert sink.files() < 10
    assert len(logged(tmp_path / "tables")) == 25
    assert Sink(f"{settings.tables}/predictions", sink.schema).offset("segment") == 25


def start_shipper(settings: Settings, *more: str) -> subprocess.Popen[str]:
    given = {"--spool": str(settings.spool), "--access-log": str(settings.access_log), "--tables": settings.tables}
    options = [part for pair in given.items() for part in pair]
    command = [sys.executable, "-m", "serving.shipper", *options, "--interval", "0.02", *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.services
def test_a_second_shipper_names_the_first_and_leaves(settings: Settings) -> None:
    first = start_shipper(settings)
    try:
        lock = settings.spool / "shipper.lock"
        wait_until(lambda: lock.exists() and lock.read_text() != "")
        second = start_shipper(settings)
        _, said = second.communicate(timeout=20)
        assert second.returncode == shipper.BUSY
        assert f"process {first.pid}" in said
    finally:
        first.terminate()
        first.communicate(timeout=20)
    assert first.returncode == 0


@pytest.mark.services
def test_sigterm_ships_what_is_there_and_leaves(settings: Settings, tmp_path: Path) -> None:
    process = start_shipper(settings, "--interval", "3600")
    wait_until((tmp_path / "tables" / "requests").exists)
    log = Spool(settings.spool / "stable", 60.0)
    log.append(entry("a"))
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")
    assert logged(tmp_path / "tables") == {("a", 0, "a" * 64): 1}
    log.close()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def commits(settings: Settings) -> int:
    return len(list(settings.spool.parent.glob("tables/predictions/_delta_log/*.json")))


@pytest.mark.services
def test_whatever_is_killed_each_acknowledged_row_is_in_the_table_once(settings: Settings, tmp_path: Path) -> None:
    chance, acknowledged = random.Random(20240501), dict[str, int]()
    shipping = start_shipper(settings)
    for kill in range(20):
        track = settings.spool / chance.choice(["stable", "candidate"])
        repeated = chance.sample(sorted(acknowledged), min(len(acknowledged), 3))
        answers = tmp_path / f"answers-{kill}"
        with answers.open("wb") as out:
            writing = subprocess.Popen([sys.executable, str(WRITER), str(track), f"w{kill}", *repeated], stdout=out)
        wait_until(lambda path=answers: path.stat().st_size > 0)
        if kill % 4 == 3:
            done = commits(settings)
            wait_until(lambda done=done: commits(settings) > done + 1)
            time.sleep(chance.uniform(0, 0.05))
            shipping.kill()
            shipping.communicate()
            shipping = start_shipper(settings)
        time.sleep(chance.uniform(0, 0.15))
        os.kill(writing.pid, signal.SIGKILL)
        writing.wait()
        acknowledged |= {name: int(rows) for name, rows in map(str.split, answers.read_text().splitlines())}
    shipping.kill()
    shipping.communicate()
    last = start_shipper(settings, "--once")
    assert (last.communicate(timeout=60)[1], last.returncode) == ("", 0)
    found = logged(tmp_path / "tables")
    expected = {(name, row, "a" * 64) for name, rows in acknowledged.items() for row in range(rows)}
    assert len(acknowledged) > 1000
    assert expected - set(found) == set()
    assert [key for key, times in found.items() if times > 1] == []
    assert segments(settings.spool) == []
