"""How do real rows reach an endpoint? One request per row through the gateway, as a client would send them."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable

from pipelines.contract import Contract
from pipelines.environment import Environment
from pipelines.errors import NotReady

CONNECTIONS = 8
SHIPPED_WITHIN = 60.0


@dataclass(kw_only=True)
class Answers:
    """What came back: how often each status, assigned track and answering release; the ids of all requests."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    tracks: Counter[str] = field(default_factory=Counter[str])
    releases: Counter[str] = field(default_factory=Counter[str])
    ids: set[str] = field(default_factory=set[str])

    def failed(self) -> int:
        """Requests that a client saw fail."""
        return sum(count for status, count in self.statuses.items() if status != 200)


def send(env: Environment, contract: Contract, frame: pd.DataFrame) -> Answers:
    """Score every row of `frame` through the gateway of `env`, one request each."""
    return asyncio.run(send_all(env, contract, frame))


async def send_all(env: Environment, contract: Contract, frame: pd.DataFrame) -> Answers:
    """`send`, over a few connections at once."""
    deployed = env.deployed()
    key = await asyncio.to_thread(Path(deployed.api_key_file).read_text)
    answers = Answers()
    rows = iter(frame.to_dict("records"))
    url = f"/v2/models/{contract.name}/infer"

    async def worker(client: httpx.AsyncClient) -> None:
        for row in rows:
            headers = {
                "x-entity-id": str(row[contract.entity]),
                "x-event-time": pd.Timestamp(row[contract.event_time]).isoformat(),
            }
            answer = await client.post(url, json={"inputs": tensors(contract, row)}, headers=headers)
            answers.statuses[answer.status_code] += 1
            answers.tracks[answer.headers.get("x-track", "")] += 1
            answers.releases[answer.headers.get("x-release", "")] += 1
            answers.ids.add(answer.headers["x-request-id"])

    async with httpx.AsyncClient(
        base_url=deployed.gateway, headers={"x-api-key": key.strip()}, timeout=30, trust_env=False
    ) as client:
        await asyncio.gather(*(worker(client) for _ in range(CONNECTIONS)))
    return answers


def tensors(contract: Contract, row: dict[str, Any]) -> list[dict[str, Any]]:
    """One row as the tensors of an Open Inference Protocol request."""
    return [
        {
            "name": feature.name,
            "shape": [1, 1],
            "datatype": "FP64" if feature.type == "number" else "BYTES",
            "data": [None if pd.isna(row[feature.name]) else row[feature.name]],
        }
        for feature in contract.inputs()
    ]


def wait_until_logged(env: Environment, answers: Answers) -> None:
    """Wait until the tables of `env` have every request of `answers` and its prediction. Raises NotReady."""
    deadline = time.monotonic() + SHIPPED_WITHIN
    missing = set[str]()
    while time.monotonic() < deadline:
        missing = (answers.ids - logged(env, "requests")) | (answers.ids - logged(env, "predictions"))
        if not missing:
            return
        time.sleep(0.2)
    raise NotReady(
        f"{len(missing)} of {len(answers.ids)} requests are not in the log of {env.name} after {SHIPPED_WITHIN:g} s. "
        f"See .local/{env.name}/run/log for what the shipper says."
    )


def logged(env: Environment, table: str) -> set[str]:
    """The request ids that a table of the log has."""
    if not DeltaTable.is_deltatable(env.table(table)):
        return set()
    found: Any = DeltaTable(env.table(table)).scan(columns=["request_id"])
    return set(pa.table(found).column("request_id").to_pylist())
