"""How does a test ask a release without a network, and see what reached the prediction log?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx

from serving.app import App
from serving.predictions import Entry
from serving.scoring import Limits
from serving.server import load

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(rows=100, bytes=100_000)


@dataclass(kw_only=True)
class Served:
    """An application around a release, its clock standing still at NOW, its log a list."""

    app: App
    model: str
    digest: str
    log: list[Entry] = field(default_factory=list)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **options)

        return anyio.run(asked)

    def infer(self, request: Any, **options: Any) -> httpx.Response:
        """One request of the Open Inference Protocol."""
        return self.ask("POST", f"/v2/models/{self.model}/infer", json=request, **options)

    def invoke(self, request: Any, **options: Any) -> httpx.Response:
        """One request of MLflow's protocol."""
        return self.ask("POST", "/invocations", json=request, **options)

    def metric(self, name: str, **labels: str) -> float:
        """A metric's value, 0 when it was never counted."""
        return self.app.metrics.registry.get_sample_value(name, labels) or 0.0


def serve(build: Callable[[Path], str], folder: Path, *, limits: Limits = LIMITS, full: bool = False) -> Served:
    """The release of `build`, served in this process; with `full`, its log's disk has no room."""
    digest = build(folder)
    scoring = load(folder, digest, limits)
    log: list[Entry] = []

    def no_room(entry: Entry) -> None:
        raise OSError(28, "No space left on device")

    app = App(scoring, no_room if full else log.append, ThreadPoolExecutor(1), lambda: NOW)
    return Served(app=app, model=scoring.graph.schema.name, digest=digest, log=log)


def tensors(row: dict[str, Any], texts: tuple[str, ...] = ("plan", "note", "customer", "asked_at")) -> dict[str, Any]:
    """An inference request with JSON data for one row."""
    return {
        "inputs": [
            {"name": name, "shape": [1], "datatype": "BYTES" if name in texts else "FP64", "data": [value]}
            for name, value in row.items()
        ]
    }
