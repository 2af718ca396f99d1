"""Is what was stored never overwritten, and what is read back proven?"""

from pathlib import Path

import pytest
from obstore.store import ObjectStore

from pipelines.errors import IntegrityError, InvalidInput, NotReady
from pipelines.store import append, find_release, get_release, keys, open_store, put_release, read
from serving.release import ReleaseError
from tests.serving.releases import binary


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri())


@pytest.fixture
def stored(store: ObjectStore, tmp_path: Path) -> str:
    digest = binary(tmp_path / "made")
    put_release(store, tmp_path / "made", digest)
    return digest


def test_an_object_is_created_once_and_never_overwritten(store: ObjectStore):
    assert append(store, "a/1", b"first")
    assert not append(store, "a/1", b"second")
    assert read(store, "a/1") == b"first"
    assert keys(store, "a/") == ["a/1"]


def test_the_folder_of_a_local_store_is_closed_to_others(store: ObjectStore, tmp_path: Path):
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


def test_a_release_comes_back_with_the_same_bytes(store: ObjectStore, stored: str, tmp_path: Path):
    folder = get_release(store, stored, tmp_path / "cache")
    for file in (tmp_path / "made").iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes()
    assert list((tmp_path / "cache").iterdir()) == [folder]


def test_storing_a_release_again_changes_nothing(store: ObjectStore, stored: str, tmp_path: Path):
    before = keys(store, "releases/")
    put_release(store, tmp_path / "made", stored)
    assert keys(store, "releases/") == before


def test_a_release_under_a_wrong_digest_is_not_stored(store: ObjectStore, stored: str, tmp_path: Path):
    with pytest.raises(ReleaseError, match="manifest.json"):
        put_release(store, tmp_path / "made", "0" * 64)


def test_a_changed_byte_in_the_store_is_named_and_not_handed_out(store: ObjectStore, stored: str, tmp_path: Path):
    file = tmp_path / "store/releases" / stored / "model.onnx"
    file.write_bytes(b"x" + file.read_bytes()[1:])
    with pytest.raises(IntegrityError, match=r"model\.onnx has SHA-256"):
        get_release(store, stored, tmp_path / "cache")
    assert not (tmp_path / "cache" / stored).exists()
    with pytest.raises(IntegrityError, match=r"the stored model\.onnx differs"):
        put_release(store, tmp_path / "made", stored)


def test_a_spoiled_copy_is_fetched_again(store: ObjectStore, stored: str, tmp_path: Path):
    folder = get_release(store, stored, tmp_path / "cache")
    (folder / "schema.json").write_text("{}")
    assert "columns" in (get_release(store, stored, tmp_path / "cache") / "schema.json").read_text()


def test_a_release_without_its_manifest_is_not_there_yet(store: ObjectStore, stored: str, tmp_path: Path):
    (tmp_path / "store/releases" / stored / "manifest.json").unlink()
    with pytest.raises(NotReady, match="promote it here first"):
        get_release(store, stored, tmp_path / "cache")


def test_the_first_digits_name_a_release(store: ObjectStore, stored: str):
    assert find_release(store, stored) == find_release(store, stored[:6]) == stored


@pytest.mark.parametrize("given", ["", "abc", "../../etc", "ABCDEF"])
def test_what_is_no_digest_is_refused(store: ObjectStore, stored: str, given: str):
    with pytest.raises(InvalidInput, match="first 6 hexadecimal digits"):
        find_release(store, given)


def test_digits_that_name_none_or_two_are_refused(store: ObjectStore):
    for digest in ("abcdef" + "0" * 58, "abcdef" + "1" * 58):
        append(store, f"releases/{digest}/manifest.json", b"{}")
    with pytest.raises(InvalidInput, match="2 releases begin with 'abcdef'"):
        find_release(store, "abcdef")
    with pytest.raises(NotReady, match="not in this environment's store"):
        find_release(store, "fedcba")
