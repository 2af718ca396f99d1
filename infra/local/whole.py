"""How is a file changed so that no reader ever sees half of it?"""

import os
from pathlib import Path


def write_whole(file: Path, content: str, mode: int = 0o600) -> None:
    """Put `content` at `file` by rename, so that a reader finds the old or the new; missing folders get mode 0700."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(content)
        temporary.chmod(mode)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
