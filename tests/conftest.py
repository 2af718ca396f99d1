"""What do tests of all tiers share? Which tiers this machine can run, and clones of the repository that go away again.

A tier that cannot run is skipped with the reason and the way out. With MLOPS_ALL_TIERS=1 (`.ci/run`) it fails instead.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests import tiers
from tests.clones import Clone, fresh_clone


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tier lacks something here."""
    for tier, missing in tiers.MISSING.items():
        if item.get_closest_marker(tier) and (reason := missing()):
            if os.environ.get("MLOPS_ALL_TIERS"):
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository under test; a test reads it and never writes there."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def chromium() -> str:
    """The headless browser's program."""
    return tiers.chromium() or pytest.skip(str(tiers.no_browser()))


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Generator[Clone]:
    """A clone of the working tree for one test, with its own state; everything that it runs ends with the test."""
    with fresh_clone(repository, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_clone(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Clone]:
    """Like `clone`, for all tests of a module."""
    with fresh_clone(repository, tmp_path_factory.mktemp("clone")) as made:
        yield made
