"""What does each program declare for each environment, with which options?"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pulumi
import pytest

from environments.declaration import Endpoint, Platform, load, names
from environments.location import Deployed
from tests.infra.recorder import Recorded, record

pytestmark = pytest.mark.program
ROOT = Path(__file__).resolve().parents[2]
LOCAL = [name for name in names(ROOT) if name.startswith("local-")]
A, B = "a" * 64, "b" * 64
STORE = "file:///the%20store"


@pytest.fixture(autouse=True)
def own_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def platform(environment: str, **changes: Any) -> Recorded:
    declared = msgspec.to_builtins(load(ROOT, Platform, environment)) | changes
    return record(ROOT / "infra" / "platform", project="platform", stack=environment, declaration=declared, platform={})


def endpoint(environment: str = "local-dev", below: dict[str, str] | None = None, **changes: Any) -> Recorded:
    declared = msgspec.to_builtins(load(ROOT, Endpoint, environment)) | changes
    outputs = {"store": STORE} if below is None else below
    return record(
        ROOT / "infra" / "endpoint", project="endpoint", stack=environment, declaration=declared, platform=outputs
    )


def trial(candidate: int = 10) -> Recorded:
    return endpoint(stable=A, candidate=B, traffic={"candidate": candidate, "shadow": 0})


def processes(recorded: Recorded) -> list[str]:
    return sorted(one.name for one in recorded.resources if one.type == "local:index:Process")


def servers(recorded: Recorded) -> dict[str, dict[str, Any]]:
    return {name: recorded.named(name).inputs for name in processes(recorded) if name.startswith("server-")}


def file(recorded: Recorded, name: str) -> str:
    return recorded.named(name, "File").inputs["content"]


def argument(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def running(recorded: Recorded) -> Deployed:
    return msgspec.json.decode(file(recorded, "deployed"), type=Deployed)


@pytest.mark.parametrize("environment", LOCAL)
def test_a_platform_says_where_things_lie(environment: str) -> None:
    recorded = platform(environment)
    assert recorded.outputs["store"].endswith(f"/.local/{environment}/store")
    assert json.loads(file(recorded, "connection"))["tracking"] == recorded.outputs["tracking"]


@pytest.mark.parametrize("environment", LOCAL)
def test_an_endpoint_without_a_release_has_a_gateway_and_no_server(environment: str) -> None:
    recorded = endpoint(environment)
    assert processes(recorded) == ["gateway", "shipper"]
    assert running(recorded).stable is None


@pytest.mark.parametrize("environment", LOCAL)
@pytest.mark.parametrize("program", [platform, endpoint])
def test_a_local_environment_needs_no_cloud_plugin(environment: str, program: Any) -> None:
    types = {one.type.split(":")[0] for one in program(environment).resources}
    assert types <= {"local", "mlops"}


@pytest.mark.parametrize("environment", LOCAL)
@pytest.mark.parametrize("program", [platform, endpoint])
def test_what_is_no_part_of_the_gateway_stands_at_the_top(environment: str, program: Any) -> None:
    for one in program(environment).resources:
        inside = one.type.startswith("local:") and one.name.startswith("gateway")
        assert one.parent == ("gateway" if inside else f"{program.__name__}-{environment}")


def test_two_environments_share_no_port_and_no_path() -> None:
    first, second = (running(endpoint(name)) for name in ("local-dev", "local-prod"))
    assert not {first.gateway, first.gateway_admin, first.api_key_file} & {
        second.gateway, second.gateway_admin, second.api_key_file,
    }  # fmt: skip


def test_each_declared_release_has_a_server_that_is_told_its_digest() -> None:
    commands = [inputs["command"] for inputs in servers(trial()).values()]
    assert {argument(command, "--digest") for command in commands} == {A, B}
    folders = {argument(command, "--release") for command in commands}
    assert folders == {f"/the store/releases/{digest}" for digest in (A, B)}


def test_servers_share_neither_port_nor_spool() -> None:
    commands = [inputs["command"] for inputs in servers(trial()).values()]
    for name in ("--port", "--spool"):
        assert len({argument(command, name) for command in commands}) == 2


def test_a_promotion_keeps_the_candidate_s_server_as_it_is() -> None:
    before, after = servers(trial(100)), servers(endpoint(stable=B))
    assert len(after) == 1
    assert after.items() <= before.items()


def test_other_limits_are_another_server_beside_the_old_one() -> None:
    before, after = servers(endpoint(stable=A)), servers(endpoint(stable=A, server={"max_rows": 7}))
    assert not before.keys() & after.keys()
    assert {one["ready"] for one in before.values()} != {one["ready"] for one in after.values()}


def test_a_change_of_weight_changes_the_routes_and_what_is_deployed_only() -> None:
    before, after = trial(10), trial(50)
    changed = {one.name for one in after.resources if one not in before.resources}
    assert len(before.resources) == len(after.resources)
    assert changed == {"deployed", "gateway-rds"}


def test_servers_are_ready_before_anything_leads_to_them() -> None:
    recorded = trial()
    for name in ("gateway-cds", "gateway-rds"):
        assert set(servers(recorded)) <= recorded.before(recorded.named(name)), name


def test_routes_are_written_after_the_clusters_that_they_name() -> None:
    recorded = trial()
    assert "gateway-cds" in recorded.before(recorded.named("gateway-rds"))


def test_the_gateway_starts_when_its_files_stand() -> None:
    recorded = trial()
    files = {f"gateway-{name}" for name in ("bootstrap", "lds", "cds", "rds")}
    assert files <= recorded.before(recorded.named("gateway", "Process"))


def test_the_shipper_outlives_the_servers() -> None:
    recorded = trial()
    for name in servers(recorded):
        assert "shipper" in recorded.named(name).depends_on


def test_what_is_deployed_is_written_last() -> None:
    recorded = trial()
    assert set(servers(recorded)) | {"gateway-rds"} <= recorded.before(recorded.named("deployed"))


def test_the_key_is_generated_and_secret_wherever_it_stands() -> None:
    recorded = trial()
    key = recorded.named("api-key")
    assert key.inputs["random"] >= 32
    assert key.secret_outputs == ("content",)
    holders = [one for one in recorded.resources if "generated content" in json.dumps(one.inputs)]
    assert [one.name for one in holders] == ["gateway-lds"]
    assert holders[0].secret == {"content"}
    assert "generated content" not in json.dumps(recorded.outputs)


def test_the_routes_stay_readable_in_a_preview() -> None:
    recorded = trial()
    assert [one.name for one in recorded.resources if one.secret] == ["gateway-lds"]


def test_what_the_stack_says_is_what_the_file_says() -> None:
    recorded = trial()
    said = {name: value for name, value in recorded.outputs.items() if name != "traffic"}
    assert msgspec.convert(said, Deployed) == running(recorded)
    assert recorded.outputs["traffic"] == {"candidate": 10, "shadow": 0}


def test_processes_import_the_clone_s_own_code() -> None:
    recorded = trial()
    for name in ("shipper", *servers(recorded)):
        inputs = recorded.named(name).inputs
        assert inputs["environment"]["PYTHONPATH"] == inputs["directory"] == str(ROOT)


@pytest.mark.parametrize(("program", "key"), [(platform, "platfrom"), (endpoint, "stabel")])
def test_an_unknown_key_is_refused_in_one_sentence(program: Any, key: str) -> None:
    with pytest.raises(pulumi.RunError, match=rf"Pulumi.local-dev.yaml: unknown key '{key}'. The nearest valid key is"):
        program("local-dev", **{key: None})


def test_a_platform_without_a_program_is_refused_with_the_way_out() -> None:
    with pytest.raises(pulumi.RunError, match=r"platform 'azure', for which .* Declare 'local', or"):
        platform("local-dev", platform="azure")


def test_an_endpoint_whose_platform_is_not_up_says_how_to_bring_it_up() -> None:
    with pytest.raises(pulumi.RunError, match=r"the platform of 'local-dev' .* Run `pulumi up -s"):
        endpoint(below={})
