"""Has this release passed the gates of this environment as they and its other releases stand now?"""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipelines.attestation import GATES, statements
from pipelines.contract import Model
from pipelines.decisions import gates
from pipelines.decisions.gates import Finding, Other
from pipelines.environment import Environment
from pipelines.errors import NotReady

CALLED_BY_GATES = ("metrics.py", "behaviour.py")


def gates_digest(env: Environment, model: Model) -> str:
    """The digest of the gates as they are now."""
    files = {name: (model.folder / name).read_bytes() for name in CALLED_BY_GATES}
    return gates.digest(model.contract, env.platform.gates, files)


def compared_with(env: Environment) -> dict[Other, str | None]:
    """The digests that the endpoint declares as champion (its stable release) and anchor."""
    declared = env.endpoint()
    return {"champion": declared.stable, "anchor": declared.anchor}


def outdated(env: Environment, model: Model, predicate: Mapping[str, Any]) -> str | None:
    """Why a gate attestation does not count any more, or None when it does."""
    if predicate["environment"] != env.name:
        return f"it was judged for {predicate['environment']}"
    if predicate["contract"] != gates_digest(env, model):
        return "the gates changed since"
    for role, digest in compared_with(env).items():
        if predicate[role] != digest:
            return f"the {role} is another release since"
    if predicate["verdict"] != "pass":
        return f"its verdict is '{predicate['verdict']}'"
    return None


def standing(env: Environment, model: Model, digest: str) -> dict[str, Any] | None:
    """The newest gate attestation of release `digest`, when it is a pass by the present gates and releases."""
    found = statements(env.store, digest, GATES)
    if found and outdated(env, model, found[-1].predicate) is None:
        return found[-1].predicate
    return None


def require(env: Environment, model: Model, digest: str) -> dict[str, Any]:
    """What `standing` returns. Raises NotReady, with the reason, when there is no such evidence."""
    found = statements(env.store, digest, GATES)
    why = outdated(env, model, found[-1].predicate) if found else "it was never judged"
    if why is None:
        return found[-1].predicate
    raise NotReady(
        f"release {digest[:12]} has no evidence that counts in {env.name}: {why}. "
        f"Run `mlops validate --env {env.name} {digest[:12]}`."
    )


def findings(predicate: Mapping[str, Any]) -> list[Finding]:
    """The findings in a gate attestation."""
    return msgspec.convert(predicate["findings"], list[Finding])
