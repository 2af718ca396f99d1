"""Programs and packages for tests of the setup: each says or holds one thing."""

import zipfile
from pathlib import Path


def program(file: Path, says: str) -> Path:
    """An executable that prints `says` whatever it is asked."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return file


def tiny_wheel(folder: Path) -> Path:
    """The wheel of a package `tiny` with one empty module."""
    wheel, info = folder / "tiny-1.0-py3-none-any.whl", "tiny-1.0.dist-info"
    files = {
        "tiny.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    return wheel
