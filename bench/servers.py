"""How is each measured server started, and how does it end? As its users start it, on ports of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from environments.declaration import Gateway, Traffic
from infra.gateway import Address, GatewaySettings, command, gateway

HOST = "127.0.0.1"
BIN = Path(sys.executable).parent
START_SECONDS = 90.0
STOP_SECONDS = 15.0
API_KEY = "bench"
ROWS, BYTES = 1000, 1 << 20


class NotStarted(Exception):
    """A server did not become ready; the message ends with its log."""


def product(release: Path, digest: str, port: int, spool: Path) -> list[str]:
    """The command that serves `release`, prediction log included."""
    return [
        sys.executable, "-m", "serving", "--release", str(release), "--digest", digest, "--host", HOST,
        "--port", str(port), "--spool", str(spool), "--max-rows", str(ROWS), "--max-bytes", str(BYTES),
    ]  # fmt: skip


def mlflow(model: Path, port: int) -> list[str]:
    """The command that serves the MLflow model in the folder `model`, with MLflow's own defaults."""
    return [
        str(BIN / "mlflow"), "models", "serve", "--model-uri", str(model), "--env-manager", "local", "--host", HOST,
        "--port", str(port),
    ]  # fmt: skip


def envoy(folder: Path, port: int, admin: int, server: int) -> list[str]:
    """Write the files of a gateway in front of `server` into the empty `folder`; the command that runs it."""
    settings = GatewaySettings(
        listen=Address(port=port), admin=Address(port=admin), stable=Address(port=server), candidate=None,
        traffic=Traffic(), step="bench", limits=Gateway(max_request_bytes=BYTES), api_key=API_KEY,
        directory=str(folder), access_log=str(folder.parent / "access.jsonl"),
    )  # fmt: skip
    for name, content in gateway(settings).items():
        (folder / name).write_text(content)
    return command(str(BIN / "envoy"), str(folder))


@contextmanager
def running(
    command: Sequence[str], ready: str, log: Path, environment: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """The process of `command`, from when `ready` (a URL) answers 2xx; it and its children end with the block.

    Raises NotStarted when it ends before, or takes longer than START_SECONDS.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}, start_new_session=True
        )
    try:
        wait(process, ready, log)
        yield process
    finally:
        stop(process)


def wait(process: subprocess.Popen[bytes], ready: str, log: Path) -> None:
    """Return when `ready` answers. Raises NotStarted."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(ready):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise NotStarted(f"{ready} does not answer; exit code {process.poll()}. The end of {log}:\n{tail}")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether `url` answers 2xx now."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children: a group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def cpu_seconds(processes: Iterable[int]) -> float:
    """The processor time that these processes and their children have used so far."""
    trees = [psutil.Process(process) for process in processes]
    members = {*trees, *(child for tree in trees for child in tree.children(recursive=True))}
    return sum(sum(member.cpu_times()[:2]) for member in members)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
