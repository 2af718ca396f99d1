"""Does a `File` come, change and go as a whole, and is a generated one kept and secret?"""

import threading
from pathlib import Path

import pytest

from infra.local.file import FileKind
from infra.local.kind import UNKNOWN, Properties, checked
from infra.local.whole import write_whole

KIND = FileKind()


def inputs(**given: object) -> Properties:
    result, wrong = checked(KIND, given)
    assert not wrong
    assert not KIND.problems("file", result)
    return result


def found(state: Properties) -> Properties:
    """What a refresh finds."""
    read = KIND.read(state["path"], state, {})
    assert read is not None
    return read[0]


def test_a_created_file_has_its_content_and_mode_and_is_unchanged_for_a_refresh(tmp_path: Path) -> None:
    given = inputs(path=str(tmp_path / "folder" / "file"), content="text", mode="0640")
    identity, state = KIND.create("file", given)
    file = Path(identity)
    assert file.read_text() == "text"
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert KIND.changes(found(state), given) == []


@pytest.mark.parametrize(("change", "property_"), [("content", "content"), ("mode", "mode")])
def test_what_was_changed_by_hand_is_drift_and_an_update_repairs_it(
    tmp_path: Path, change: str, property_: str
) -> None:
    given = inputs(path=str(tmp_path / "file"), content="text")
    _, state = KIND.create("file", given)
    if change == "content":
        (tmp_path / "file").write_text("edited")
    else:
        (tmp_path / "file").chmod(0o644)
    drifted = found(state)
    assert KIND.changes(drifted, given) == [property_]
    KIND.update(state["path"], drifted, given)
    assert KIND.changes(found(state), given) == []


def test_a_removed_file_is_gone(tmp_path: Path) -> None:
    _, state = KIND.create("file", inputs(path=str(tmp_path / "file"), content="text"))
    (tmp_path / "file").unlink()
    assert KIND.read(state["path"], state, {}) is None


def test_a_change_replaces_the_file_and_leaves_no_other_behind(tmp_path: Path) -> None:
    given = inputs(path=str(tmp_path / "file"), content="text")
    _, state = KIND.create("file", given)
    before = (tmp_path / "file").stat().st_ino
    KIND.update(state["path"], state, given | {"content": "other"})
    assert (tmp_path / "file").stat().st_ino != before
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other_behind(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", "text")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\ud800")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["text"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file, texts, ended = tmp_path / "file", ("a" * 100_000, "b" * 100_000), threading.Event()
    write_whole(file, texts[0])

    def write() -> None:
        for turn in range(200):
            write_whole(file, texts[turn % 2])
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        assert file.read_text() in texts
    writer.join()


def test_a_generated_content_is_as_long_as_asked_and_differs_each_time(tmp_path: Path) -> None:
    contents = {KIND.create("key", inputs(path=str(tmp_path / str(n)), random=41.0))[1]["content"] for n in range(5)}
    assert len(contents) == 5
    assert {len(content) for content in contents} == {41}


def test_a_generated_content_is_kept_by_a_refresh_and_an_update(tmp_path: Path) -> None:
    given = inputs(path=str(tmp_path / "key"), random=40.0)
    _, state = KIND.create("key", given)
    assert KIND.changes(found(state), given) == []
    assert KIND.update(state["path"], state, given | {"mode": "0400"})["content"] == state["content"]
    assert (tmp_path / "key").read_text() == state["content"]


def test_a_generated_content_edited_by_hand_becomes_the_secret(tmp_path: Path) -> None:
    given = inputs(path=str(tmp_path / "key"), random=8.0)
    _, state = KIND.create("key", given)
    (tmp_path / "key").write_text("my-own-key")
    assert found(state)["content"] == "my-own-key"
    assert KIND.changes(found(state), given) == []


@pytest.mark.parametrize("left", ["", "short"])
def test_an_emptied_secret_is_gone_and_not_a_secret(tmp_path: Path, left: str) -> None:
    _, state = KIND.create("key", inputs(path=str(tmp_path / "key"), random=8.0))
    (tmp_path / "key").write_text(left)
    assert KIND.read(state["path"], state, {}) is None


def test_a_preview_does_not_know_what_will_be_generated() -> None:
    assert KIND.planned(inputs(path="/f", random=8.0), {})["content"] == UNKNOWN


def test_a_removal_takes_the_folder_that_it_empties(tmp_path: Path) -> None:
    for name in ("one", "two"):
        KIND.create(name, inputs(path=str(tmp_path / "folder" / name), content=""))
    KIND.delete(str(tmp_path / "folder" / "one"), {})
    assert (tmp_path / "folder").exists()
    KIND.delete(str(tmp_path / "folder" / "two"), {})
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"path": "/f"}, "either the content or"),
        ({"path": "/f", "content": "", "random": 8.0}, "either the content or"),
        ({"path": "f", "content": ""}, "must be absolute, not 'f'"),
    ],
)
def test_contradicting_inputs_are_named(given: Properties, reason: str) -> None:
    assert reason in next(iter(KIND.problems("file", given).values()))
