"""Do imports point one way, also where import-linter does not look: the model folder, which is no package?"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

OURS = {"bench", "environments", "infra", "pipelines", "serving", "tests", "tools"}


def imported(file: Path) -> set[str]:
    """First names of all modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("folder", ["model", "tests/models"])
def test_a_model_imports_nothing_of_ours(repository: Path, folder: str) -> None:
    files = list((repository / folder).rglob("*.py"))

    assert files
    assert {file: used for file in files if (used := imported(file) & OURS)} == {}


@pytest.mark.parametrize("folder", ["environments", "infra", "pipelines", "serving"])
def test_nothing_of_ours_imports_the_model_by_name(repository: Path, folder: str) -> None:
    assert [file for file in (repository / folder).rglob("*.py") if "model" in imported(file)] == []


@pytest.mark.parametrize("heavy", ["mlflow", "pandas", "sklearn"])
def test_the_server_loads_nothing_heavy(repository: Path, heavy: str) -> None:
    code = f"import sys, serving.server; raise SystemExit('{heavy}' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=repository, check=False).returncode == 0
