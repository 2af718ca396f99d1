"""Does an edit change what it should, and nothing else of the file?"""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.declaration import DeclarationError, Endpoint, load, path
from environments.edit import edit_endpoint

ROOT = Path(__file__).resolve().parents[2]
A, B = "a" * 64, "b" * 64
ENVIRONMENTS = ("local-dev", "local-staging", "local-prod")


@pytest.fixture(params=ENVIRONMENTS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a shipped file, with a comment of its owner."""
    target = path(tmp_path, Endpoint, request.param)
    target.parent.mkdir(parents=True)
    shutil.copy(path(ROOT, Endpoint, request.param), target)
    target.write_text(target.read_text().replace("stable: null", "stable: null # asked for by sales"))
    return target


def changed(before: str, after: str) -> list[str]:
    """The new lines."""
    old = before.splitlines()
    return [line.strip() for line in after.splitlines() if line not in old]


def test_only_the_lines_of_changed_fields_change(file: Path) -> None:
    before = file.read_text()
    edit_endpoint(file, {"stable": A})
    assert changed(before, file.read_text()) == [f"stable: {A} # asked for by sales"]
    assert len(file.read_text().splitlines()) == len(before.splitlines())


def test_nested_fields_are_merged(file: Path) -> None:
    edit_endpoint(file, {"stable": A, "candidate": B, "traffic": {"shadow": 100}})
    before = file.read_text()
    edit_endpoint(file, {"traffic": {"candidate": 10}})
    assert changed(before, file.read_text()) == ["candidate: 10"]


def test_a_change_and_its_way_back_give_the_same_bytes(file: Path) -> None:
    before = file.read_bytes()
    edit_endpoint(file, {"stable": A, "candidate": B, "traffic": {"candidate": 50}})
    edit_endpoint(file, {"stable": None, "candidate": None, "traffic": {"candidate": 0}})
    assert file.read_bytes() == before


def test_a_refused_edit_leaves_the_file_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(DeclarationError):
        edit_endpoint(file, {"candidate": B})
    assert file.read_bytes() == before
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_what_was_edited_is_what_is_loaded(file: Path) -> None:
    root = file.parents[2]
    environment = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    edited = edit_endpoint(file, {"stable": A, "rollout": {"minimum_requests": 50}})
    assert load(root, Endpoint, environment) == edited


@given(st.integers(0, 100), st.integers(0, 100))
def test_any_traffic_is_written_as_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, share: int, shadow: int
) -> None:
    file = tmp_path_factory.mktemp("edit") / "Pulumi.x.yaml"
    file.write_text("config:\n  mlops:endpoint:\n    traffic:\n      candidate: 0 # the share\n      shadow: 0\n")
    edited = edit_endpoint(file, {"stable": A, "candidate": B, "traffic": {"candidate": share, "shadow": shadow}})
    assert (edited.traffic.candidate, edited.traffic.shadow) == (share, shadow)
    assert "# the share" in file.read_text()
