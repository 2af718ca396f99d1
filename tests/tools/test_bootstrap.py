"""Does a machine that cannot carry the template hear what is missing, even from an old Python?"""

import ast
from pathlib import Path

from tools.bootstrap import unsuitable


def test_an_old_python_is_refused_with_the_way_out() -> None:
    assert "make setup PYTHON=" in str(unsuitable(python=(3, 9)))


def test_windows_is_refused_with_the_way_out() -> None:
    assert "WSL" in str(unsuitable(system="nt"))


def test_this_machine_is_accepted() -> None:
    assert unsuitable() is None


def test_the_entry_parses_on_a_python_that_it_refuses(repository: Path) -> None:
    for file in ("bootstrap.py", "__init__.py"):
        ast.parse((repository / "tools" / file).read_text(), feature_version=(3, 7))
