"""Is this clone ready to work in? If not, make it so: `python3 -m tools.bootstrap` (what `make setup` runs).

Safe to repeat: each part is keyed by its pins and skipped when it is there.
"""

import os
import sys

OLDEST_PYTHON = (3, 11)


def main() -> int:
    """Set up packages and engine below the repository; the exit code is 0 when both are ready."""
    problem = unsuitable()
    if problem:
        print(f"setup: {problem}", file=sys.stderr)
        return 1
    # Only now: these modules do not parse on an old Python, and the line above should be what its user reads.
    from tools.commands import SetupError
    from tools.setup import set_up

    try:
        set_up()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; `make setup` continues where it stopped.", file=sys.stderr)
        return 130
    return 0


def unsuitable(system: str = os.name, python: "tuple[int, int]" = sys.version_info[:2]) -> "str | None":
    """Why this system or Python cannot carry the template; None when they can. Parses on any Python 3."""
    if system != "posix":
        return "Linux or macOS is needed (on Windows: WSL), because the local platform runs under supervisord."
    if python < OLDEST_PYTHON:
        message = "Python 3.11 or newer is needed; {} is {}.{}. Way out: `make setup PYTHON=python3.12`."
        return message.format(sys.executable, *python)
    return None


if __name__ == "__main__":
    sys.exit(main())
