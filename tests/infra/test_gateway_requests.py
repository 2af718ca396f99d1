"""What becomes of a request at the real gateway: who answers, who is told what, and what does the log keep?"""

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from environments.declaration import Gateway as Limits
from environments.declaration import Traffic
from infra.gateway import Address
from tests.infra.gateway_envoy import KEY, Gateway, running, settings_for, until
from tests.infra.gateway_stub import Received, Stub

pytestmark = pytest.mark.services

PATH = "/v2/models/m/infer"


@pytest.fixture
def stable() -> Iterator[Stub]:
    with Stub("release-a") as stub:
        yield stub


@pytest.fixture
def candidate() -> Iterator[Stub]:
    with Stub("release-b") as stub:
        yield stub


@pytest.fixture
def gateway(tmp_path: Path, stable: Stub, candidate: Stub) -> Iterator[Gateway]:
    """Two servers, half of the traffic each; no shadow."""
    traffic = Traffic(candidate=50)
    limits = Limits(max_request_bytes=4096)
    settings = settings_for(tmp_path, stable=stable.port, candidate=candidate.port, traffic=traffic, limits=limits)
    with running(settings) as gateway:
        yield gateway


def scored(stub: Stub) -> list[Received]:
    """The requests that `stub` answers to clients, not shadows."""
    return [request for request in stub.received if not shadowed(request)]


def shadowed(request: Received) -> bool:
    return request.headers["host"].split(":")[0].endswith("-shadow")


def keyless(gateway: Gateway, path: str, **headers: str) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{gateway.port}{path}", headers=headers)


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}, {"x-api-key": f"{KEY},{KEY}"}])
def test_without_the_key_nothing_is_answered_and_the_way_out_is_said(
    gateway: Gateway, stable: Stub, candidate: Stub, headers: dict[str, str]
) -> None:
    refused = keyless(gateway, PATH, **headers)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/json"
    assert "x-api-key" in refused.json()["error"]
    assert stable.received == candidate.received == []


@pytest.mark.parametrize("path", ["/v2/health/ready/../../models/m/infer", "/v2/health/ready/x", "/gateway/ready/.."])
def test_the_open_paths_open_nothing_else(gateway: Gateway, path: str) -> None:
    assert raw(gateway, path).startswith(b"HTTP/1.1 401")


def raw(gateway: Gateway, path: str) -> bytes:
    """The answer to a path that no client library would send as it is."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        return connection.makefile("rb").read()


def test_health_is_open_to_probes_without_the_key(gateway: Gateway) -> None:
    base = f"http://127.0.0.1:{gateway.port}"
    assert httpx.get(f"{base}/v2/health/ready").status_code == 200
    assert httpx.get(f"{base}/v2/health/live").status_code == 200
    assert httpx.get(f"{base}/gateway/ready").status_code == 200


def test_the_key_goes_no_further_than_the_gateway(gateway: Gateway, stable: Stub, candidate: Stub) -> None:
    gateway.ask()
    (request,) = [*stable.received, *candidate.received]
    assert KEY not in str(request)


def test_the_admin_does_not_show_or_change_the_configuration(gateway: Gateway) -> None:
    admin = f"http://127.0.0.1:{gateway.settings.admin.port}"
    assert httpx.get(f"{admin}/ready").status_code == 200
    assert httpx.get(f"{admin}/config_dump").status_code == 403
    assert httpx.post(f"{admin}/quitquitquit").status_code == 403


def test_before_the_first_release_the_answer_is_503_with_the_reason(tmp_path: Path) -> None:
    with running(settings_for(tmp_path)) as gateway:
        refused = gateway.ask()
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/json")
        assert "mlops promote" in refused.json()["error"]
        assert keyless(gateway, PATH).status_code == 401
        assert keyless(gateway, "/v2/health/ready").status_code == 503


def test_the_first_release_arrives_without_a_restart(tmp_path: Path, stable: Stub) -> None:
    with running(settings_for(tmp_path)) as gateway:
        gateway.change(stable=Address(port=stable.port))
        until(lambda: gateway.ask().status_code == 200, "the first release answers")


def test_a_request_over_the_limit_is_413_and_names_the_limit(gateway: Gateway, stable: Stub) -> None:
    assert gateway.ask(body=b"x" * 4096).status_code == 200
    refused = gateway.ask(body=b"x" * 4097)
    assert refused.status_code == 413
    assert "4096 bytes" in refused.json()["error"]


def test_an_entity_stays_on_its_track_and_a_growing_candidate_only_gains(gateway: Gateway) -> None:
    gateway.change(traffic=Traffic(candidate=10), step="ten")
    until(lambda: gateway.line(gateway.ask())["step"] == "ten", "the new weight is in force")
    ten = {entity: gateway.ask(entity).headers["x-track"] for entity in map(str, range(400))}
    assert 15 <= Counter(ten.values())["candidate"] <= 70
    again = {entity: gateway.ask(entity, x_other=entity).headers["x-track"] for entity in reversed(ten)}
    assert again == ten
    gateway.change(traffic=Traffic(candidate=50), step="fifty")
    until(lambda: gateway.line(gateway.ask())["step"] == "fifty", "the new weight is in force")
    fifty = {entity: gateway.ask(entity).headers["x-track"] for entity in ten}
    assert 150 <= Counter(fifty.values())["candidate"] <= 250
    assert [entity for entity in ten if ten[entity] == "candidate" and fifty[entity] == "stable"] == []


def test_without_an_entity_each_request_is_assigned_for_itself(gateway: Gateway) -> None:
    tracks = Counter(gateway.ask().headers["x-track"] for _ in range(100))
    assert min(tracks["stable"], tracks["candidate"]) >= 25


def test_the_share_of_none_and_of_all_is_exact(gateway: Gateway) -> None:
    for share, track in ((0, "stable"), (100, "candidate")):
        gateway.change(traffic=Traffic(candidate=share), step=track)
        until(lambda: gateway.line(gateway.ask())["step"] == track, "the new weight is in force")  # noqa: B023
        assert {gateway.ask(str(entity)).headers["x-track"] for entity in range(50)} == {track}


def test_a_shadow_gets_the_same_request_and_answers_nobody(gateway: Gateway, stable: Stub, candidate: Stub) -> None:
    gateway.change(traffic=Traffic(shadow=100), step="shadow")
    until(lambda: gateway.line(gateway.ask())["step"] == "shadow", "the shadow is in force")
    stable.received.clear()
    candidate.received.clear()
    candidate.status = 500
    answers = [gateway.ask(str(number), body=b'{"a": 1}') for number in range(20)]
    assert {(answer.status_code, answer.headers["x-release"]) for answer in answers} == {(200, "release-a")}
    until(lambda: len(candidate.received) == 20, "the candidate has each request")
    assert all(shadowed(request) for request in candidate.received)
    assert not any(shadowed(request) for request in stable.received)
    ids = [{request.headers["x-request-id"] for request in stub.received} for stub in (stable, candidate)]
    assert ids[0] == ids[1] == {answer.headers["x-request-id"] for answer in answers}
    assert {request.headers["x-assigned-track"] for request in candidate.received} == {"stable"}
    assert {request.body for request in candidate.received} == {b'{"a": 1}'}


def test_a_part_of_the_requests_is_shadowed_when_a_part_is_declared(gateway: Gateway, candidate: Stub) -> None:
    gateway.change(traffic=Traffic(shadow=50), step="shadow")
    until(lambda: gateway.line(gateway.ask())["step"] == "shadow", "the shadow is in force")
    candidate.received.clear()
    for _ in range(100):
        gateway.ask()
    assert 25 <= len(candidate.received) <= 75


@pytest.mark.parametrize(("track", "release"), [("stable", "release-a"), ("candidate", "release-b")])
def test_a_pin_reaches_its_server_and_belongs_to_no_step(
    gateway: Gateway, stable: Stub, candidate: Stub, track: str, release: str
) -> None:
    answers = [gateway.ask(str(entity), x_model_track=track, x_rollout_step="mine") for entity in range(20)]
    assert {(answer.headers["x-release"], answer.headers["x-track"]) for answer in answers} == {(release, track)}
    received = [*stable.received, *candidate.received]
    assert {request.headers["x-assigned-track"] for request in received} == {track}
    assert {request.headers.get("x-rollout-step") for request in received} == {None}
    assert gateway.line(answers[0])["step"] is None


def test_a_pin_is_never_answered_by_the_other_server(gateway: Gateway, candidate: Stub) -> None:
    candidate.status = 500
    answer = gateway.ask(x_model_track="candidate")
    assert (answer.status_code, answer.headers["x-release"]) == (500, "release-b")


def test_a_pin_that_cannot_be_kept_is_refused(gateway: Gateway) -> None:
    assert gateway.ask(x_model_track="champion").status_code == 400
    gateway.change(candidate=None, traffic=Traffic())
    until(lambda: gateway.ask(x_model_track="candidate").status_code == 503, "the candidate is gone")
    assert "x-model-track" in gateway.ask(x_model_track="candidate").json()["error"]


def test_the_request_id_is_the_gateways_and_the_clients_own_is_kept_beside_it(
    gateway: Gateway, stable: Stub, candidate: Stub
) -> None:
    answers = [gateway.ask(x_request_id="mine") for _ in range(3)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len({*ids, "mine"}) == 4
    received = [*stable.received, *candidate.received]
    assert {request.headers["x-request-id"] for request in received} == set(ids)
    assert {request.headers["x-client-request-id"] for request in received} == {"mine"}
    assert gateway.line(answers[0])["request_id"] == ids[0]


def test_without_a_clients_id_there_is_no_header_of_that_name(gateway: Gateway, stable: Stub, candidate: Stub) -> None:
    gateway.ask()
    (request,) = [*stable.received, *candidate.received]
    assert "x-client-request-id" not in request.headers


def test_what_a_client_claims_about_its_assignment_is_overwritten(
    gateway: Gateway, stable: Stub, candidate: Stub
) -> None:
    for number in range(20):
        gateway.ask(str(number), x_assigned_track="spoofed", x_rollout_step="spoofed", x_track="spoofed")
    for track, stub in (("stable", stable), ("candidate", candidate)):
        assert {request.headers["x-assigned-track"] for request in stub.received} == {track}
        assert {request.headers["x-rollout-step"] for request in stub.received} == {"step-1"}


def test_a_client_cannot_turn_the_gateways_own_knobs(gateway: Gateway, stable: Stub, candidate: Stub) -> None:
    stable.status = 500
    headers = {"x_envoy_retry_on": "reset", "x_envoy_max_retries": "0", "x_envoy_upstream_rq_timeout_ms": "1"}
    answers = [gateway.ask(str(entity), **headers) for entity in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name.startswith("x-envoy") for name in answers[0].headers)


def test_the_log_has_the_facts_of_a_request_in_their_types(gateway: Gateway) -> None:
    answer = gateway.client.post(f"{PATH}?secret=1", headers={"x-model-track": "", "x-entity-id": "e"})
    assert answer.status_code == 400
    answer = gateway.client.post(f"{PATH}?secret=1", headers={"x-entity-id": "e"})
    line = gateway.line(answer)
    assert line.pop("at").endswith("Z")
    for name in ("duration_ms", "upstream_ms"):
        assert 0 <= line.pop(name) < 5000
    assert line == {
        "request_id": answer.headers["x-request-id"],
        "path": PATH,
        "status": 200,
        "flags": "-",
        "details": "via_upstream",
        "step": "step-1",
        "assigned": answer.headers["x-track"],
        "release": answer.headers["x-release"],
        "attempts": 1,
    }


def test_what_the_gateway_refused_belongs_to_no_step_whatever_the_client_claims(gateway: Gateway) -> None:
    claims = {"x-assigned-track": "candidate", "x-rollout-step": "step-1"}
    large = gateway.client.post(PATH, content=b"x" * 5000, headers=claims)
    for status, answer in {401: keyless(gateway, PATH, **claims), 413: large}.items():
        line = gateway.line(answer)
        facts = {name: line[name] for name in ("status", "step", "assigned", "release")}
        assert facts == {"status": status, "step": None, "assigned": None, "release": None}


def test_a_new_key_replaces_the_old_one_without_a_restart(gateway: Gateway) -> None:
    gateway.change(api_key="new")
    until(lambda: gateway.ask().status_code == 401, "the old key is refused")
    assert keyless(gateway, PATH, **{"x-api-key": "new"}).status_code == 200


def test_without_a_key_in_its_settings_the_gateway_lets_nobody_in(gateway: Gateway) -> None:
    gateway.change(api_key="")
    until(lambda: gateway.ask().status_code == 401, "the old key is refused")
    assert keyless(gateway, PATH, **{"x-api-key": ""}).status_code == 401


def test_a_broken_file_changes_nothing(gateway: Gateway) -> None:
    file = Path(gateway.settings.directory) / "rds.json"
    new = file.with_suffix(".new")
    new.write_text(file.read_text().replace('"retry_policy"', '"retry_polcy"'))
    new.replace(file)
    until(lambda: "retry_polcy" in gateway.log.read_text(), "Envoy has complained")
    assert gateway.ask().status_code == 200


def test_the_gateway_warns_of_nothing(gateway: Gateway) -> None:
    gateway.ask()
    assert gateway.log.read_text() == ""
