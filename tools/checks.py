"""Is the code right? Tests, lint, types and import directions, each with its time and its last word (`make test`).

All parts run, whatever the first one says; the exit code is that of the first that failed. pytest's closing line is
printed once more at the end, where a person and a CI runner look for it.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
BIN = Path(sys.prefix) / "bin"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part: its name, what it is about, and its command."""

    name: str
    about: str
    command: tuple[str, ...]


TEST = (
    Check(
        name="tests",
        about="pytest in parallel, with line and branch coverage",
        command=(
            PYTHON, "-m", "pytest", "-n", "logical", "--maxprocesses", "4", "--dist", "loadscope",
            "--cov", "--cov-report", "",
        ),
    ),
    Check(
        name="coverage",
        about="percent of lines and branches (per file: .venv/bin/coverage report)",
        command=(PYTHON, "-m", "coverage", "report", "--format", "total"),
    ),
)  # fmt: skip
LINT = (
    Check(name="ruff", about="mistakes, style, security", command=(str(BIN / "ruff"), "check", "--quiet", ".")),
    Check(name="format", about="one layout", command=(str(BIN / "ruff"), "format", "--quiet", "--check", ".")),
    Check(name="types", about="pyright's strict mode", command=(str(BIN / "basedpyright"),)),
    Check(name="imports", about="one direction", command=(str(BIN / "lint-imports"), "--no-logo")),
)
PARTS = {"test": TEST, "lint": LINT}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one part ended."""

    check: Check
    code: int
    seconds: float
    last_line: str


def perform(check: Check) -> Outcome:
    """Run one part. The tests' output is shown as it comes; that of the others only when they fail."""
    print(f"== {check.name}: {check.about}", flush=True)
    began = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(check.command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None  # it was asked for above
        for line in process.stdout:
            lines.append(line.rstrip())
            if check in TEST:
                print(lines[-1], flush=True)
    if process.returncode and check not in TEST:
        print("\n".join(lines), flush=True)
    seconds = time.monotonic() - began
    spoken = [line for line in lines if line.strip()]
    return Outcome(check=check, code=process.returncode, seconds=seconds, last_line=spoken[-1] if spoken else "")


def summary(outcomes: list[Outcome]) -> list[str]:
    """A line per part, and pytest's closing line last."""
    lines = [f"{o.check.name:9}{'FAILED' if o.code else 'passed'} in {o.seconds:.0f} s" for o in outcomes]
    return lines + [o.last_line for o in outcomes if o.check is TEST[0]]


def main(parts: list[str]) -> int:
    """Perform the named parts and sum up; the exit code is that of the first that failed, else 0."""
    outcomes = [perform(check) for part in parts for check in PARTS[part]]
    print("\n" + "\n".join(summary(outcomes)), flush=True)
    return next((outcome.code for outcome in outcomes if outcome.code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["test", "lint"]))
