"""Where do an environment's objects lie? In one object store: a folder on a laptop, a container on Azure."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlparse

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url

from pipelines.errors import IntegrityError, InvalidInput, NotReady
from serving.release import MANIFEST, ReleaseError, verify

RELEASES = "releases"


def open_store(url: str) -> ObjectStore:
    """The object store at `url`; a `file:` one is created when it is not there."""
    if url.startswith("file:"):
        Path(unquote(urlparse(url).path)).mkdir(parents=True, exist_ok=True, mode=0o700)
    return from_url(url)


def keys(store: ObjectStore, prefix: str) -> list[str]:
    """All keys below `prefix`, sorted."""
    return sorted(item["path"] for page in obstore.list(store, prefix) for item in page)


def append(store: ObjectStore, key: str, content: bytes) -> bool:
    """Create the object `key`, or return False when it exists already; nothing is ever overwritten."""
    try:
        obstore.put(store, key, content, mode="create")
    except AlreadyExistsError:
        return False
    return True


def read(store: ObjectStore, key: str) -> bytes:
    """The bytes of object `key`."""
    return bytes(obstore.get(store, key).bytes())


def put_release(store: ObjectStore, folder: Path, digest: str) -> None:
    """Store the release in `folder` under its digest; an equal one that is there already stays.

    The manifest is written last: a release without one is not there yet.
    """
    manifest = verify(folder, digest)
    for name in [*sorted(manifest.files), MANIFEST]:
        key, content = f"{RELEASES}/{digest}/{name}", (folder / name).read_bytes()
        if not append(store, key, content) and read(store, key) != content:
            raise IntegrityError(
                f"release {digest[:12]}: the stored {name} differs from the one in {folder}. "
                "The store was changed; move that folder away and store the release again."
            )


def find_release(store: ObjectStore, given: str) -> str:
    """The digest of the stored release that `given` (a digest or its first digits, at least 6) names.

    Raises InvalidInput when it is no digest or several begin so, NotReady when none does.
    """
    if len(given) < 6 or set(given) - set("0123456789abcdef"):
        raise InvalidInput(f"'{given}' is no digest. Give at least its first 6 hexadecimal digits.")
    found = {key.split("/")[1] for key in keys(store, f"{RELEASES}/") if key.split("/")[1].startswith(given)}
    if not found:
        raise NotReady(f"release {given[:12]} is not in this environment's store. Train it, or promote it here first.")
    if len(found) > 1:
        raise InvalidInput(f"{len(found)} releases begin with '{given}': {', '.join(sorted(found))}. Give more digits.")
    return found.pop()


def get_release(store: ObjectStore, digest: str, folder: Path) -> Path:
    """A verified copy of release `digest` at `folder`/`digest`; bytes that are there and right are kept.

    Raises NotReady when the store lacks the release, IntegrityError when its bytes are not those of the digest.
    """
    target = folder / digest
    if target.is_dir():
        try:
            verify(target, digest)
            return target
        except ReleaseError:
            shutil.rmtree(target)
    names = keys(store, f"{RELEASES}/{digest}/")
    if f"{RELEASES}/{digest}/{MANIFEST}" not in names:
        raise NotReady(f"release {digest[:12]} is not in this environment's store. Train it, or promote it here first.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as incoming:
        copy = Path(incoming) / digest
        copy.mkdir()
        for key in names:
            (copy / key.rsplit("/", 1)[1]).write_bytes(read(store, key))
        try:
            verify(copy, digest)
        except ReleaseError as error:
            raise IntegrityError(str(error)) from None
        try:
            copy.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster; its copy is verified, too
                raise
    return target


def content_digest(content: bytes) -> str:
    """The SHA-256 of `content` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
