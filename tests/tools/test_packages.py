"""Do exactly the locked packages get into `.venv`, and does a clone hear what is missing?"""

import re
import shutil
import tomllib
from hashlib import sha256
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools.programs import program, tiny_wheel
from tools.commands import SetupError
from tools.packages import find_pip, find_uv, install, packages_key, pinned_folder, set_up_packages


@pytest.fixture
def root(tmp_path: Path, repository: Path) -> Path:
    """A folder with the files that the packages depend on."""
    for name in ("pyproject.toml", "requirements.lock", "tools/uv.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock"])
def test_the_key_changes_with_each_file_that_packages_depend_on(root: Path, name: str) -> None:
    before = packages_key(root)

    (root / name).write_text((root / name).read_text() + "\n# changed\n")

    assert packages_key(root) != before


def test_a_second_setup_runs_no_program(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    program(root / ".venv" / "bin" / "python", "3.11")
    (root / ".venv" / "setup.stamp").write_text(packages_key(root))

    set_up_packages(root, root / ".tools")


def test_packages_that_a_clone_shares_are_not_touched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (root / "origin").mkdir()
    (root / ".venv").symlink_to(root / "origin")

    set_up_packages(root, root / ".tools")

    assert list((root / "origin").iterdir()) == []


def test_a_new_uv_on_path_is_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = program(root / "bin" / "uv", "uv 0.99.0")
    monkeypatch.setenv("PATH", str(uv.parent))

    assert find_uv(root / ".tools", root) == uv


def test_an_old_uv_on_path_is_left_for_the_pinned_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program(root / "bin" / "uv", "uv 0.1.0").parent))
    pinned = program(pinned_folder(root / ".tools", root / "tools" / "uv.txt") / "bin" / "uv", "uv 0.99.0")

    assert find_uv(root / ".tools", root) == pinned


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel, in a folder that is all that pip may look at."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tiny_wheel(tmp_path)


def test_a_wheel_with_the_pinned_hash_is_installed(offline: Path, tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text(f"tiny==1.0 --hash=sha256:{sha256(offline.read_bytes()).hexdigest()}\n")

    install(tmp_path / "pins.txt", tmp_path / "there", tmp_path)

    assert (tmp_path / "there" / "tiny.py").exists()


def test_a_wheel_with_another_hash_is_refused_and_leaves_nothing(offline: Path, tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(SetupError, match=r"(?s)DO NOT MATCH THE HASHES.*Way out"):
        install(tmp_path / "pins.txt", tmp_path / "there", tmp_path)

    assert not (tmp_path / "there").exists()


def test_a_python_without_pip_and_ensurepip_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"(?s)neither pip nor ensurepip.*apt-get install python3-venv"):
        find_pip(tmp_path, has=lambda _module: False)


def locked(file: Path) -> dict[str, str]:
    """Names and versions in a file of pins."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", file.read_text(), re.MULTILINE))


def test_each_declared_dependency_is_locked_at_a_version_that_it_allows(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    pins = locked(repository / "requirements.lock")
    declared = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]

    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("name", ["requirements.lock", "tools/uv.txt", "tools/go.txt"])
def test_each_pin_has_hashes_and_no_index_is_named(repository: Path, name: str) -> None:
    text = (repository / name).read_text()

    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]

    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
