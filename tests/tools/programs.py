"""Programs for tests of the setup: each says one thing."""

from pathlib import Path


def program(file: Path, says: str) -> Path:
    """An executable that prints `says` whatever it is asked."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return file
