"""Does any request whatsoever become an answer, a refusal or a failure of the model, and nothing else?"""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import predictions
from serving.refusal import Refusal
from serving.scoring import Answer, Protocol, Scoring
from serving.server import load
from tests.serving import releases
from tests.serving.releases import BINARY, BINARY_ROW
from tests.serving.served import LIMITS, NOW

PROTOCOLS: tuple[Protocol, ...] = ("inference", "invocations")
NAMES = [*BINARY_ROW, "customer", "asked_at", "amuont"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([*BINARY_ROW.values(), "2026-01-01T00:00:00Z", 2**70, 1e39]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip
cells = st.sampled_from([*BINARY_ROW.values()]) | anything
records = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, cells)), max_size=3)
tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "shape": st.lists(st.integers(-1, 3), max_size=3),
        "datatype": st.sampled_from(["FP32", "FP64", "INT8", "UINT64", "BYTES", "BOOL", "?"]),
    },
    optional={
        "data": st.lists(cells, max_size=3),
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "shared_memory_region"]), cells),
    },
)
requests = st.one_of(
    anything,
    st.fixed_dictionaries({"dataframe_records": records}),
    st.fixed_dictionaries({"instances": records | st.lists(st.lists(cells, max_size=6), max_size=3)}),
    st.fixed_dictionaries({"inputs": st.dictionaries(st.sampled_from(NAMES), cells)}),
    st.fixed_dictionaries({"dataframe_split": st.fixed_dictionaries({"columns": st.lists(st.sampled_from(NAMES)),
                                                                     "data": st.lists(st.lists(cells))})}),
    st.fixed_dictionaries({"inputs": st.lists(tensors, max_size=7)}, optional={"outputs": anything, "id": anything,
                                                                               "parameters": anything}),
)  # fmt: skip
headers = st.dictionaries(
    st.sampled_from([
        b"content-type", b"content-encoding", b"inference-header-content-length", b"x-event-time", b"x-entity-id",
        b"x-request-id", b"host",
    ]),
    st.binary(max_size=12)
    | st.sampled_from([b"application/json", b"text/csv", b"gzip", b"deflate", b"7", b"2026-01-01T00:00:00Z"]),
    max_size=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def scoring(tmp_path_factory: pytest.TempPathFactory) -> Scoring:
    folder: Path = tmp_path_factory.mktemp("release")
    return load(folder, releases.binary(folder), LIMITS)


def answered(scoring: Scoring, protocol: Protocol, body: bytes, head: dict[bytes, bytes]) -> Answer | Refusal:
    """The answer, whose log entry survives its own format, or the refusal, whose body is JSON."""
    try:
        entry, answer = scoring.answer(protocol, body, head, NOW)
    except Refusal as refusal:
        return refused(refusal)
    assert len(predictions.decode(predictions.encode(entry)).scores) == len(entry.decisions)
    return answer


def refused(refusal: Refusal) -> Refusal:
    """The refusal, which is the client's fault, short, and JSON."""
    assert 400 <= refusal.status < 500
    assert json.loads(json.dumps(refusal.body()))["error"]
    assert len(str(refusal)) < 1000
    return refusal


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(PROTOCOLS), st.binary(max_size=200), headers)
def test_arbitrary_bytes_are_never_more_than_refused(
    scoring: Scoring, protocol: Protocol, body: bytes, head: dict[bytes, bytes]
) -> None:
    answered(scoring, protocol, body, head)


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(PROTOCOLS), requests, headers)
def test_arbitrary_json_is_never_more_than_refused(
    scoring: Scoring, protocol: Protocol, request: Any, head: dict[bytes, bytes]
) -> None:
    answered(scoring, protocol, json.dumps(request).encode(), head)


@settings(deadline=None, max_examples=300)
@given(st.lists(tensors, max_size=7), st.binary(max_size=40), st.integers(0, 40))
def test_arbitrary_binary_tensors_are_never_more_than_refused(
    scoring: Scoring, inputs: list[Any], tail: bytes, wrong: int
) -> None:
    text = json.dumps({"inputs": inputs}).encode()
    answered(scoring, "inference", text + tail, {b"inference-header-content-length": b"%d" % (len(text) + wrong % 2)})


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200))
def test_arbitrary_csv_is_never_more_than_refused(scoring: Scoring, text: str) -> None:
    head = {b"content-type": b"text/csv"}
    answered(scoring, "invocations", text.encode(errors="replace"), head)
    answered(scoring, "invocations", (",".join(BINARY_ROW) + "\n" + text).encode(errors="replace"), head)


rows = st.lists(
    st.fixed_dictionaries({
        "amount": st.integers(0, 1000) | st.floats(0, 1000),
        "age": st.none() | st.floats(18, 120),
        "rooms": st.sampled_from([1, 2, 3]),
        "plan": st.sampled_from(["basic", "plus"]),
        "note": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    }),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(deadline=None)
@given(rows)
def test_what_the_schema_allows_is_answered_alike_in_every_format(scoring: Scoring, rows: list[dict[str, Any]]) -> None:
    columns = {name: [row[name] for row in rows] for name in BINARY_ROW}
    split = {"columns": list(columns), "data": [list(row) for row in zip(*columns.values())]}
    bodies = [{"dataframe_records": rows}, {"dataframe_split": split}, {"inputs": columns}, {"instances": rows}]
    answers = [answered(scoring, "invocations", json.dumps(body).encode(), {}) for body in bodies]
    infer = answered(scoring, "inference", *as_tensors(columns))
    assert all(isinstance(answer, Answer) for answer in [*answers, infer])
    assert len({answer.body for answer in answers}) == 1
    flat = [score for scores in json.loads(answers[0].body)["predictions"]["score"] for score in scores]
    assert json.loads(infer.body)["outputs"][0]["data"] == flat


def as_tensors(columns: dict[str, list[Any]]) -> tuple[bytes, dict[bytes, bytes]]:
    """The columns as a request with binary numbers, and its header."""
    inputs: list[dict[str, Any]] = []
    tail = b""
    for column in BINARY.columns:
        values = columns[column.name]
        tensor: dict[str, Any] = {"name": column.name, "shape": [len(values), 1], "datatype": "BYTES"}
        if column.type == "number":
            content = b"".join(struct.pack("<d", float("nan") if value is None else value) for value in values)
            tensor |= {"datatype": "FP64", "parameters": {"binary_data_size": len(content)}}
            tail += content
        else:
            tensor["data"] = values
        inputs.append(tensor)
    text = json.dumps({"inputs": inputs}).encode()
    return text + tail, {b"inference-header-content-length": b"%d" % len(text)}
