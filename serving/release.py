"""What is a release, and are these bytes the one that was asked for?

A release is a folder whose `manifest.json` holds the SHA-256 of every other file; the SHA-256 of the manifest is the
release's digest. Everything in it follows from code, data and seed.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

MANIFEST = "manifest.json"
GRAPH = "model.onnx"
SCHEMA = "schema.json"
PROFILE = "profile.json"
LINEAGE = "lineage.json"
FORMAT = 1

Task = Literal["binary", "multiclass", "regression"]


class ReleaseError(Exception):
    """A release was refused; the message names the file, what was expected and what was found."""


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input of a model.

    `number` columns enter the graph as float32, `text` columns as strings, each as a tensor [rows, 1].
    """

    name: str
    type: Literal["number", "text"]
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: list[str | float] | None = None
    nullable: bool = False


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes and gives.

    `entity` and `event_time` name the two optional columns of a request that are not inputs. The graph's only output
    is `score`, float32 [rows, k]: k = 1 for regression, else one probability for each of `classes`, in order.
    For a binary task `classes[1]` is the positive class and is decided from `threshold` on.
    """

    name: str
    task: Task
    entity: str
    event_time: str
    columns: list[Column]
    classes: list[str]
    threshold: float | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a release by name, each with its SHA-256."""

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)]
    files: dict[str, str]


def canonical(value: object) -> bytes:
    """JSON with sorted keys and a final newline: the same value is the same bytes."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"


def sha256(path: Path) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path) -> str:
    """Write the manifest of the files in `folder` and return the release's digest."""
    files = {file.name: sha256(file) for file in sorted(folder.iterdir()) if file.name != MANIFEST}
    (folder / MANIFEST).write_bytes(canonical(Manifest(format=FORMAT, files=files)))
    return sha256(folder / MANIFEST)


def verify(folder: Path, digest: str) -> Manifest:
    """The manifest of the release in `folder`, once every byte of it is proven to belong to `digest`.

    Raises ReleaseError with the name of the first file that is missing, foreign or different.
    """
    manifest_file = folder / MANIFEST
    if not manifest_file.is_file():
        raise ReleaseError(f"release {digest[:12]}: {manifest_file} does not exist. Copy the release again.")
    if (found := sha256(manifest_file)) != digest:
        raise ReleaseError(
            f"release {digest[:12]}: {MANIFEST} has SHA-256 {found}, expected {digest}. "
            "It is another release or was changed; copy it again."
        )
    try:
        manifest = msgspec.json.decode(manifest_file.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise ReleaseError(f"release {digest[:12]}: {MANIFEST}: {error}. Other code made it; train it again.") from None
    present = {file.name for file in folder.iterdir()} - {MANIFEST}
    if foreign := sorted(present - set(manifest.files)):
        raise ReleaseError(f"release {digest[:12]}: {foreign[0]} is not in its manifest. Copy the release again.")
    for name, expected in manifest.files.items():
        file = folder / name
        if file.parent != folder or not file.is_file():
            raise ReleaseError(f"release {digest[:12]}: {name} is missing. Copy the release again.")
        if (found := sha256(file)) != expected:
            raise ReleaseError(
                f"release {digest[:12]}: {name} has SHA-256 {found}, its manifest says {expected}. "
                "The file was changed; copy the release again."
            )
    return manifest


def schema(folder: Path) -> Schema:
    """What the model in `folder` takes and gives. Raises ReleaseError when its schema is none."""
    try:
        return msgspec.json.decode((folder / SCHEMA).read_bytes(), type=Schema)
    except (OSError, msgspec.DecodeError) as error:
        raise ReleaseError(f"{SCHEMA}: {error}. The release was made by other code; train again.") from None
