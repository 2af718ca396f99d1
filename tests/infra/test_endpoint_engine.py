"""Does `pulumi up` make this machine what an endpoint's file declares, and see and repair what is not?"""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import psutil
import pytest

from infra.local.listening import is_bound
from infra.local.ports import block
from pipelines.errors import ToolFailed
from tests.clones import Clone
from tests.infra.endpoint import ROW, LocalEndpoint, under_load

pytestmark = [pytest.mark.engine, pytest.mark.services]
NO_TRAFFIC = {"candidate": 0, "shadow": 0}


@pytest.fixture(scope="module")
def endpoint(shared_clone: Clone) -> LocalEndpoint:
    """One environment for this module; each test declares what it needs and brings it up."""
    shared_clone.pulumi("platform", "local-dev", "up", "--yes", "--skip-preview")
    return LocalEndpoint(clone=shared_clone, environment="local-dev")


@pytest.fixture(scope="module")
def old(endpoint: LocalEndpoint) -> str:
    return endpoint.store(0.0)


@pytest.fixture(scope="module")
def new(endpoint: LocalEndpoint) -> str:
    return endpoint.store(1.0)


@pytest.fixture
def stable(endpoint: LocalEndpoint, old: str) -> LocalEndpoint:
    """The endpoint with `old` as its stable release and no candidate; it is brought up only when it is not so."""
    declared = endpoint.declare(stable=old, candidate=None, traffic=NO_TRAFFIC)
    if endpoint.running() != declared.step() or set(endpoint.supervisor.states().values()) != {"RUNNING"}:
        endpoint.up("--refresh")
    return endpoint


def servers(endpoint: LocalEndpoint) -> list[str]:
    return [name for name in endpoint.supervisor.states() if name.startswith("server-")]


def drifted(endpoint: LocalEndpoint) -> bool:
    """Whether a refresh finds something that is not as declared."""
    code, said = endpoint.preview("--refresh", "--expect-no-changes", check=False)
    assert code == 0 or "changes were proposed" in said, said
    return code != 0


def test_before_any_release_the_gateway_says_what_is_missing(endpoint: LocalEndpoint) -> None:
    endpoint.declare(stable=None, candidate=None, traffic=NO_TRAFFIC)
    endpoint.up("--refresh")
    answer = endpoint.ask()
    assert answer.status_code == 503
    assert "mlops promote" in answer.json()["error"]
    assert not drifted(endpoint)


def test_a_deployed_release_answers_and_is_no_drift(stable: LocalEndpoint, old: str) -> None:
    answer = stable.ask()
    assert (answer.status_code, answer.headers["x-release"]) == (200, old)
    assert not drifted(stable)


def test_init_and_up_change_nothing_in_git(stable: LocalEndpoint) -> None:
    changed = stable.clone.run("git", "diff", "--name-only").stdout.split()
    assert set(changed) <= {"environments/endpoint/Pulumi.local-dev.yaml"}
    assert len(stable.clone.run("git", "diff", "--unified=0").stdout.splitlines()) < 10


def test_from_trial_to_promotion_and_back_no_request_is_lost(stable: LocalEndpoint, old: str, new: str) -> None:
    with under_load(stable) as load:
        for change in (
            {"candidate": new, "traffic": {"candidate": 10}},
            {"traffic": {"candidate": 100}},
            {"stable": new, "candidate": None, "traffic": {"candidate": 0}},
            {"stable": old},
        ):
            stable.declare(**change)
            stable.up()
    assert set(load.statuses) == {"200"}, load.statuses
    assert load.releases[old] > 0
    assert load.releases[new] > 0
    assert stable.ask().headers["x-release"] == old
    assert len(servers(stable)) == 1


def test_a_preview_shows_the_weight_that_moves_and_nothing_else(stable: LocalEndpoint, new: str) -> None:
    stable.declare(candidate=new, traffic={"candidate": 10})
    stable.up()
    stable.declare(traffic={"candidate": 30})
    _, said = stable.preview("--diff")
    assert re.search(r"~ weight +: 10 => 30", said)
    assert "2 to update" in said
    assert "to create" not in said
    assert "to delete" not in said


def test_a_stopped_server_and_an_edited_route_are_drift_and_up_repairs_them(stable: LocalEndpoint) -> None:
    (name,) = servers(stable)
    gateway = stable.supervisor.pid("gateway")
    stable.supervisor.stop(name)
    routes = stable.home / "gateway" / "rds.json"
    declared = routes.read_text()
    routes.write_text(declared.replace("5s", "6s"))
    assert drifted(stable)
    stable.up("--refresh")
    assert routes.read_text() == declared
    assert stable.ask().status_code == 200
    assert stable.supervisor.pid("gateway") == gateway


def test_a_killed_supervisor_is_drift_and_up_brings_everything_back(stable: LocalEndpoint) -> None:
    daemon = psutil.Process(stable.supervisor.daemon.rpc.getPID())
    daemon.kill()
    psutil.wait_procs([daemon], timeout=20)
    assert drifted(stable)
    stable.up("--refresh")
    assert set(stable.supervisor.states()) == {"gateway", "shipper", *servers(stable)}
    assert stable.ask().status_code == 200
    assert not drifted(stable)


def test_the_key_is_needed_private_and_nowhere_in_plain_text(stable: LocalEndpoint) -> None:
    assert httpx.post(f"{stable.deployed().gateway}/invocations", json=ROW).status_code == 401
    assert (stable.home / "secrets" / "api-key").stat().st_mode & 0o077 == 0
    outputs = stable.clone.by_hand("endpoint", "stack", "output", "--json", "--stack", stable.environment).stdout
    exported = stable.clone.by_hand("endpoint", "stack", "export", "--stack", stable.environment).stdout
    state = stable.clone.root / ".local" / "state"
    written = "".join(file.read_text() for file in state.rglob("*.json"))
    for text in (outputs, exported, written, stable.up("--diff")):
        assert stable.key not in text


def test_a_removed_key_is_generated_anew_and_the_old_one_is_refused(stable: LocalEndpoint) -> None:
    before = stable.key
    (stable.home / "secrets" / "api-key").unlink()
    stable.up("--refresh")
    assert stable.key != before
    assert stable.ask().status_code == 200
    assert stable.ask(x_api_key=before).status_code == 401


def test_a_release_whose_bytes_changed_is_one_error_and_leaves_the_stable_one_answering(
    stable: LocalEndpoint, new: str
) -> None:
    graph = stable.home / "store" / "releases" / new / "model.onnx"
    content = graph.read_bytes()
    graph.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        stable.declare(candidate=new, traffic={"candidate": 10})
        with pytest.raises(ToolFailed) as failed:
            stable.up()
    finally:
        graph.write_bytes(content)
    said = str(failed.value)
    assert "model.onnx has SHA-256" in said
    assert said.count("ended before it was ready") == 1
    assert "Traceback" not in said
    assert len(servers(stable)) == 1
    assert stable.ask().status_code == 200


def test_an_unknown_key_is_one_sentence_and_changes_nothing(stable: LocalEndpoint) -> None:
    file = stable.clone.root / "environments" / "endpoint" / f"Pulumi.{stable.environment}.yaml"
    declared = file.read_text()
    file.write_text(declared.replace("traffic:", "trafic:"))
    try:
        code, said = stable.preview(check=False)
    finally:
        file.write_text(declared)
    assert code != 0
    assert "unknown key 'trafic'. The nearest valid key is 'traffic'." in said
    assert "Traceback" not in said


@pytest.fixture
def stranger(endpoint: LocalEndpoint) -> Generator[int]:
    """Somebody listens on the gateway's port of another environment of the clone; the process's id."""
    port = block(endpoint.clone.root, "local-staging").gateway
    answering = str(Path(__file__).with_name("answering.py"))
    process = subprocess.Popen([sys.executable, answering, str(port)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        while not is_bound(port):
            assert process.poll() is None
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_a_held_port_is_named_with_who_holds_it(endpoint: LocalEndpoint, stranger: int) -> None:
    endpoint.clone.pulumi("platform", "local-staging", "up", "--yes", "--skip-preview")
    other = LocalEndpoint(clone=endpoint.clone, environment="local-staging")
    with pytest.raises(ToolFailed, match=rf"gateway needs port \d+ .*process {stranger} of"):
        other.up()
    assert "gateway" not in other.supervisor.states()


def test_two_environments_come_up_at_once_and_one_goes_without_the_other(endpoint: LocalEndpoint) -> None:
    clone = endpoint.clone
    pair = [LocalEndpoint(clone=clone, environment=name) for name in ("local-staging", "local-prod")]
    for one in pair:
        clone.pulumi("platform", one.environment, "up", "--yes", "--skip-preview")
        one.declare(stable=one.store(float(pair.index(one))))
    begun = [
        subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", one.environment],
            cwd=clone.root / "infra" / "endpoint", env=clone.environment, stdout=subprocess.PIPE, text=True,
        )
        for one in pair
        if clone.by_hand("endpoint", "stack", "select", "--create", one.environment)
    ]  # fmt: skip
    assert [process.communicate()[0][-500:] for process in begun if process.wait()] == []
    staging, prod = pair
    assert staging.ask().headers["x-release"] != prod.ask().headers["x-release"]
    assert staging.ask(x_api_key=prod.key).status_code == 401

    clone.pulumi("endpoint", "local-staging", "destroy", "--yes", "--skip-preview")
    daemon = staging.supervisor.daemon
    assert not [process for process in psutil.process_iter() if daemon.owns(process)]
    assert not daemon.socket.exists()
    left = {file.name for file in staging.home.iterdir()}
    assert left <= {"store", "connection.json", "log", "spool"}, left
    assert prod.ask().status_code == 200
    assert json.loads((prod.home / "endpoint.json").read_text())["environment"] == "local-prod"
