"""How does a program declare a process or a file of this machine?"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi import Input, Output, ResourceOptions


class Process(pulumi.CustomResource):
    """A process that runs until it is removed.

    `home` is the environment's folder: its supervisord lives in `run` of it, what the process prints goes to
    `log/<name>.log`. `ports` are those that it will listen on; nobody else may. It is ready when the URL `ready`
    answers, or after a second without one. On a stop it has `stop_seconds` to answer what is in flight.
    """

    state: Output[str]

    def __init__(
        self,
        name: str,
        *,
        home: Input[str],
        command: Input[Sequence[Input[str]]],
        directory: Input[str],
        environment: Input[Mapping[str, Input[str]]] | None = None,
        ports: Input[Sequence[Input[int]]] | None = None,
        ready: Input[str] | None = None,
        start_seconds: Input[float] | None = None,
        stop_seconds: Input[float] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        properties = {
            "home": home,
            "command": command,
            "directory": directory,
            "environment": environment,
            "ports": ports,
            "ready": ready,
            "start_seconds": start_seconds,
            "stop_seconds": stop_seconds,
            "state": None,
        }
        super().__init__("local:index:Process", name, properties, opts)


class File(pulumi.CustomResource):
    """A file that is only ever replaced as a whole.

    Its content is declared, or is `random` hexadecimal digits: generated once, kept, and a Pulumi secret. Whoever edits
    a generated one by hand has changed the secret for all; whoever removes it gets another at the next `pulumi up`.
    `mode` is octal digits.
    """

    path: Output[str]
    content: Output[str]

    def __init__(
        self,
        name: str,
        *,
        path: Input[str],
        content: Input[str] | None = None,
        random: Input[int] | None = None,
        mode: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        secret = ResourceOptions(additional_secret_outputs=["content"] if random is not None else [])
        properties = {"path": path, "content": content, "random": random, "mode": mode}
        super().__init__("local:index:File", name, properties, ResourceOptions.merge(opts, secret))
