"""Is every decision chained to the one before, and is a change of any of them found?"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore, ObjectStore

from pipelines import ledger
from pipelines.errors import IntegrityError
from pipelines.store import open_store

AT = datetime(2025, 1, 1, tzinfo=UTC)


def write(store: ObjectStore, summary: str = "s") -> ledger.Entry:
    return ledger.write(store, at=AT, actor="ada", step="train", verdict="done", summary=summary)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = open_store(tmp_path.as_uri())
    for number in range(5):
        write(store, f"decision {number}")
    return tmp_path


def test_an_empty_ledger_has_the_genesis_as_its_head():
    assert ledger.head(MemoryStore()) == ledger.GENESIS


def test_entries_are_numbered_and_each_names_the_one_before(folder: Path):
    chain = ledger.entries(open_store(folder.as_uri()))
    assert [entry.number for entry, _ in chain] == [1, 2, 3, 4, 5]
    assert [entry.previous for entry, _ in chain] == [ledger.GENESIS, *(digest for _, digest in chain[:-1])]
    assert ledger.head(open_store(folder.as_uri())) == chain[-1][1]


@given(number=st.integers(1, 4), summary=st.text(min_size=1))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_rewritten_entry_is_found_by_the_next(folder: Path, number: int, summary: str):
    file = folder / ledger.name(number)
    original = file.read_text()
    changed = json.dumps(json.loads(original) | {"summary": summary, "actor": "mallory"})
    try:
        file.write_text(changed)
        with pytest.raises(IntegrityError, match=f"entry {number} was changed"):
            ledger.entries(open_store(folder.as_uri()))
    finally:
        file.write_text(original)


def test_a_missing_entry_is_found(folder: Path):
    (folder / ledger.name(3)).unlink()
    with pytest.raises(IntegrityError, match="entry 3 is missing"):
        ledger.entries(open_store(folder.as_uri()))


def test_an_exchanged_entry_is_found(folder: Path):
    second, third = folder / ledger.name(2), folder / ledger.name(3)
    content = second.read_bytes(), third.read_bytes()
    second.write_bytes(content[1])
    third.write_bytes(content[0])
    with pytest.raises(IntegrityError):
        ledger.entries(open_store(folder.as_uri()))


def test_what_is_no_entry_is_found(folder: Path):
    (folder / ledger.name(2)).write_text("not an entry")
    with pytest.raises(IntegrityError, match="00000002.json"):
        ledger.entries(open_store(folder.as_uri()))


def test_nothing_is_appended_to_a_broken_chain(folder: Path):
    (folder / ledger.name(1)).unlink()
    with pytest.raises(IntegrityError):
        write(open_store(folder.as_uri()))


def test_writers_at_the_same_time_chain_behind_each_other(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write(open_store(tmp_path.as_uri()), f"{number}"), range(24)))
    chain = ledger.entries(open_store(tmp_path.as_uri()))
    assert sorted(int(entry.summary) for entry, _ in chain) == list(range(24))
