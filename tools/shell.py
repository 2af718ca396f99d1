"""How does a person get at the local stacks? A shell with the right engine, state and passphrase (`make shell`)."""

import os
import sys

from environments.declaration import Platform, load, names
from pipelines.engine import FOLDERS, engine_environment, has_stack, run
from pipelines.errors import MlopsError
from pipelines.options import root as repository

HINT = (
    "The local stacks' shell: `pulumi preview -s local-dev` works here (platform) and in infra/endpoint, "
    "`mlops status` shows all; leave with `exit`."
)


def make_stacks() -> None:
    """Give each local environment its stacks, since `pulumi up -s` refuses one that does not exist."""
    root = repository()
    environment = engine_environment(root)
    for name in names(root):
        if load(root, Platform, name).platform != "local":
            continue
        for project in FOLDERS:
            if not has_stack(root, project, name):
                print(f"making the stack {name} of {project}", file=sys.stderr)
                run(root, project, environment, "stack", "init", name, "--no-select")


def main() -> None:
    """Replace this process by the user's shell."""
    try:
        make_stacks()
        environment = engine_environment(repository())
    except MlopsError as error:
        sys.exit(f"shell: {error}")
    print(HINT, file=sys.stderr)
    shell = os.environ.get("SHELL", "/bin/sh")
    os.execvpe(shell, [shell, *sys.argv[1:]], environment)  # noqa: S606  # a shell is what was asked for


if __name__ == "__main__":
    main()
