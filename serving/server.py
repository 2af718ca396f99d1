"""How does a model server start and stop? It proves its release, listens, and on SIGTERM answers what is in flight."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from serving.app import App
from serving.graph import Graph
from serving.log import Lines, line
from serving.release import Column, ReleaseError, verify
from serving.scoring import Limits, ModelFailed, Scoring
from serving.spool import Spool

REFUSED = 3  # exit code: the release is not what was asked for
BUSY = 1  # exit code: the address cannot be used
DRAIN_SECONDS = 8
KEEP_ALIVE_SECONDS = 4000  # longer than Envoy's idle timeout of an hour: the gateway closes first, never into a request


def arguments(given: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m serving", description="Serve one release.")
    parser.add_argument("--release", type=Path, required=True, help="folder of the release")
    parser.add_argument("--digest", required=True, help="SHA-256 of its manifest; anything else is refused")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one and says which")
    parser.add_argument("--spool", type=Path, required=True, help="folder for the prediction log's segments")
    parser.add_argument("--max-rows", type=int, default=1000, help="rows in one request")
    parser.add_argument("--max-bytes", type=int, default=1 << 20, help="bytes in one request, unpacked")
    parser.add_argument("--sync-seconds", type=float, default=1.0, help="what a lost node may lose; 0 for nothing")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """Serve until SIGTERM; the exit code."""
    started = time.monotonic()
    options = arguments(given)
    logging.basicConfig(handlers=[Lines()], level=logging.WARNING)
    try:
        scoring = load(options.release, options.digest, Limits(rows=options.max_rows, bytes=options.max_bytes))
    except ReleaseError as error:
        print(f"serving: {error}", file=sys.stderr)
        return REFUSED
    try:
        listener = bind(options.host, options.port)
    except OSError as error:
        print(f"serving: {options.host}:{options.port}: {error.strerror}. Choose another port.", file=sys.stderr)
        return BUSY
    spool = Spool(options.spool, options.sync_seconds)

    def ready() -> None:
        host, port = listener.getsockname()[:2]
        seconds = round(time.monotonic() - started, 3)
        line("ready", model=scoring.graph.schema.name, release=scoring.digest, host=host, port=port, seconds=seconds)

    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="score") as executor:
        serve(App(scoring, spool.append, executor), listener, ready)
    spool.close()
    line("stopped")
    return 0


def load(folder: Path, digest: str, limits: Limits) -> Scoring:
    """The release in `folder`, verified, loaded and run once. Raises ReleaseError."""
    verify(folder, digest)
    scoring = Scoring(Graph(folder), digest, limits)
    row = {column.name: [plausible(column)] for column in scoring.graph.schema.columns}
    try:
        scoring.predict(scoring.intake.batch(row, datetime.now(UTC)))
    except ModelFailed as error:
        line("warm_up_failed", error=str(error)[:300])  # the values are made up: this proves nothing about real ones
    return scoring


def plausible(column: Column) -> str | float:
    """A value that the column takes."""
    if column.values:
        return column.values[0]
    if column.type == "text":
        return ""
    low = 0.0 if column.minimum is None else column.minimum
    return max(low, min(0.0, low if column.maximum is None else column.maximum))


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet: nobody connects before the release is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends with exit code 0 when a signal asked it to."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle both signals for as long as the server runs; uvicorn's own would raise them again at the end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._ready()


def serve(app: App, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests on `listener` until a signal comes."""
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", lifespan="off", interface="asgi3", proxy_headers=False,
        log_config=None, access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )  # fmt: skip
    Server(config, ready).run(sockets=[listener])
