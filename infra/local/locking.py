"""Who may change this now? Whoever holds the lock file, among all processes and threads of this user."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(file: Path) -> Generator[None]:
    """Hold `file` as an exclusive lock; its folder is made when it is missing. The holder may remove the file."""
    while True:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_still(file, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def is_still(file: Path, descriptor: int) -> bool:
    """Whether the open `descriptor` is what stands at `file`: a holder before us may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
