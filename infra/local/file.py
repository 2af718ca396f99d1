"""How does a `File` resource come about? As a whole, by rename, with declared or generated content."""

import contextlib
import secrets
import stat
from pathlib import Path
from typing import ClassVar

from infra.local.kind import UNKNOWN, Properties, Property, differences
from infra.local.whole import write_whole


class FileKind:
    """`local:index:File`: `content` is declared, or `random` characters that are generated once and then kept."""

    inputs: ClassVar[dict[str, Property]] = {
        "path": Property(type=str, required=True, replaces=True),
        "content": Property(type=str),
        "random": Property(type=float, replaces=True),
        "mode": Property(type=str, default="0600"),
    }

    def problems(self, name: str, inputs: Properties) -> dict[str, str]:
        if ("content" in inputs) == ("random" in inputs):
            return {"content": "give either the content or, as 'random', how many characters to generate"}
        if inputs["path"] != UNKNOWN and not Path(inputs["path"]).is_absolute():
            return {"path": f"must be absolute, not {inputs['path']!r}: nobody knows where the provider runs"}
        return {}

    def changes(self, old: Properties, new: Properties) -> list[str]:
        # A generated content is nobody's input: what stands in the file is right.
        return [name for name in differences(self, old, new) if not (name == "content" and "random" in new)]

    def planned(self, inputs: Properties, old: Properties) -> Properties:
        return {"content": old.get("content", UNKNOWN), **inputs}

    def create(self, name: str, inputs: Properties) -> tuple[str, Properties]:
        state = {"content": generated(int(inputs.get("random", 0))), **inputs}
        put(state)
        return inputs["path"], state

    def update(self, identity: str, old: Properties, inputs: Properties) -> Properties:
        state = {"content": old["content"], **inputs}
        put(state)
        return state

    def read(self, identity: str, state: Properties, inputs: Properties) -> tuple[Properties, Properties] | None:
        file = Path(identity)
        try:
            content, mode = file.read_text(errors="replace"), f"{stat.S_IMODE(file.stat().st_mode):04o}"
        except FileNotFoundError:
            return None
        if len(content) < state.get("random", 0):
            return None  # an emptied secret would open the door to everybody
        found = {"content": content, "mode": mode}
        return state | found, inputs | {name: value for name, value in found.items() if name in inputs}

    def delete(self, identity: str, state: Properties) -> None:
        file = Path(identity)
        file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            file.parent.rmdir()


def generated(length: int) -> str:
    """`length` random hexadecimal digits."""
    return secrets.token_hex((length + 1) // 2)[:length]


def put(state: Properties) -> None:
    """Write the file that `state` describes."""
    write_whole(Path(state["path"]), state["content"], int(state["mode"], 8))
