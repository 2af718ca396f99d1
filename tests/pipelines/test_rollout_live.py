"""Is a candidate that answers 500 on live values sent back while clients see only 200? Real gateway and servers."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from environments.declaration import Traffic
from pipelines.environment import open_environment
from pipelines.steps.rollout import rollout
from serving.shipper import Settings, Shipper
from tests.infra import gateway_envoy
from tests.pipelines.recorded_trial import Trial, trial
from tests.serving import process, releases

pytestmark = pytest.mark.services

REQUESTS = 240


def make(folder: Path, *, robust: bool) -> str:
    """The fragile model; a robust one takes everything from ten on for nine."""
    if not robust:
        return releases.fragile(folder)
    return releases.build(
        folder,
        releases.FRAGILE,
        [
            ("Constant", [], "nine", {"value": releases.tensor([[9.0]])}),
            ("Constant", [], "tenth", {"value": releases.tensor([[0.1]])}),
            ("Min", ["bucket", "nine"], "known", {}),
            ("Mul", ["known", "tenth"], "raw", {}),
            *releases.sigmoid("raw", 0.0),
        ],
    )


def draw(random: np.random.Generator, rows: int) -> dict[str, list[Any]]:
    """What validation saw: nothing from ten on."""
    return {"bucket": random.integers(0, 10, rows).astype(float).tolist()}


@pytest.fixture
def on_trial(tmp_path: Path) -> Trial:
    made = trial(tmp_path / "repository", make, draw, stable={"robust": True}, candidate={"robust": False})
    soon = timedelta(seconds=3)  # as if the mirrored requests had had their time
    made.env = open_environment(made.root, made.env.name, actor="test", now=lambda: datetime.now(UTC) + soon)
    return made


def scored(made: Trial, folder: Path) -> list[int]:
    """The statuses of requests through the gateway of the declared step, every second with a value from ten on."""
    endpoint, spool = made.env.endpoint(), folder / "spool"
    with ExitStack() as stack:
        ports = [
            int(
                stack.enter_context(
                    process.running(folder / f"release-{index}", digest, spool / digest[:12])
                ).url.rpartition(":")[2]
            )
            for index, digest in enumerate((made.stable, made.candidate))
        ]  # fmt: skip
        settings = gateway_envoy.settings_for(
            folder / "envoy", stable=ports[0], candidate=ports[1], traffic=endpoint.traffic, step=endpoint.step()
        )  # fmt: skip
        gateway = stack.enter_context(gateway_envoy.running(settings))
        statuses: list[int] = []
        for number in range(REQUESTS):
            answer = gateway.client.post(
                "/v2/models/fragile/infer", headers={"x-entity-id": f"entity-{number}"},
                json={"inputs": [{"name": "bucket", "datatype": "FP32", "shape": [1, 1], "data": [number % 20]}]},
            )  # fmt: skip
            statuses.append(answer.status_code)
        gateway_envoy.until(
            lambda: sum("/infer" in line["path"] for line in gateway.lines()) == REQUESTS, "all requests are logged"
        )
    ship = Settings(spool=spool, access_log=Path(settings.access_log), tables=made.env.table("x").removesuffix("/x"))
    said: list[str] = []
    Shipper(ship, said.append).cycle()
    assert said == []
    return statuses


@pytest.mark.parametrize("traffic", [Traffic(shadow=100), Traffic(candidate=50)])
def test_it_is_sent_back_and_every_client_got_200(on_trial: Trial, tmp_path: Path, traffic: Traffic) -> None:
    on_trial.declare(traffic={"candidate": traffic.candidate, "shadow": traffic.shadow})
    assert scored(on_trial, tmp_path) == [200] * REQUESTS
    verdict = rollout(on_trial.env, write=True)
    assert verdict.verdict == "back", verdict.summary
    assert verdict.details["judged"] >= REQUESTS * 0.3
    assert (on_trial.env.endpoint().stable, on_trial.env.endpoint().candidate) == (on_trial.stable, None)
