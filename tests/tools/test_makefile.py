"""Is the Makefile the one, short vocabulary of tasks?"""

import re
from pathlib import Path

import pytest


@pytest.fixture
def targets(repository: Path) -> dict[str, str]:
    """Targets and their recipes."""
    text = (repository / "Makefile").read_text()
    return dict(re.findall(r"^([a-z]+):[^\n]*## [^\n]+\n\t([^\n]+)$", text, re.MULTILINE))


def test_there_are_at_most_twelve_targets_of_one_line_each(repository: Path, targets: dict[str, str]) -> None:
    recipes = [line for line in (repository / "Makefile").read_text().splitlines() if line.startswith("\t")]

    assert len(targets) <= 12
    assert len(recipes) == len(targets)


def test_each_target_is_declared_phony(repository: Path, targets: dict[str, str]) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (repository / "Makefile").read_text(), re.MULTILINE)

    assert phony is not None
    assert set(phony.group(1).split()) == set(targets)
