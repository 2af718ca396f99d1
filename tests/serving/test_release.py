"""Is a release exactly the bytes that its digest says?"""

import shutil
from pathlib import Path

import pytest

from serving.release import MANIFEST, ReleaseError, seal, verify
from tests.serving import releases


def test_the_same_content_has_the_same_digest_in_another_folder(tmp_path: Path) -> None:
    assert releases.binary(tmp_path / "a") == releases.binary(tmp_path / "b")
    assert releases.binary(tmp_path / "c", bias=0.1) != releases.binary(tmp_path / "a")


def test_a_sealed_folder_is_proven_to_belong_to_its_digest(tmp_path: Path) -> None:
    digest = releases.binary(tmp_path)
    assert set(verify(tmp_path, digest).files) == {file.name for file in tmp_path.iterdir()} - {MANIFEST}


@pytest.mark.parametrize("name", ["model.onnx", "schema.json", "profile.json", "lineage.json", MANIFEST])
def test_a_changed_or_missing_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    digest = releases.binary(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with (tmp_path / "a" / name).open("ab") as file:
        file.write(b"\n")
    (tmp_path / "b" / name).unlink()
    for folder in ("a", "b"):
        with pytest.raises(ReleaseError, match=name):
            verify(tmp_path / folder, digest)


def test_a_file_that_the_manifest_does_not_know_is_refused_by_its_name(tmp_path: Path) -> None:
    digest = releases.binary(tmp_path)
    (tmp_path / "estimator.pkl").write_bytes(b"")
    with pytest.raises(ReleaseError, match="estimator.pkl"):
        verify(tmp_path, digest)


def test_a_manifest_sealed_again_is_another_release(tmp_path: Path) -> None:
    digest = releases.binary(tmp_path)
    (tmp_path / "lineage.json").write_bytes(b"{}")
    assert seal(tmp_path) != digest
    with pytest.raises(ReleaseError, match=MANIFEST):
        verify(tmp_path, digest)
