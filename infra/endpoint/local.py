"""What is an endpoint on a laptop? A key, a shipper, a server per release, the gateway, and a file that says so.

They are made in this order and removed in the opposite one: a server is ready before a route leads to it, routes have
left a server before it ends, and the shipper outlives them all.
"""

from pathlib import Path

import msgspec
from pulumi import Input, ResourceOptions

from environments.declaration import Endpoint
from environments.location import Deployed, Track, home
from infra.endpoint.gateway import Gateway
from infra.endpoint.server import Host, model_server, server_name, shipper
from infra.gateway import Address, GatewaySettings
from infra.local.ports import Ports, block, server_ports
from infra.local.resources import File
from infra.program import platform_output

KEY_LENGTH = 40  # hexadecimal digits, 160 bits


def deploy(root: Path, environment: str, endpoint: Endpoint) -> dict[str, Input[object]]:
    """Declare it. Returns the stack's outputs."""
    host = Host(root=root, home=home(root, environment), store=platform_output("store"))
    ports, tracks = block(root, environment), addresses(root, environment, endpoint)
    shipping = shipper(host, endpoint)
    servers = [
        model_server(host, release, endpoint, tracks[release].port, ResourceOptions(depends_on=[shipping]))
        for release in tracks
    ]
    key = File("api-key", path=str(host.home / "secrets" / "api-key"), random=KEY_LENGTH)
    gateway = Gateway(
        "gateway",
        home=host.home,
        settings=settings(host.home, endpoint, ports, tracks),
        api_key=key.content,
        after=[shipping, *servers],
    )
    running = deployed(environment, host.home, endpoint, ports, tracks)
    File(
        "deployed",
        path=str(host.home / "endpoint.json"),
        content=msgspec.json.format(msgspec.json.encode(running), indent=1).decode() + "\n",
        opts=ResourceOptions(depends_on=[gateway.process, gateway.routes]),
    )
    return {**msgspec.to_builtins(running), "traffic": msgspec.to_builtins(endpoint.traffic)}


def addresses(root: Path, environment: str, endpoint: Endpoint) -> dict[str, Address]:
    """Where each declared release is served."""
    names = {release: server_name(release, endpoint) for release in (endpoint.stable, endpoint.candidate) if release}
    given = server_ports(root, environment, names.values())
    return {release: Address(port=given[name]) for release, name in names.items()}


def settings(folder: Path, endpoint: Endpoint, ports: Ports, tracks: dict[str, Address]) -> GatewaySettings:
    """What the gateway is to do, without its key."""
    return GatewaySettings(
        listen=Address(port=ports.gateway),
        admin=Address(port=ports.admin),
        stable=tracks.get(endpoint.stable or ""),
        candidate=tracks.get(endpoint.candidate or ""),
        traffic=endpoint.traffic,
        step=endpoint.step(),
        limits=endpoint.gateway,
        api_key="",
        directory=str(folder / "gateway"),
        access_log=str(folder / "log" / "access.jsonl"),
    )


def deployed(environment: str, folder: Path, endpoint: Endpoint, ports: Ports, tracks: dict[str, Address]) -> Deployed:
    """What will run once everything that is declared stands."""

    def track(release: str | None) -> Track | None:
        return Track(release=release, url=f"http://127.0.0.1:{tracks[release].port}") if release else None

    return Deployed(
        environment=environment,
        gateway=f"http://127.0.0.1:{ports.gateway}",
        gateway_admin=f"http://127.0.0.1:{ports.admin}",
        api_key_file=str(folder / "secrets" / "api-key"),
        step=endpoint.step(),
        stable=track(endpoint.stable),
        candidate=track(endpoint.candidate),
    )
