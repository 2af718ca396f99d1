"""Does a change of a declaration reach history alone, with its evidence, or not at all?"""

import subprocess
from pathlib import Path

import pytest

from pipelines import git
from pipelines.errors import InvalidInput, NotReady, ToolFailed
from pipelines.git import Message


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-global-config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in (
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "EMAIL",
        "GIT_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    repository = tmp_path / "repository"
    (repository / "environments").mkdir(parents=True)
    run(tmp_path, "init", "--quiet", str(repository))
    run(repository, "config", "user.name", "Ada")
    run(repository, "config", "user.email", "ada@example.org")
    (repository / "other").write_text("1\n")
    file = repository / "environments" / "declared.yaml"
    file.write_text("stable: a\n")
    run(repository, "add", ".")
    run(repository, "commit", "--quiet", "-m", "first")
    return file


def change(file: Path, text: str) -> str:
    message = Message(subject="Release b", body="roc_auc 0.78", trailers={"Release": "b", "Ledger-Head": "0" * 64})
    return git.commit_change(file, lambda: file.write_text(text), message)


def test_a_change_is_committed_with_its_evidence_and_trailers(file: Path) -> None:
    commit = change(file, "stable: b\n")
    assert run(file.parent, "show", "--no-patch", "--format=%B", commit).startswith("Release b\n\nroc_auc 0.78\n\n")
    assert git.trailers(file.parent, commit) == {"Release": "b", "Ledger-Head": "0" * 64}
    assert run(file.parent, "status", "--porcelain") == ""


def test_what_else_is_staged_stays_out_of_the_commit(file: Path) -> None:
    (file.parent.parent / "other").write_text("2\n")
    run(file.parent.parent, "add", "other")
    commit = change(file, "stable: b\n")
    assert run(file.parent, "show", "--name-only", "--format=", commit).split() == ["environments/declared.yaml"]
    assert run(file.parent.parent, "status", "--porcelain").strip() == "M  other"


def test_without_an_identity_nothing_changes_and_the_way_out_is_named(file: Path) -> None:
    run(file.parent, "config", "--unset", "user.email")
    with pytest.raises(NotReady, match="git config user.email"):
        change(file, "stable: b\n")
    assert file.read_text() == "stable: a\n"


@pytest.mark.parametrize("staged", [False, True])
def test_a_file_with_changes_of_its_own_is_refused(file: Path, staged: bool) -> None:
    file.write_text("stable: mine\n")
    if staged:
        run(file.parent, "add", file.name)
    with pytest.raises(NotReady, match="git restore"):
        change(file, "stable: b\n")
    assert file.read_text() == "stable: mine\n"


def test_a_file_that_git_does_not_know_is_refused(file: Path) -> None:
    new = file.with_name("new.yaml")
    new.write_text("stable: a\n")
    with pytest.raises(NotReady, match="is not in Git"):
        change(new, "stable: b\n")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    lonely = tmp_path / "lonely.yaml"
    lonely.write_text("stable: a\n")
    with pytest.raises(NotReady, match="git init"):
        change(lonely, "stable: b\n")


def test_during_an_unfinished_merge_nothing_is_committed(file: Path) -> None:
    (file.parent.parent / ".git" / "MERGE_HEAD").write_text(git.head(file.parent) + "\n")
    with pytest.raises(NotReady, match="Finish or abort it"):
        change(file, "stable: b\n")


def test_a_hook_that_refuses_the_commit_leaves_the_file_as_it_was(file: Path) -> None:
    hook = file.parent.parent / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'not on Fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ToolFailed, match="not on Fridays"):
        change(file, "stable: b\n")
    assert file.read_text() == "stable: a\n"
    git.check(file)


def test_a_change_that_changes_nothing_is_refused(file: Path) -> None:
    with pytest.raises(NotReady, match="nothing to commit"):
        change(file, "stable: a\n")


def test_a_trailer_of_two_lines_is_refused(file: Path) -> None:
    with pytest.raises(InvalidInput, match="one line"):
        git.commit_change(file, lambda: None, Message(subject="x", trailers={"Release": "a\nb"}))


def test_history_gives_the_contents_newest_first(file: Path) -> None:
    change(file, "stable: b\n")
    change(file, "stable: c\n")
    assert [revision.content for revision in git.history(file)] == [b"stable: c\n", b"stable: b\n", b"stable: a\n"]
