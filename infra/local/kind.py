"""What does a type of resource have to answer? The engine's questions, in plain values.

Secrets never reach a kind as such: the plugin does not accept them, so the engine unwraps them before a call and marks
the same properties again afterwards. A value that is not known yet in a preview is the string `UNKNOWN`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pulumi.runtime.rpc import UNKNOWN

__all__ = ["UNKNOWN", "Kind", "Properties", "Property", "checked", "differences"]

Properties = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Property:
    """One input: its type, its default (none for a required one), whether a change makes another resource of it."""

    type: type
    default: Any = None
    required: bool = False
    replaces: bool = False


class Kind(Protocol):
    """A type of resource."""

    inputs: ClassVar[dict[str, Property]]

    def problems(self, name: str, inputs: Properties) -> dict[str, str]:
        """What is wrong with checked inputs, by property."""
        ...

    def changes(self, old: Properties, new: Properties) -> list[str]:
        """The properties in which the state `old` is not what the inputs `new` ask for."""
        ...

    def planned(self, inputs: Properties, old: Properties) -> Properties:
        """The state after a create (`old` is empty) or update, as far as a preview knows it."""
        ...

    def create(self, name: str, inputs: Properties) -> tuple[str, Properties]:
        """Make it. Returns its id and state; leaves nothing when it raises."""
        ...

    def update(self, identity: str, old: Properties, inputs: Properties) -> Properties:
        """Change it. Returns its state."""
        ...

    def read(self, identity: str, state: Properties, inputs: Properties) -> tuple[Properties, Properties] | None:
        """State and inputs as they are found, None when it is gone."""
        ...

    def delete(self, identity: str, state: Properties) -> None:
        """Remove it; no complaint when it is gone."""
        ...


def checked(kind: Kind, given: Properties) -> tuple[Properties, dict[str, str]]:
    """Inputs with defaults, and what is wrong with them by property."""
    wrong: dict[str, str] = {}
    for name, value in given.items():
        if name not in kind.inputs:
            wrong[name] = f"unknown property; known are {', '.join(kind.inputs)}"
        elif value not in (None, UNKNOWN) and not isinstance(value, kind.inputs[name].type):
            wrong[name] = f"must be of type {kind.inputs[name].type.__name__}, not {type(value).__name__}"
    for name, known in kind.inputs.items():
        if known.required and given.get(name) is None:
            wrong[name] = "is required"
    defaults = {name: known.default for name, known in kind.inputs.items() if known.default is not None}
    return defaults | {name: value for name, value in given.items() if value is not None}, wrong


def differences(kind: Kind, old: Properties, new: Properties) -> list[str]:
    """The inputs that differ."""
    return [name for name in kind.inputs if old.get(name) != new.get(name)]
