"""Does `make test` fail when a part fails, and is pytest's closing line the last that it prints?"""

import dataclasses
import sys

import pytest

from tools import checks
from tools.checks import LINT, TEST, Outcome


def outcomes(test_code: int, lint_code: int) -> list[Outcome]:
    return [
        Outcome(check=TEST[0], code=test_code, seconds=1.0, last_line="3 passed, 1 skipped in 1.00s"),
        Outcome(check=LINT[0], code=lint_code, seconds=1.0, last_line="All checks passed!"),
    ]


def test_the_closing_line_of_pytest_comes_last() -> None:
    assert checks.summary(outcomes(0, 1))[-1] == "3 passed, 1 skipped in 1.00s"


def test_a_part_that_failed_is_named() -> None:
    assert any("ruff" in line and "FAILED" in line for line in checks.summary(outcomes(0, 1)))


@pytest.mark.parametrize("code", [0, 4])
def test_a_part_has_the_exit_code_of_its_command(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    check = dataclasses.replace(LINT[0], command=(sys.executable, "-c", f"print('words'); raise SystemExit({code})"))

    outcome = checks.perform(check)

    assert (outcome.code, outcome.last_line) == (code, "words")
    assert ("words" in capsys.readouterr().out) == bool(code)
