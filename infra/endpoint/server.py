"""How does a release become a model server on a laptop? As a process of its own, named by what it serves."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from pulumi import Output, ResourceOptions

from environments.declaration import Endpoint
from environments.location import folder
from infra.local.resources import Process

RETRY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Host:
    """The environment's folder, the clone whose code runs, and the URL of the store."""

    root: Path
    home: Path
    store: Output[str]

    def process(
        self, name: str, module: str, *arguments: Output[str] | str, ready: str = "", port: int | None = None,
        stop_seconds: float = 15.0, opts: ResourceOptions | None = None,
    ) -> Process:  # fmt: skip
        """A Python module of this clone as a process."""
        return Process(
            name,
            home=str(self.home),
            command=[str(Path(sys.prefix) / "bin" / "python"), "-m", module, *arguments],
            directory=str(self.root),
            environment={"PYTHONPATH": str(self.root)},  # a clone may share the packages of another one, not its code
            ports=[port] if port else [],
            ready=ready,
            stop_seconds=stop_seconds,
            opts=opts,
        )


def server_name(release: str, endpoint: Endpoint) -> str:
    """The name of the process that serves `release`.

    It follows from the release and the server's limits, not from the track: when a candidate becomes stable, routes
    move and nothing restarts; whatever changes a server starts another one beside it.
    """
    limits = f"{endpoint.server.max_rows}/{endpoint.gateway.max_request_bytes}"
    return f"server-{release[:12]}-{hashlib.sha256(limits.encode()).hexdigest()[:4]}"


def model_server(host: Host, release: str, endpoint: Endpoint, port: int, opts: ResourceOptions) -> Process:
    """The server of one release on one port; it refuses bytes that are not the release's."""
    name = server_name(release, endpoint)
    return host.process(
        name,
        "serving",
        *("--release", host.store.apply(lambda url: str(folder(url) / "releases" / release))),
        *("--digest", release),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--spool", str(host.home / "spool" / name)),
        *("--max-rows", str(endpoint.server.max_rows)),
        *("--max-bytes", str(endpoint.gateway.max_request_bytes)),
        port=port,
        ready=f"http://127.0.0.1:{port}/v2/health/ready",
        opts=opts,
    )


def shipper(host: Host, endpoint: Endpoint) -> Process:
    """The one that brings the prediction log and the access log into tables; it drains what is left when it ends."""
    return host.process(
        "shipper",
        "serving.shipper",
        *("--spool", str(host.home / "spool")),
        *("--access-log", str(host.home / "log" / "access.jsonl")),
        *("--tables", Output.concat(host.store, "/tables")),
        # A retry that reached the same release twice is one prediction, as long as a request may live.
        *("--retry-seconds", str(max(RETRY_SECONDS, endpoint.gateway.timeout_seconds))),
        stop_seconds=60.0,
    )
