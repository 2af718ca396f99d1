"""Which files make Envoy the gateway of an endpoint? One pure function, for files on a laptop and for a ConfigMap.

Envoy reads `bootstrap.json` once and watches the three others: a change must arrive by rename, as a write in place
is never seen. `static` says the same in one file, the only form that `envoy --mode validate` reads whole.
"""

import json
from typing import Any

from infra.gateway.clusters import TYPES, clusters
from infra.gateway.listener import CONNECTIONS, listener
from infra.gateway.routes import NAME, routes
from infra.gateway.settings import Address, GatewaySettings

__all__ = ["Address", "GatewaySettings", "command", "gateway", "static"]


def gateway(settings: GatewaySettings) -> dict[str, str]:
    """The files by name: `bootstrap.json`, `lds.json`, `cds.json`, `rds.json`. Only `lds.json` depends on the key."""
    rds = {"rds": {"route_config_name": NAME, "config_source": source(settings.directory, "rds.json")}}
    return {
        "bootstrap.json": text(bootstrap(settings)),
        "lds.json": text(discovery("listener.v3.Listener", listener(settings, rds))),
        "cds.json": text(discovery("cluster.v3.Cluster", *clusters(settings))),
        "rds.json": text(discovery("route.v3.RouteConfiguration", routes(settings))),
    }


def static(settings: GatewaySettings) -> str:
    """The same as one file without discovery, in which routes to unknown clusters are refused as well."""
    inline = {"route_config": {**routes(settings), "validate_clusters": True}}
    return text(
        common(settings)
        | {"static_resources": {"listeners": [listener(settings, inline)], "clusters": clusters(settings)}}
    )


def command(envoy: str, directory: str) -> list[str]:
    """The command line that runs `envoy` on the files in `directory`."""
    return [
        envoy,
        *("-c", f"{directory}/bootstrap.json"),
        *("--concurrency", "2"),
        *("--file-flush-interval-msec", "200"),
        *("--log-level", "warning"),
        "--disable-hot-restart",  # else two environments on one machine would share memory by their --base-id
        "--reject-unknown-dynamic-fields",  # else a misspelt field is dropped and its default answers
    ]


def bootstrap(settings: GatewaySettings) -> dict[str, Any]:
    """What Envoy reads once: where the rest is."""
    return common(settings) | {
        "dynamic_resources": {
            "lds_config": source(settings.directory, "lds.json"),
            "cds_config": source(settings.directory, "cds.json"),
        }
    }


def common(settings: GatewaySettings) -> dict[str, Any]:
    """Admin and overload limits. The admin neither shows nor changes the configuration, in which the key is."""
    return {
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {
            "address": {"socket_address": {"address": settings.admin.host, "port_value": settings.admin.port}},
            "allow_paths": [{"exact": "/ready"}, {"prefix": "/stats"}, {"prefix": "/clusters"}],
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{TYPES}extensions.resource_monitors.downstream_connections.v3"
                        ".DownstreamConnectionsConfig",
                        "max_active_downstream_connections": CONNECTIONS,
                    },
                }
            ]
        },
    }


def source(directory: str, name: str) -> dict[str, Any]:
    """A watched file; the folder is watched, too, since a ConfigMap changes by a symlink beside the file."""
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": f"{directory}/{name}", "watched_directory": {"path": directory}},
        "initial_fetch_timeout": "5s",
    }


def discovery(message: str, *resources: dict[str, Any]) -> dict[str, Any]:
    """A discovery response of resources that are all of one `message`."""
    typed = [{"@type": f"{TYPES}config.{message}", **resource} for resource in resources]
    return {"version_info": "1", "resources": typed}


def text(value: dict[str, Any]) -> str:
    """JSON whose bytes follow from the value."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
