"""Does a tier that this machine cannot run say so, and does it fail where all of them must run?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = "import pytest\n\n@pytest.mark.browser\ndef test_page():\n    pass\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A test that needs a browser."""
    file = tmp_path / "test_page.py"
    file.write_text(PAGE)
    return file


def outcome(repository: Path, file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest on `file` with this repository's settings, where no program is on PATH."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c"]
    return subprocess.run(
        [*command, str(repository / "pyproject.toml"), "--rootdir", str(file.parent), str(file)],
        cwd=repository, env=os.environ | {"PATH": "", "MLOPS_ALL_TIERS": ""} | environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip


def test_a_tier_that_cannot_run_is_skipped_with_the_way_out(repository: Path, page: Path) -> None:
    done = outcome(repository, page)

    assert done.returncode == 0
    assert "1 skipped" in done.stdout
    assert "apt-get install chromium" in done.stdout


def test_a_tier_that_cannot_run_fails_where_all_must_run(repository: Path, page: Path) -> None:
    done = outcome(repository, page, MLOPS_ALL_TIERS="1")

    assert done.returncode == 1
    assert "apt-get install chromium" in done.stdout
