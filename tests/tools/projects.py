"""Pulumi projects for tests of the language host, written where a test wants them."""

from pathlib import Path

PROJECT = "name: platform\nruntime: python\nmain: program\n"


def project(root: Path, program: str, **modules: str) -> Path:
    """A project at `root` whose program is `program`, with modules of its own beside it."""
    folder = root / "program"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "Pulumi.yaml").write_text(PROJECT)
    (folder / "__main__.py").write_text(program)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return root
