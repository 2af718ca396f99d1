"""What does a step work on? One declared environment: its choices, its places, its clock and who acts."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from obstore.store import ObjectStore

from environments.declaration import DeclarationError, Endpoint, Platform, chain, load, path
from environments.location import Deployed, Location, deployed, home, locate
from pipelines.errors import InvalidInput, NotReady
from pipelines.store import get_release, open_store


def clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment as the steps see it."""

    root: Path
    name: str
    platform: Platform
    location: Location
    store: ObjectStore
    actor: str
    now: Callable[[], datetime] = field(default=clock)

    def endpoint(self) -> Endpoint:
        """What its file declares at this moment."""
        return load(self.root, Endpoint, self.name)

    def endpoint_file(self) -> Path:
        """The file that `promote`, `rollout --write` and `rollback` change."""
        return path(self.root, Endpoint, self.name)

    def deployed(self) -> Deployed:
        """What runs. Raises NotReady before the first `pulumi up`."""
        if found := deployed(self.location):
            return found
        raise NotReady(f"nothing is deployed in {self.name}. Run `mlops up --env {self.name}`.")

    def table(self, name: str) -> str:
        """The URL of a Delta table: data, quarantine, labels, predictions or requests."""
        return f"{self.location.store}/tables/{name}"

    def release(self, digest: str) -> Path:
        """A verified local copy of a release of this environment."""
        return get_release(self.store, digest, home(self.root, self.name) / "cache")

    def head(self) -> "Environment":
        """The environment at the head of this one's chain, where data lies and training happens."""
        return self.other(chain(self.root, self.name)[0])

    def before(self) -> "Environment | None":
        """The environment that this one receives releases from; None at the head."""
        return self.other(self.platform.promotes_from) if self.platform.promotes_from else None

    def other(self, name: str) -> "Environment":
        """Another environment of the same repository, with the same clock and actor."""
        return self if name == self.name else open_environment(self.root, name, actor=self.actor, now=self.now)


def open_environment(
    root: Path, name: str, *, actor: str | None = None, now: Callable[[], datetime] = clock
) -> Environment:
    """Environment `name` of the repository at `root`.

    The actor is MLOPS_ACTOR, else the user's name. Raises InvalidInput when the declaration is refused.
    """
    try:
        platform, location = load(root, Platform, name), locate(root, name)
    except DeclarationError as error:
        raise InvalidInput(str(error)) from None
    return Environment(
        root=root, name=name, platform=platform, location=location, store=open_store(location.store),
        actor=actor or os.environ.get("MLOPS_ACTOR") or getpass.getuser(), now=now,
    )  # fmt: skip
