"""What does an environment on a laptop need beside its endpoint? A private folder, and to say where things lie."""

import json
from pathlib import Path

from pulumi import Input

from environments.location import home, locate
from infra.local.resources import File


def deploy(root: Path, environment: str) -> dict[str, Input[str]]:
    """Declare it. Returns the stack's outputs, of which the endpoint reads `store`.

    The store and MLflow make their own folders, and `pulumi destroy` leaves them: they hold data.
    """
    location = locate(root, environment)
    outputs: dict[str, Input[str]] = {"platform": "local", "store": location.store, "tracking": location.tracking}
    connection = File(
        "connection",
        path=str(home(root, environment) / "connection.json"),
        content=json.dumps(outputs, indent=1, sort_keys=True) + "\n",
    )
    return {**outputs, "connection": connection.path}
