"""How does Envoy become the gateway of an endpoint on a laptop? By four files that it reads, and a process."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra.gateway import GatewaySettings, command, gateway
from infra.local.resources import File, Process


class Gateway(pulumi.ComponentResource):
    """Envoy, started on the files of `settings` and moved by them afterwards.

    `after` are the servers that it leads to: the engine does not hand a component's own `depends_on` to its children,
    and a `pulumi destroy` would end servers while requests still reach them. Routes are written last, so that they
    never point at a server that the other files do not know yet. Only the listener's file holds the API key and is a
    secret: the routes stay readable in a preview, they are what a promotion changes.
    """

    def __init__(
        self,
        name: str,
        *,
        home: Path,
        settings: GatewaySettings,
        api_key: Output[str],
        after: Sequence[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlops:endpoint:Gateway", name, None, opts)
        self.directory = Path(settings.directory)
        known = gateway(settings)
        listener = api_key.apply(lambda key: gateway(replace(settings, api_key=key))["lds.json"])
        bootstrap = self.file("bootstrap", known["bootstrap.json"])
        clusters = self.file("cds", known["cds.json"], *after)
        self.routes = self.file("rds", known["rds.json"], clusters)
        self.process = Process(
            "gateway",
            home=str(home),
            command=command(str(Path(sys.prefix) / "bin" / "envoy"), settings.directory),
            directory=settings.directory,
            # Envoy reads the bootstrap once: another one is another process.
            environment={"BOOTSTRAP": hashlib.sha256(known["bootstrap.json"].encode()).hexdigest()},
            ports=[settings.listen.port, settings.admin.port],
            ready=f"http://{settings.admin.host}:{settings.admin.port}/ready",
            opts=ResourceOptions(parent=self, depends_on=[bootstrap, self.file("lds", listener), self.routes, *after]),
        )
        self.register_outputs({"directory": settings.directory})

    def file(self, name: str, content: Input[str], *after: pulumi.Resource) -> File:
        """One of the gateway's files, written when `after` stand."""
        path = str(self.directory / f"{name}.json")
        return File(f"gateway-{name}", path=path, content=content, opts=ResourceOptions(parent=self, depends_on=after))
