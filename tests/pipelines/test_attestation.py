"""Is a statement about a release an in-toto statement, appended and never replaced?"""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from obstore.store import MemoryStore

from pipelines.attestation import DEPLOYMENT, GATES, attest, newest, reference, statements
from pipelines.store import append, content_digest, read

DIGEST = "a" * 64


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def state(store: MemoryStore, number: int, kind: str = GATES) -> str:
    return attest(store, DIGEST, name="wine", predicate_type=kind, predicate={"number": number})


def test_a_statement_has_the_form_of_in_toto(store: MemoryStore):
    content = json.loads(read(store, state(store, 1)))
    assert content["_type"] == "https://in-toto.io/Statement/v1"
    assert content["subject"] == [{"name": "wine", "digest": {"sha256": DIGEST}}]
    assert content["predicateType"] == GATES
    assert content["predicate"] == {"number": 1}


def test_statements_come_back_in_the_order_in_which_they_were_made(store: MemoryStore):
    for number in range(12):
        state(store, number)
    assert [one.predicate["number"] for one in statements(store, DIGEST)] == list(range(12))
    assert newest(store, DIGEST, GATES) == {"number": 11}


def test_statements_are_told_apart_by_what_they_are_about(store: MemoryStore):
    state(store, 1, GATES)
    state(store, 2, DEPLOYMENT)
    assert [one.predicate["number"] for one in statements(store, DIGEST, DEPLOYMENT)] == [2]
    assert statements(store, "b" * 64) == []
    assert newest(store, "b" * 64, GATES) is None


def test_statements_at_the_same_time_get_numbers_of_their_own(store: MemoryStore):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: state(store, number), range(24)))
    assert len(set(made)) == 24
    assert {one.predicate["number"] for one in statements(store, DIGEST)} == set(range(24))


def test_a_number_that_is_taken_is_never_overwritten(store: MemoryStore):
    append(store, f"attestations/{DIGEST}/2.json", b"taken")
    assert state(store, 1).endswith("/3.json")
    assert read(store, f"attestations/{DIGEST}/2.json") == b"taken"


def test_a_reference_holds_a_statement_to_its_bytes(store: MemoryStore):
    key = state(store, 1)
    assert reference(store, key) == {key: content_digest(read(store, key))}
