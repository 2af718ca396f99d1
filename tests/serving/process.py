"""How does a test run the real model server, and end it?"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server process that said it is ready; `seconds` is how long that took."""

    process: subprocess.Popen[str]
    url: str
    spool: Path
    seconds: float

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")


def command(release: Path, digest: str, spool: Path, *options: str) -> list[str]:
    """The server's command line; without another `--port` it takes a free one."""
    port = [] if "--port" in options else ["--port", "0"]
    given = ["--release", str(release), "--digest", digest, "--spool", str(spool), *port, *options]
    return [sys.executable, "-m", "serving", *given]


def refused(release: Path, digest: str, spool: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A server that ends by itself."""
    line = command(release, digest, spool, *options)
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)


@contextlib.contextmanager
def running(release: Path, digest: str, spool: Path, *options: str) -> Generator[Running]:
    """A server that runs until the block ends."""
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command(release, digest, spool, *options), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        said = ready(process)
        url = f"http://{said['host']}:{said['port']}"
        httpx.get(f"{url}/v2/health/ready").raise_for_status()
        yield Running(process=process, url=url, spool=spool, seconds=time.monotonic() - started)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The line in which the server says that it is ready."""
    assert process.stderr
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{") and (said := json.loads(line))["event"] == "ready":
            return said
    raise AssertionError("the server ended:\n" + "".join(lines))
