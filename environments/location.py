"""Where does an environment keep its things, and what of it is deployed?

Locations of a local environment follow from its name. What `pulumi up` deployed is in `endpoint.json`, which the
endpoint program writes: pipelines read it there and never ask the engine.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import msgspec

from environments.declaration import DeclarationError, Platform, load


@dataclass(frozen=True, kw_only=True)
class Location:
    """URLs of an environment's store and MLflow, and the file that says what is deployed."""

    store: str
    tracking: str
    endpoint: Path


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One running model server."""

    release: str
    url: str


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What the last `pulumi up` of an endpoint left running."""

    environment: str
    gateway: str
    gateway_admin: str
    api_key_file: str
    step: str
    stable: Track | None = None
    candidate: Track | None = None


def home(root: Path, environment: str) -> Path:
    """The folder of a local environment; everything it writes lies below."""
    return root / ".local" / environment


def folder(url: str) -> Path:
    """The folder that a `file:` URL names."""
    return Path(unquote(urlparse(url).path))


def locate(root: Path, environment: str) -> Location:
    """The locations of `environment` in the repository at `root`."""
    declared = load(root, Platform, environment)
    if declared.platform != "local":
        raise DeclarationError(
            f"environment '{environment}' runs on '{declared.platform}', which this version cannot reach; "
            "use a local one."
        )
    folder = home(root, environment)
    return Location(
        store=(folder / "store").as_uri(),
        tracking=f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}",
        endpoint=folder / "endpoint.json",
    )


def deployed(location: Location) -> Deployed | None:
    """What is running, or None before the endpoint's first `pulumi up`."""
    if not location.endpoint.exists():
        return None
    return msgspec.json.decode(location.endpoint.read_bytes(), type=Deployed)
