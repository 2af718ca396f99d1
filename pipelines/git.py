"""How does a change of one declaration get into Git's history, with its evidence, and nothing else with it?"""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import InvalidInput, NotReady, ToolFailed

UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A commit's message: one line, the evidence for a reader, and trailers for programs."""

    subject: str
    body: str = ""
    trailers: Mapping[str, str] = field(default_factory=dict[str, str])

    def text(self) -> str:
        """The message as Git takes it. Raises InvalidInput when a subject or trailer is not one line."""
        for name, value in {"subject": self.subject, **self.trailers}.items():
            if not value.strip() or "\n" in value:
                raise InvalidInput(f"the commit's {name} is {value!r}; it has to be one line of text.")
        trailers = "\n".join(f"{name}: {value}" for name, value in self.trailers.items())
        return "\n\n".join(part for part in (self.subject, self.body.strip(), trailers) if part) + "\n"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A file as one commit left it."""

    commit: str
    content: bytes


def check(file: Path) -> None:
    """May `file` be changed and committed now?

    Raises NotReady, with what to do, when there is no repository or no identity, when another operation is
    unfinished, or when the file is unknown to Git or already changed.
    """
    folder = file.parent
    if run(folder, "rev-parse", "--is-inside-work-tree", check=False).strip() != "true":
        raise NotReady(f"{file} is in no Git work tree, so a change of it would leave no trace. Run `git init` first.")
    for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        if not run(folder, "-c", "user.useConfigOnly=true", "var", who, check=False):
            raise NotReady(
                "Git does not know who commits. Run `git config user.name NAME` and `git config user.email ADDRESS`."
            )
    git_folder = Path(run(folder, "rev-parse", "--absolute-git-dir").strip())
    if found := [name for name in UNFINISHED if (git_folder / name).exists()]:
        raise NotReady(
            f"{git_folder / found[0]} exists: a merge, pick or rebase is unfinished. Finish or abort it first."
        )
    if not run(folder, "ls-files", "--", file.name):
        raise NotReady(f"{file} is not in Git. Add and commit it first.")
    if changed := run(folder, "status", "--porcelain", "--", file.name).rstrip():
        raise NotReady(
            f"{file} has changes that are not committed (git says '{changed[:2]}'), and they would go along. "
            "Commit them, or undo them with `git restore --staged --worktree`."
        )


def commit_change(file: Path, change: Callable[[], object], message: Message) -> str:
    """Let `change` edit `file`, commit this one file, and return the commit's hash.

    What else is staged stays staged. When anything fails the file is as it was. Raises what `check` and `change`
    raise, NotReady when nothing changed, and ToolFailed when Git (a hook, say) refuses the commit.
    """
    check(file)
    text, before = message.text(), file.read_bytes()
    try:
        change()
        if file.read_bytes() == before:
            raise NotReady(f"{file} says so already; there is nothing to commit.")
        run(file.parent, "commit", "--quiet", "--cleanup=whitespace", "--file=-", "--only", "--", file.name, given=text)
    except BaseException:
        restore(file, before)
        raise
    return head(file.parent)


def restore(file: Path, content: bytes) -> None:
    """Put `content` back by rename, so that a reader sees one or the other."""
    temporary = file.with_name(f".{file.name}.old")
    temporary.write_bytes(content)
    os.replace(temporary, file)


def head(folder: Path) -> str:
    """The commit that is checked out."""
    return run(folder, "rev-parse", "HEAD").strip()


def history(file: Path) -> Iterator[Revision]:
    """The committed contents of `file`, newest first, one per commit that changed it."""
    for commit in run(file.parent, "log", "--format=%H", "--", file.name).split():
        shown = run(file.parent, "show", f"{commit}:./{file.name}", check=False)
        if shown:
            yield Revision(commit=commit, content=shown.encode())


def trailers(folder: Path, commit: str) -> dict[str, str]:
    """The trailers of a commit's message."""
    lines = run(folder, "show", "--no-patch", "--format=%(trailers:only,unfold)", commit).splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines) if value}


def run(folder: Path, *arguments: str, check: bool = True, given: str | None = None) -> str:
    """What `git` prints in `folder`; empty when it fails and `check` is off. Raises ToolFailed with Git's own words."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ToolFailed("`git` is not on PATH. Install it; declarations are changed by commits only.") from None
    if done.returncode and check:
        raise ToolFailed(f"`{' '.join(command)}` failed in {folder}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout if not done.returncode else ""
