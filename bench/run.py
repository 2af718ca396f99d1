"""How is one run made? Servers up together, answers compared, rounds in turn, the prediction log counted."""

import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.load import load, request
from bench.result import GATEWAY, MLFLOW_ONNX, MLFLOW_SKLEARN, PRODUCT, Round
from bench.servers import API_KEY, BIN, HOST, cpu_seconds, envoy, free_ports, mlflow, product, running
from bench.subject import ONNX, SKLEARN, Subject
from pipelines.tracking import QUIET
from serving.spool import SUFFIX

CONNECTIONS = 8
WARM_UP_SECONDS = 1.0
TOLERANCE = 1e-5
PATH = "/invocations"
JSON = {"content-type": "application/json"}


class Disagreement(Exception):
    """Two servers of one model answered differently: there is nothing to compare."""


class NotLogged(Exception):
    """Fewer predictions were logged than answered: it was not the product that was measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A server to be measured; `processes` do its work, with their children."""

    name: str
    port: int
    processes: tuple[int, ...]
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def requests(self, bodies: Sequence[bytes]) -> list[bytes]:
        """The bytes to send."""
        return [request(PATH, body, JSON | self.headers, host=HOST) for body in bodies]


@contextmanager
def servers(subject: Subject, folder: Path) -> Generator[list[Target]]:
    """All servers, ready, below the empty `folder`."""
    here, door, admin, sklearn, onnx = free_ports(5)
    plain = {**QUIET, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    # MLflow's word for a skops archive as well. It is our own of a moment ago, and nothing in it is a pickle.
    estimator = plain | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}
    (folder / "gateway").mkdir()
    commands = [
        (product(subject.release, subject.digest, here, folder / "spool"), here, "/v2/health/ready", plain),
        (envoy(folder / "gateway", door, admin, here), door, "/gateway/ready", plain),
        (mlflow(subject.flavours[SKLEARN], sklearn), sklearn, "/ping", estimator),
        (mlflow(subject.flavours[ONNX], onnx), onnx, "/ping", plain),
    ]
    with ExitStack() as stack:
        ours, gateway, theirs, their_onnx = [
            stack.enter_context(
                running(command, f"http://{HOST}:{port}{ready}", folder / f"{port}.log", environment)
            ).pid
            for command, port, ready, environment in commands
        ]
        yield [
            Target(name=PRODUCT, port=here, processes=(ours,)),
            Target(name=GATEWAY, port=door, processes=(ours, gateway), headers={"x-api-key": API_KEY}),
            Target(name=MLFLOW_SKLEARN, port=sklearn, processes=(theirs,)),
            Target(name=MLFLOW_ONNX, port=onnx, processes=(their_onnx,)),
        ]


def agree(targets: Sequence[Target], bodies: Sequence[bytes]) -> None:
    """Compare what all servers answer to the same rows. Raises Disagreement."""
    for body in bodies:
        scores = {target.name: ask(target, body) for target in targets}
        first = scores[targets[0].name]
        for name, other in scores.items():
            if len(first) != len(other) or max(abs(a - b) for a, b in zip(first, other)) > TOLERANCE:
                raise Disagreement(f"{name} answers {other}, {targets[0].name} {first} to {body.decode()}")


def ask(target: Target, body: bytes) -> list[float]:
    """The scores of one row."""
    answer = httpx.post(
        f"http://{HOST}:{target.port}{PATH}", content=body, headers=JSON | target.headers, timeout=60
    ).raise_for_status()
    predictions: Any = json.loads(answer.content)["predictions"]
    rows = predictions["score"] if isinstance(predictions, dict) else predictions
    return rows[0] if isinstance(rows[0], list) else [rows[0]]


def measure(
    targets: Sequence[Target], bodies: Sequence[bytes], *, rounds: int, seconds: float, report: Callable[[str], None]
) -> dict[str, list[Round]]:
    """Every server in turn, round by round, each warmed up first."""
    prepared = {target: target.requests(bodies) for target in targets}
    rounds_of: dict[str, list[Round]] = {target.name: [] for target in targets}
    for number in range(rounds):
        for target, requests in prepared.items():
            warm_up = load(HOST, target.port, requests, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)
            before = cpu_seconds(target.processes)
            seen = load(HOST, target.port, requests, connections=CONNECTIONS, seconds=seconds)
            used = cpu_seconds(target.processes) - before
            rounds_of[target.name].append(Round(warm_up=len(warm_up.latencies), load=seen, cpu_seconds=used))
            report(
                f"round {number + 1} of {rounds}: {target.name:31} {seen.throughput:8.0f}/s, "
                f"median {seen.quantile(0.5) * 1000:6.2f} ms, 99th percentile {seen.quantile(0.99) * 1000:6.2f} ms"
            )
    return rounds_of


def logged(spool: Path, rounds: Mapping[str, Sequence[Round]]) -> int:
    """How many predictions the segments hold. Raises NotLogged when our server answered more."""
    kept = sum(segment.read_bytes().count(b"\n") for segment in spool.glob(f"*{SUFFIX}"))
    answered = sum(each.answers for name in (PRODUCT, GATEWAY) for each in rounds[name])
    if kept < answered:
        raise NotLogged(
            f"{answered} requests were answered and {kept} predictions are in {spool}: some were not logged"
        )
    return kept
