"""In which order does a clone get its parts, and what keeps two setups from building at once?"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tools.commands import say
from tools.engine import set_up_engine
from tools.packages import set_up_packages


def set_up() -> None:
    """Packages, then the engine, for the clone that holds this file. Raises SetupError."""
    root = Path(__file__).resolve().parent.parent
    tools = tools_folder(root)
    tools.mkdir(exist_ok=True)
    with alone(tools / "lock"):
        set_up_packages(root, tools)
        set_up_engine(root, tools)


def tools_folder(root: Path) -> Path:
    """Where programs are kept: MLOPS_TOOLS, else `.tools/` beside the packages, which a scratch clone shares."""
    return Path(os.environ.get("MLOPS_TOOLS") or (root / ".venv").resolve().parent / ".tools")


@contextmanager
def alone(lock: Path) -> Generator[None]:
    """Hold `lock` for this process, waiting for another that holds it."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another setup of this clone is running: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
