"""What was measured, and what follows from it?"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from bench.load import Load

PRODUCT = "this server"
GATEWAY = "this server behind the gateway"
MLFLOW_SKLEARN = "MLflow, scikit-learn flavour"
MLFLOW_ONNX = "MLflow, ONNX flavour"
THROUGHPUT_TARGET = 50.0
QUIET = 0.05  # others' share of the machine up to which its figures are its own


@dataclass(frozen=True, kw_only=True)
class Round:
    """One server in one round: answers while it warmed up, then what came back, and the processor time for that."""

    warm_up: int
    load: Load
    cpu_seconds: float

    @property
    def answers(self) -> int:
        """All successful answers, those of the warm-up included."""
        return self.warm_up + sum(count for status, count in self.load.statuses.items() if 200 <= status < 300)

    @property
    def cpu_per_answer(self) -> float:
        """Processor seconds for one answer."""
        return self.cpu_seconds / max(1, sum(self.load.statuses.values()))


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured. `others` is the share of its processor time that other programs used meanwhile."""

    processor: str
    cores: int
    system: str
    others: float
    versions: dict[str, str]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One server: medians over the rounds, answers and failures of all rounds. `cpu_ms` is for one answer."""

    throughput: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    answers: int
    failed: int


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Our server beside another one in the same round; medians over the rounds.

    `throughput` is how many times as many answers it gives, `p99_to_median` its 99th percentile as a share of the
    other one's median latency, `cpu` how many times as much processor time the other one takes for an answer: the
    figure that depends least on what else the machine does.
    """

    throughput: float
    p99_to_median: float
    cpu: float


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


def measured(rounds: Sequence[Round]) -> Measured:
    """One server's rounds as one."""
    loads = [each.load for each in rounds]
    return Measured(
        throughput=round(statistics.median(load.throughput for load in loads), 1),
        p50_ms=round(statistics.median(load.quantile(0.5) for load in loads) * 1000, 3),
        p99_ms=round(statistics.median(load.quantile(0.99) for load in loads) * 1000, 3),
        cpu_ms=round(statistics.median(each.cpu_per_answer for each in rounds) * 1000, 4),
        answers=sum(sum(load.statuses.values()) for load in loads),
        failed=sum(load.failed for load in loads),
    )


def ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> Ratio:
    """Rounds of both, compared pairwise: what else the machine did in a round met both."""

    def median(of: Callable[[Round, Round], float]) -> float:
        return round(statistics.median(of(one, other) for one, other in zip(ours, theirs, strict=True)), 3)

    return Ratio(
        throughput=median(lambda one, other: one.load.throughput / other.load.throughput),
        p99_to_median=median(lambda one, other: one.load.quantile(0.99) / other.load.quantile(0.5)),
        cpu=median(lambda one, other: other.cpu_per_answer / one.cpu_per_answer),
    )


def summary(rounds: dict[str, list[Round]]) -> tuple[dict[str, Measured], dict[str, Ratio]]:
    """Each server measured, and ours beside each of the others."""
    others = {name: of for name, of in rounds.items() if name not in {PRODUCT, GATEWAY}}
    return (
        {name: measured(of) for name, of in rounds.items()},
        {name: ratio(rounds[PRODUCT], of) for name, of in others.items()},
    )
