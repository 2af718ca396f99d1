"""How do tests run the real Envoy on the gateway's files, change them, and ask it something?"""

import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from bench import servers
from bench.servers import free_ports
from environments.declaration import Gateway as Limits
from environments.declaration import Traffic
from infra.gateway import Address, GatewaySettings, command, gateway

ENVOY = str(servers.BIN / "envoy")
KEY = "correct-horse"
SECONDS = 15.0


@dataclass(kw_only=True)
class Gateway:
    """A running Envoy, the settings that it runs by, and a client with the key."""

    settings: GatewaySettings
    client: httpx.Client
    log: Path

    @property
    def port(self) -> int:
        return self.settings.listen.port

    def ask(self, entity: str | None = None, *, body: bytes = b"{}", **headers: str) -> httpx.Response:
        """One scoring request; keyword `x_model_track` is the header `x-model-track`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if entity is not None:
            named["x-entity-id"] = entity
        return self.client.post("/v2/models/m/infer", content=body, headers=named)

    def change(self, **changes: Any) -> None:
        """Deploy other settings as `pulumi up` does: files by rename, clusters before routes."""
        self.settings = replace(self.settings, **changes)
        write(self.settings)

    def lines(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """The complete lines of the access log, or those of one request."""
        path = Path(self.settings.access_log)
        text = path.read_text() if path.exists() else ""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if request_id in (None, line["request_id"])]

    def line(self, answer: httpx.Response) -> dict[str, Any]:
        """The access log's line of this answer, once it is written."""
        request_id = answer.headers["x-request-id"]
        until(lambda: bool(self.lines(request_id)), "the access log has the request")
        (line,) = self.lines(request_id)
        return line


def write(settings: GatewaySettings) -> None:
    files = gateway(settings)
    for name in ("bootstrap.json", "lds.json", "cds.json", "rds.json"):
        file = Path(settings.directory) / name
        if not file.exists() or file.read_text() != files[name]:
            new = file.with_suffix(".new")
            new.write_text(files[name])
            os.replace(new, file)


@contextmanager
def running(settings: GatewaySettings) -> Generator[Gateway]:
    """Envoy on `settings`, from when it is ready to the end of the block."""
    directory = Path(settings.directory)
    directory.mkdir(parents=True)
    write(settings)
    log = directory.parent / "envoy.log"
    base = f"http://127.0.0.1:{settings.listen.port}"
    with (
        servers.running(command(ENVOY, settings.directory), f"{base}/gateway/ready", log),
        httpx.Client(base_url=base, headers={"x-api-key": KEY}, timeout=SECONDS) as client,
    ):
        yield Gateway(settings=settings, client=client, log=log)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {SECONDS} s: {what}")
        time.sleep(0.02)


def settings_for(
    folder: Path,
    *,
    stable: int | None = None,
    candidate: int | None = None,
    traffic: Traffic = Traffic(),  # noqa: B008  # frozen
    step: str = "step-1",
    limits: Limits = Limits(),  # noqa: B008  # frozen
    ports: tuple[int, int] | None = None,
) -> GatewaySettings:
    """Settings with ports of their own below `folder`."""
    listen, admin = ports or free_ports(2)
    return GatewaySettings(
        listen=Address(port=listen),
        admin=Address(port=admin),
        stable=None if stable is None else Address(port=stable),
        candidate=None if candidate is None else Address(port=candidate),
        traffic=traffic,
        step=step,
        limits=limits,
        api_key=KEY,
        directory=str(folder / "gateway"),
        access_log=str(folder / "access.jsonl"),
    )
