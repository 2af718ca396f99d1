"""How does the setup run a program, and what does a person read when it fails?"""

import collections
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

LAST_LINES = 15


class SetupError(Exception):
    """Something is missing; the message says what, and the way out."""


def say(message: str) -> None:
    """One line about what happens now."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


def run(
    command: list[str | Path],
    *,
    way_out: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run `command` and return what it printed; `on_line` sees each line as it comes.

    Raises SetupError with the last lines and `way_out` when it fails or does not exist.
    """
    words = [str(word) for word in command]
    lines: list[str] = []
    try:
        with subprocess.Popen(
            words, cwd=cwd, env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            assert process.stdout is not None  # it was asked for above
            for line in process.stdout:
                lines.append(line.rstrip())
                if on_line:
                    on_line(lines[-1])
    except OSError as error:
        raise SetupError(f"`{words[0]}` cannot be run: {error.strerror}.\n{way_out}") from None
    if process.returncode:
        tail = "\n".join(f"  | {line}" for line in collections.deque(lines, LAST_LINES))
        raise SetupError(f"`{' '.join(words[:4])} …` failed with exit code {process.returncode}:\n{tail}\n{way_out}")
    return "\n".join(lines)
