"""How does a test deploy releases into a local environment of a clone, and load its gateway meanwhile?"""

import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from environments.declaration import Endpoint, path
from environments.edit import edit_endpoint
from environments.location import Deployed, deployed, home, locate
from infra.local.supervisor import Supervisor
from pipelines.store import open_store, put_release
from tests.clones import Clone
from tests.serving import releases

ROW = {"inputs": [releases.BINARY_ROW]}


@dataclass(frozen=True, kw_only=True)
class LocalEndpoint:
    """One environment of a clone."""

    clone: Clone
    environment: str

    @property
    def home(self) -> Path:
        return home(self.clone.root, self.environment)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.home)

    @property
    def key(self) -> str:
        return (self.home / "secrets" / "api-key").read_text()

    def store(self, bias: float) -> str:
        """Put a small release into the environment's store; the digest."""
        folder = self.clone.root / ".local" / f"release-{self.environment}-{bias}"
        folder.mkdir(parents=True)
        digest = releases.binary(folder, bias=bias)
        put_release(open_store(locate(self.clone.root, self.environment).store), folder, digest)
        return digest

    def declare(self, **changes: Any) -> Endpoint:
        """Edit the environment's file as `promote` and `rollout` do."""
        return edit_endpoint(path(self.clone.root, Endpoint, self.environment), changes)

    def up(self, *options: str) -> str:
        """`pulumi up` of the endpoint; what it said."""
        return self.clone.pulumi("endpoint", self.environment, "up", "--yes", "--skip-preview", *options).stdout

    def preview(self, *options: str, check: bool = True) -> tuple[int, str]:
        """`pulumi preview` of the endpoint; its exit code and what it said."""
        done = self.clone.by_hand("endpoint", "preview", "--stack", self.environment, *options, check=check)
        return done.returncode, done.stdout + done.stderr

    def deployed(self) -> Deployed:
        found = deployed(locate(self.clone.root, self.environment))
        assert found is not None
        return found

    def running(self) -> str | None:
        """The step that the last complete `pulumi up` deployed."""
        found = deployed(locate(self.clone.root, self.environment))
        return found.step if found else None

    def ask(self, **headers: str) -> httpx.Response:
        """One row through the gateway, with the key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.deployed().gateway}/invocations"
        return httpx.post(url, json=ROW, headers={"x-api-key": self.key} | named, timeout=10)


@dataclass(kw_only=True)
class Load:
    """What came back while rows were sent without a pause: answers by status, and by answering release."""

    statuses: Counter[str] = field(default_factory=Counter)
    releases: Counter[str] = field(default_factory=Counter)


@contextmanager
def under_load(endpoint: LocalEndpoint, senders: int = 4) -> Generator[Load]:
    """Send rows through the gateway from several connections for as long as the block runs."""
    load, ended, lock = Load(), threading.Event(), threading.Lock()
    url, key = f"{endpoint.deployed().gateway}/invocations", endpoint.key

    def send(number: int) -> None:
        with httpx.Client(headers={"x-api-key": key, "x-entity-id": f"entity-{number}"}, timeout=10) as client:
            while not ended.is_set():
                try:
                    answer = client.post(url, json=ROW)
                    found = str(answer.status_code), answer.headers.get("x-release", "")
                except httpx.HTTPError as error:
                    found = type(error).__name__, ""
                with lock:
                    load.statuses[found[0]] += 1
                    load.releases[found[1]] += 1

    threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        ended.set()
        for thread in threads:
            thread.join()
