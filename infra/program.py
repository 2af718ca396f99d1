"""What does a program read before it declares anything? Its stack's declaration, refused as a whole if it is wrong."""

from pathlib import Path
from typing import TypeVar

import pulumi

from environments.declaration import NAMESPACE, DeclarationError, Declared, Platform, load, parse, path

D = TypeVar("D", bound=Declared)


def declared(root: Path, kind: type[D]) -> D:
    """The declaration of `kind` that the engine read for this stack. Raises RunError with one message, no stack."""
    key = kind.__name__.lower()
    file = path(root, kind, pulumi.get_stack())
    given = pulumi.Config(NAMESPACE).get_object(key)
    if given is None:
        raise pulumi.RunError(f"{file} declares no '{NAMESPACE}:{key}' under 'config:'. Create it from another one.")
    try:
        return parse(kind, given, where=str(file))
    except DeclarationError as error:
        raise pulumi.RunError(str(error)) from None


def carrier(root: Path) -> str:
    """What carries this stack's environment: 'local', 'azure' or 'kubernetes'."""
    try:
        return load(root, Platform, pulumi.get_stack()).platform
    except DeclarationError as error:
        raise pulumi.RunError(str(error)) from None


def platform_output(name: str) -> pulumi.Output[str]:
    """An output of this environment's platform stack. The program ends with one sentence when it is not up."""
    environment = pulumi.get_stack()

    def required(value: str | None) -> str:
        if value is None:
            raise pulumi.RunError(
                f"the platform of '{environment}' has no output '{name}': it is not up, or was destroyed. "
                f"Run `pulumi up -s {environment}` at the repository's top first, or `mlops up --env {environment}`."
            )
        return value

    stack = pulumi.StackReference(f"{pulumi.get_organization()}/platform/{environment}")
    return stack.get_output(name).apply(required)


def not_yet(platform: str) -> pulumi.RunError:
    """The refusal of a platform that no program here knows how to build."""
    return pulumi.RunError(
        f"environment '{pulumi.get_stack()}' declares platform '{platform}', for which there is no program yet. "
        "Declare 'local', or add a module beside local.py and name it in __main__.py."
    )
