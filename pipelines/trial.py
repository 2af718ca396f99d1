"""Does the real model server load a release and answer rows with it? Started on a free port, asked, stopped."""

import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import MlopsError
from serving.release import Schema

READY_SECONDS = 30.0  # the server is ready within 2 s; a loaded machine may take longer
LIMITS = ("--max-rows", "1000", "--max-bytes", str(1 << 20))


class TrialFailed(MlopsError):
    """The server did not start or did not answer; the message is what it said."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server on trial."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def last_words(self) -> str:
        """What it printed last."""
        lines = self.log.read_text(errors="replace").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())[-600:] or "it printed nothing"


def ask(root: Path, release: Path, digest: str, schema: Schema, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Scores [rows, k] that the server of the code at `root` answers for `columns`. Raises TrialFailed."""
    import httpx

    rows = len(next(iter(columns.values())))
    with started(root, release, digest) as server:
        try:
            url = f"{server.url}/v2/models/{schema.name}/infer"
            answer = httpx.post(url, json=question(schema, columns, rows), timeout=READY_SECONDS)
        except httpx.HTTPError as error:
            raise TrialFailed(f"{error}; the server said: {server.last_words()}") from None
    if answer.status_code != 200:
        raise TrialFailed(f"it answered {answer.status_code}: {answer.text[:300]}")
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    return np.array(outputs["score"]["data"], dtype=np.float32).reshape(rows, -1)


def question(schema: Schema, columns: Mapping[str, np.ndarray], rows: int) -> dict[str, Any]:
    """An inference request of the Open Inference Protocol; what is missing is null."""
    return {
        "inputs": [
            {
                "name": column.name,
                "datatype": "FP32" if column.type == "number" else "BYTES",
                "shape": [rows, 1],
                "data": [None if missing(value) else value for value in columns[column.name].tolist()],
            }
            for column in schema.columns
        ]
    }


def missing(value: object) -> bool:
    """Is this how a column of the graph says that there is no value?"""
    return value == "" or (isinstance(value, float) and math.isnan(value))


@contextmanager
def started(root: Path, release: Path, digest: str) -> Generator[Running]:
    """A server that is ready, with a spool of its own that nobody ships; gone afterwards. Raises TrialFailed."""
    with tempfile.TemporaryDirectory(prefix="mlops-trial-") as folder:
        port, log = free_port(), Path(folder) / "log"
        command = [
            sys.executable, "-m", "serving", "--release", str(release), "--digest", digest,
            "--host", "127.0.0.1", "--port", str(port), "--spool", f"{folder}/spool", *LIMITS,
        ]  # fmt: skip
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
            server = Running(url=f"http://127.0.0.1:{port}", process=process, log=log)
            try:
                wait_until_ready(server)
                yield server
            finally:
                stop(process)


def wait_until_ready(server: Running) -> None:
    """Return when the server says that it is ready. Raises TrialFailed when it ends or takes too long."""
    import httpx

    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise TrialFailed(f"it ended with code {server.process.returncode}: {server.last_words()}")
        try:
            if httpx.get(f"{server.url}/v2/health/ready", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise TrialFailed(f"it was not ready within {READY_SECONDS:g} s: {server.last_words()}")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server, kindly first."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
