"""Does each request get the answer that it deserves, and the log each prediction?"""

import gzip
import json
import zlib
from typing import Any

import anyio
import httpx
import pytest

from serving.predictions import Entry
from serving.scoring import Limits
from tests.serving import releases
from tests.serving.releases import BINARY_ROW
from tests.serving.served import NOW, Served, serve, tensors

RECORDS = {"dataframe_records": [BINARY_ROW]}
SCORE = [pytest.approx(0.141851, abs=1e-5), pytest.approx(0.858149, abs=1e-5)]


def error(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The JSON of a refusal, which never shows how the server is built."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "Traceback" not in answer.text
    assert "/serving/" not in answer.text
    found = answer.json()
    assert found["error"]
    return found


def test_both_protocols_give_the_same_scores_and_decisions(binary: Served) -> None:
    score, decision = binary.infer(tensors(BINARY_ROW)).json()["outputs"]
    assert (score["data"], decision["data"]) == (SCORE, ["stays"])
    assert binary.invoke(RECORDS).json() == {"predictions": {"score": [SCORE]}, "decisions": ["stays"]}


def test_a_regression_answers_with_numbers(regression: Served) -> None:
    answer = regression.invoke({"inputs": {"area": [50, 10], "floor": [2, 0]}})
    assert answer.json() == {"predictions": {"score": [[590], [200]]}, "decisions": [590, 200]}


def test_a_multiclass_model_answers_with_a_score_for_each_class(multiclass: Served) -> None:
    answer = multiclass.invoke({"inputs": {"length": [1], "width": [5]}}).json()
    assert len(answer["predictions"]["score"][0]) == 3
    assert answer["decisions"] == ["green"]


def test_an_answered_prediction_is_in_the_log_with_all_that_is_known_about_it(binary: Served) -> None:
    headers = {
        "x-request-id": "r-1", "x-client-request-id": "mine", "x-entity-id": "c-9", "x-rollout-step": "s1",
        "x-assigned-track": "candidate", "x-event-time": "2026-01-02T03:04:05+01:00",
    }  # fmt: skip
    binary.invoke({"inputs": {name: [value, value] for name, value in BINARY_ROW.items()}}, headers=headers)
    [entry] = binary.log
    assert entry == Entry(
        request_id="r-1", release=binary.digest, received_at=NOW, client_id="mine", entity=["c-9", "c-9"],
        event_time=entry.event_time, step="s1", assigned="candidate", shadow=False, scores=entry.scores,
        columns={name: [value, value] for name, value in BINARY_ROW.items()}, decisions=["stays", "stays"],
    )  # fmt: skip
    assert entry.scores == [SCORE, SCORE]
    assert entry.event_time is not None
    assert [moment.isoformat() for moment in entry.event_time] == ["2026-01-02T02:04:05+00:00"] * 2


def test_a_rows_own_entity_and_event_time_win_over_the_headers(binary: Served) -> None:
    row = BINARY_ROW | {"customer": "own", "asked_at": "2026-02-01T00:00:00Z"}
    headers = {"x-entity-id": "header", "x-event-time": "2026-01-01T00:00:00Z"}
    assert binary.infer(tensors(row), headers=headers).status_code == 200
    [entry] = binary.log
    assert entry.entity == ["own"]
    assert entry.event_time is not None
    assert entry.event_time[0].month == 2


def test_a_request_without_an_id_gets_one_of_its_own(binary: Served) -> None:
    binary.invoke(RECORDS)
    binary.invoke(RECORDS)
    assert len({entry.request_id for entry in binary.log}) == 2


@pytest.mark.parametrize(
    ("host", "shadow"), [("server", False), ("server-shadow", True), ("server-shadow:80", True), ("shadow", False)]
)
def test_a_mirrored_request_is_told_by_its_host(binary: Served, host: str, shadow: bool) -> None:
    binary.invoke(RECORDS, headers={"host": host})
    assert binary.log[0].shadow is shadow


def test_every_answer_names_the_release(binary: Served) -> None:
    for answer in (binary.invoke(RECORDS), binary.invoke({}), binary.ask("GET", "/nowhere"), binary.ask("GET", "/v2")):
        assert answer.headers["x-release"] == binary.digest


def test_a_large_batch_is_scored_beside_the_event_loop_and_logged(tmp_path) -> None:
    served = serve(releases.binary, tmp_path, limits=Limits(rows=1000, bytes=1 << 20))
    answer = served.invoke({"dataframe_records": [BINARY_ROW | {"note": "x" * 100}] * 500})
    assert len(answer.json()["decisions"]) == 500
    assert len(served.log[0].scores) == 500


def test_a_model_that_fails_on_valid_values_is_a_500_without_its_reason_and_not_logged(fragile: Served) -> None:
    answer = error(fragile.invoke({"inputs": {"bucket": [releases.FRAGILE_FROM]}}), 500)
    assert answer == {"error": "the model failed on these values"}
    assert not fragile.log
    assert fragile.metric("mlops_server_model_failures_total") == 1
    assert fragile.invoke({"inputs": {"bucket": [releases.FRAGILE_FROM - 1]}}).status_code == 200


def test_scores_that_are_no_numbers_are_a_failure_of_the_model(tmp_path) -> None:
    served = serve(lambda folder: releases.regression(folder, bias=float("nan")), tmp_path)
    error(served.invoke({"inputs": {"area": [1], "floor": [1]}}), 500)


def test_an_answer_that_could_not_be_logged_does_not_leave(tmp_path) -> None:
    served = serve(releases.binary, tmp_path, full=True)
    assert error(served.invoke(RECORDS), 503) == {"error": "the prediction log cannot be written"}


def test_a_refusal_names_field_row_value_and_limit(binary: Served) -> None:
    found = error(binary.invoke({"dataframe_records": [BINARY_ROW, BINARY_ROW | {"amount": 2000}]}), 400)
    assert {name: found[name] for name in ("field", "row", "value", "limit")} == {
        "field": "amount", "row": 1, "value": 2000, "limit": {"minimum": 0, "maximum": 1000}
    }  # fmt: skip
    assert not binary.log


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"x-event-time": "soon"}, "x-event-time"),
        ({"x-event-time": "2027-01-01T00:00:00Z"}, "x-event-time"),
        ({"x-entity-id": "x" * 257}, "x-entity-id"),
        ({"x-request-id": "x" * 257}, "x-request-id"),
        ({"x-entity-id": b"\xff"}, "x-entity-id"),
    ],
)
def test_a_header_that_cannot_be_is_refused_by_its_name(binary: Served, headers: dict[str, Any], field: str) -> None:
    assert error(binary.invoke(RECORDS, headers=headers), 400)["field"] == field


def test_an_unknown_model_or_version_is_404_with_the_one_that_is_here(binary: Served) -> None:
    assert error(binary.ask("POST", "/v2/models/other/infer", json={}), 404)["limit"] == "renewal"
    assert error(binary.ask("GET", "/v2/models/renewal/versions/1"), 404)["limit"] == binary.digest
    assert error(binary.ask("GET", "/v2/models/renewal/nothing"), 404)["field"] == "path"
    assert error(binary.ask("GET", "/"), 404)["field"] == "path"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/invocations", "POST"), ("DELETE", "/v2", "GET, HEAD"), ("POST", "/metrics", "GET, HEAD")],
)
def test_another_method_is_405_with_the_allowed_ones(binary: Served, method: str, path: str, allowed: str) -> None:
    answer = binary.ask(method, path)
    error(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/invocations", "application/x-www-form-urlencoded"),
        ("/invocations", "application/json; charset=utf-16"),
        ("/invocations", "application/octet-stream"),
        ("/v2/models/renewal/infer", "text/csv"),
        ("/v2/models/renewal/infer", "text/plain"),
    ],
)
def test_another_content_type_is_415_with_the_accepted_ones(binary: Served, path: str, content_type: str) -> None:
    answer = binary.ask("POST", path, content=json.dumps(RECORDS), headers={"content-type": content_type})
    assert error(answer, 415)["limit"]


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8", ""])
def test_json_is_taken_under_its_usual_names(binary: Served, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    assert binary.ask("POST", "/invocations", content=json.dumps(RECORDS), headers=headers).status_code == 200


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_is_unpacked(binary: Served, encoding: str, pack: Any) -> None:
    content = pack(json.dumps(RECORDS).encode())
    headers = {"content-encoding": encoding, "content-type": "application/json"}
    assert binary.ask("POST", "/invocations", content=content, headers=headers).status_code == 200


def test_a_small_body_that_unpacks_to_a_huge_one_is_413(binary: Served) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = binary.ask("POST", "/invocations", content=gzip.compress(b" " * 10_000_000), headers=headers)
    assert error(answer, 413)["limit"] == 100_000


@pytest.mark.parametrize(
    ("encoding", "content", "status"),
    [
        ("gzip", b"{}", 400),
        ("gzip", gzip.compress(b"{}" * 99, mtime=0)[:-9], 400),
        ("br", b"{}", 415),
        ("deflate", b"", 400),
    ],
)
def test_a_body_in_another_encoding_than_it_says_is_refused(
    binary: Served, encoding: str, content: bytes, status: int
) -> None:
    headers = {"content-encoding": encoding, "content-type": "application/json"}
    error(binary.ask("POST", "/invocations", content=content, headers=headers), status)


def test_a_body_over_the_limit_is_413_with_the_limit(binary: Served) -> None:
    found = error(binary.ask("POST", "/invocations", content=b" " * 100_001), 413)
    assert (found["field"], found["value"], found["limit"]) == ("body", 100_001, 100_000)


def test_a_body_of_unknown_length_is_413_once_it_exceeds_the_limit(binary: Served) -> None:
    async def chunks():
        for _ in range(20):
            yield b" " * 10_000

    assert error(binary.ask("POST", "/invocations", content=chunks()), 413)["limit"] == 100_000


def test_a_client_that_goes_away_before_its_request_is_complete_gets_and_logs_nothing(binary: Served) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def gone() -> None:
        await binary.app({"path": "/invocations", "method": "POST", "headers": []}, receive, send)

    anyio.run(gone)
    assert (sent, binary.log) == ([], [])


def test_binary_outputs_come_with_the_length_of_the_json_part(binary: Served) -> None:
    answer = binary.infer(tensors(BINARY_ROW) | {"parameters": {"binary_data_output": True}})
    header = int(answer.headers["inference-header-content-length"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert [output["name"] for output in json.loads(answer.content[:header])["outputs"]] == ["score", "decision"]


def test_too_many_rows_are_413_with_the_limit(binary: Served) -> None:
    assert error(binary.invoke({"dataframe_records": [BINARY_ROW] * 101}), 413)["limit"] == 100


@pytest.mark.parametrize("content", [b"", b"{", b"[1", b'{"inputs": NaN', b"\xff\xfe", b"[" * 90_000, b"1" * 90_000])
def test_broken_json_is_400(binary: Served, content: bytes) -> None:
    for path in ("/invocations", "/v2/models/renewal/infer"):
        error(binary.ask("POST", path, content=content, headers={"content-type": "application/json"}), 400)


@pytest.mark.parametrize(
    "path",
    ["/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/renewal", "/v2/models/renewal/ready", "/ping", "/health",
     "/version", "/metrics", "/openapi.json"],
)  # fmt: skip
def test_the_server_tells_about_itself(binary: Served, path: str) -> None:
    assert binary.ask("GET", path).status_code == 200
    assert binary.ask("HEAD", path).status_code == 200


def test_the_metadata_name_each_input_with_datatype_and_shape(binary: Served) -> None:
    found = binary.ask("GET", f"/v2/models/renewal/versions/{binary.digest}").json()
    assert found["inputs"][0] == {"name": "amount", "datatype": "FP32", "shape": [-1, 1]}
    assert found["outputs"][0] == {"name": "score", "datatype": "FP32", "shape": [-1, 2]}
    assert found["versions"] == [binary.digest]


def test_requests_rows_and_refusals_are_counted(binary: Served) -> None:
    binary.invoke({"dataframe_records": [BINARY_ROW] * 3})
    binary.invoke({"dataframe_records": [BINARY_ROW | {"plan": "gold"}]})
    assert binary.metric("mlops_server_requests_total", code="200") == 1
    assert binary.metric("mlops_server_requests_total", code="400") == 1
    assert binary.metric("mlops_server_rows_total") == 3
    assert binary.metric("mlops_server_rejected_total", reason="not_allowed") == 1
    assert binary.metric("mlops_server_request_seconds_count") == 2
    assert f'digest="{binary.digest}"' in binary.ask("GET", "/metrics").text
