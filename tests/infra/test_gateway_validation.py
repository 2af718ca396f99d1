"""Does Envoy itself accept the gateway's configuration, and would it refuse a broken one?"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from environments.declaration import Gateway as Limits
from environments.declaration import Traffic
from infra.gateway import Address, GatewaySettings, static
from tests.infra.gateway_envoy import ENVOY, settings_for

pytestmark = pytest.mark.services


def validate(configuration: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "static.json"
    file.write_text(configuration)
    command = [ENVOY, "--mode", "validate", "-c", str(file), "--log-level", "warning"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def named(settings: GatewaySettings) -> GatewaySettings:
    """The same on Kubernetes: names instead of addresses, open to the cluster."""
    return replace(
        settings,
        listen=Address(host="0.0.0.0", port=8080),
        stable=settings.stable and Address(host="stable.credit.svc.cluster.local", port=8080),
        candidate=settings.candidate and Address(host="candidate.credit.svc.cluster.local", port=8080),
    )


@pytest.mark.parametrize("kubernetes", [False, True], ids=["local", "kubernetes"])
@pytest.mark.parametrize(
    ("stable", "candidate", "traffic"),
    [
        (None, None, Traffic()),
        (7001, None, Traffic()),
        (7001, 7002, Traffic()),
        (7001, 7002, Traffic(shadow=100)),
        (7001, 7002, Traffic(candidate=10, shadow=1)),
        (7001, 7002, Traffic(candidate=100)),
    ],
    ids=["empty", "alone", "idle-candidate", "shadow", "canary", "full"],
)
def test_envoy_accepts_each_state_of_a_rollout_without_a_warning(
    tmp_path: Path, stable: int | None, candidate: int | None, traffic: Traffic, kubernetes: bool
) -> None:
    settings = settings_for(tmp_path, stable=stable, candidate=candidate, traffic=traffic)
    done = validate(static(named(settings) if kubernetes else settings), tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize(
    "limits",
    [Limits(max_request_bytes=1024, timeout_seconds=0.001), Limits(max_request_bytes=64 << 20, timeout_seconds=300)],
    ids=["smallest", "largest"],
)
def test_envoy_accepts_the_ends_of_what_may_be_declared(tmp_path: Path, limits: Limits) -> None:
    settings = settings_for(tmp_path, stable=7001, candidate=7002, limits=limits)
    alone = settings_for(tmp_path, stable=7001, limits=limits)
    for each in (settings, alone):
        done = validate(static(each), tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def scoring_route(configuration: dict[str, Any]) -> dict[str, Any]:
    (listener,) = configuration["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager["route_config"]["virtual_hosts"][0]["routes"][-1]["route"]


def no_weight(configuration: dict[str, Any]) -> None:
    for cluster in scoring_route(configuration)["weighted_clusters"]["clusters"]:
        cluster["weight"] = 0


def missing_cluster(configuration: dict[str, Any]) -> None:
    scoring_route(configuration)["weighted_clusters"]["clusters"][0]["name"] = "nowhere"


def misspelt_field(configuration: dict[str, Any]) -> None:
    scoring_route(configuration)["retry_polcy"] = {}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (no_weight, "Sum of weights"),
        (missing_cluster, "unknown weighted cluster 'nowhere'"),
        (misspelt_field, "retry_polcy"),
    ],
)
def test_envoy_refuses_a_spoilt_configuration(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    configuration = json.loads(static(settings_for(tmp_path, stable=7001, candidate=7002)))
    spoil(configuration)
    done = validate(json.dumps(configuration), tmp_path)
    assert done.returncode != 0
    assert complaint in done.stderr
