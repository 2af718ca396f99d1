"""How does a release enter an endpoint, and what may stand in its way?"""

from typing import Any

from environments.declaration import Endpoint

NO_TRAFFIC = {"candidate": 0, "shadow": 0}


def entry(declared: Endpoint, digest: str) -> dict[str, Any]:
    """The fields of the declaration that change when `digest` comes in.

    The first release becomes stable and the anchor that later losses are counted from. Later ones go on trial at the
    first step of the rollout, or replace the stable release where the environment declares no trial.
    """
    if declared.stable is None:
        return {"stable": digest, "anchor": declared.anchor or digest, "candidate": None, "traffic": NO_TRAFFIC}
    if not declared.rollout.steps:
        return {"stable": digest, "candidate": None, "traffic": NO_TRAFFIC}
    return {"candidate": digest, "traffic": traffic(declared.rollout.steps[0])}


def traffic(step: int) -> dict[str, int]:
    """The traffic of a rollout step; step 0 mirrors every request and answers none."""
    return {"candidate": step, "shadow": 0 if step else 100}


def obstacle(declared: Endpoint, digest: str, name: str) -> str | None:
    """Why `digest` cannot enter the endpoint of environment `name` now, with the way out; None when it can."""
    if digest == declared.stable:
        return f"release {digest[:12]} is the stable release of {name} already. There is nothing to promote."
    if digest == declared.candidate:
        return (
            f"release {digest[:12]} is on trial in {name} already. "
            f"`mlops rollout --env {name} --write` judges it and moves its traffic."
        )
    if declared.candidate is not None:
        return (
            f"release {declared.candidate[:12]} is on trial in {name}, and there is one trial at a time. "
            f"Finish it with `mlops rollout --env {name} --write`, "
            f"or end it with `mlops rollback --env {name} --reason WHY`."
        )
    return None
