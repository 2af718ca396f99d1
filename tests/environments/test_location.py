"""Where do a local environment's things lie, and what of it runs?"""

from pathlib import Path

import msgspec
import pytest

from environments.declaration import DeclarationError
from environments.location import Deployed, Track, deployed, folder, locate


def declare(root: Path, platform: str) -> None:
    file = root / "environments" / "platform" / "Pulumi.x.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"config: {{'mlops:platform': {{platform: {platform}}}}}")


def test_a_local_store_s_url_names_its_folder_however_the_clone_is_called(tmp_path: Path) -> None:
    root = tmp_path / "a 100% #odd folder"
    declare(root, "local")
    assert folder(locate(root, "x").store) == root / ".local" / "x" / "store"


def test_another_platform_is_refused_by_name(tmp_path: Path) -> None:
    declare(tmp_path, "azure")
    with pytest.raises(DeclarationError, match=r"runs on 'azure'.*use a local one"):
        locate(tmp_path, "x")


def test_before_the_first_deployment_nothing_is_deployed(tmp_path: Path) -> None:
    declare(tmp_path, "local")
    assert deployed(locate(tmp_path, "x")) is None


def test_what_was_written_as_deployed_is_read(tmp_path: Path) -> None:
    declare(tmp_path, "local")
    location = locate(tmp_path, "x")
    running = Deployed(
        environment="x", gateway="http://g", gateway_admin="http://a", api_key_file="/k", step="s",
        stable=Track(release="r", url="http://s"),
    )  # fmt: skip
    location.endpoint.parent.mkdir(parents=True)
    location.endpoint.write_bytes(msgspec.json.encode(running))
    assert deployed(location) == running
