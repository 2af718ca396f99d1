"""What was measured, and what follows from it?"""

import statistics
from collections.abc import Sequence

import msgspec

from bench.load import Load

PRODUCT = "this server"
GATEWAY = "this server behind the gateway"
MLFLOW_SKLEARN = "MLflow, scikit-learn flavour"
MLFLOW_ONNX = "MLflow, ONNX flavour"
THROUGHPUT_TARGET = 50.0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured. `busy` is the load average of a minute when it began, this program not included."""

    processor: str
    cores: int
    system: str
    busy: float
    versions: dict[str, str]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One server: medians over the rounds, answers and failures of all rounds."""

    throughput: float
    p50_ms: float
    p99_ms: float
    answers: int
    failed: int


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Our server beside another one in the same round; medians over the rounds.

    `throughput` is how many times as many answers it gives, `p99_to_median` its 99th percentile as a share of the
    other one's median latency.
    """

    throughput: float
    p99_to_median: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `logged` is how many predictions this server's log held at the end."""

    at: str
    machine: Machine
    model: str
    release: str
    connections: int
    rounds: int
    seconds: float
    servers: dict[str, Measured]
    ratios: dict[str, Ratio]
    logged: int


def measured(loads: Sequence[Load]) -> Measured:
    """One server's rounds as one."""
    return Measured(
        throughput=round(statistics.median(load.throughput for load in loads), 1),
        p50_ms=round(statistics.median(load.quantile(0.5) for load in loads) * 1000, 3),
        p99_ms=round(statistics.median(load.quantile(0.99) for load in loads) * 1000, 3),
        answers=sum(sum(load.statuses.values()) for load in loads),
        failed=sum(load.failed for load in loads),
    )


def ratio(ours: Sequence[Load], theirs: Sequence[Load]) -> Ratio:
    """Rounds of both, compared pairwise: what else the machine did in a round met both."""
    pairs = list(zip(ours, theirs, strict=True))
    return Ratio(
        throughput=round(statistics.median(one.throughput / other.throughput for one, other in pairs), 1),
        p99_to_median=round(statistics.median(one.quantile(0.99) / other.quantile(0.5) for one, other in pairs), 3),
    )


def summary(loads: dict[str, list[Load]]) -> tuple[dict[str, Measured], dict[str, Ratio]]:
    """Each server measured, and this one beside each of the others."""
    others = {name: of for name, of in loads.items() if name not in {PRODUCT, GATEWAY}}
    return (
        {name: measured(of) for name, of in loads.items()},
        {name: ratio(loads[PRODUCT], of) for name, of in others.items()},
    )
