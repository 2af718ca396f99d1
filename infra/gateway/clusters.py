"""Which servers stand behind the gateway, and when is one of them left out?

All four clusters exist always, so that a route never names a missing one while Envoy has read one file and not yet the
other. Without a candidate its cluster has the stable server's address: a promotion then leaves it as it is, with the
traffic that it carries.
"""

from typing import Any

from infra.gateway.settings import Address, GatewaySettings

TYPES = "type.googleapis.com/envoy."
READY = "/v2/health/ready"
TRACKS = ("stable", "candidate")

# Every request that fails is tried again elsewhere: the default budget (a fifth of the traffic) refuses most retries
# in exactly the moment that they are for.
CIRCUIT_BREAKERS: dict[str, Any] = {
    "thresholds": [
        {
            "priority": "DEFAULT",
            "max_connections": 1024,
            "max_pending_requests": 1024,
            "max_requests": 1024,
            "retry_budget": {"budget_percent": {"value": 100}, "min_retry_concurrency": 100},
            "track_remaining": True,
        }
    ]
}

# The clusters have one host each: below 100 % that host could never be ejected.
OUTLIER_DETECTION: dict[str, Any] = {
    "consecutive_5xx": 5,
    "consecutive_gateway_failure": 5,
    "enforcing_consecutive_gateway_failure": 100,
    "interval": "2s",
    "base_ejection_time": "5s",
    "max_ejection_time": "30s",
    "max_ejection_percent": 100,
    "failure_percentage_threshold": 50,
    "enforcing_failure_percentage": 100,
    "failure_percentage_minimum_hosts": 1,
    "failure_percentage_request_volume": 20,
}

# `no_traffic_interval` is a minute by default: a server would stay out for that long after its restart.
HEALTH_CHECK: dict[str, Any] = {
    "timeout": "1s",
    "interval": "1s",
    "no_traffic_interval": "1s",
    "unhealthy_interval": "0.25s",
    "unhealthy_threshold": 3,
    "healthy_threshold": 1,
    "http_health_check": {"path": READY},
}

# Shorter than the keep-alive of the servers, so that the gateway closes a connection and never meets a closed one.
UPSTREAM_IDLE = "60s"


def clusters(settings: GatewaySettings) -> list[dict[str, Any]]:
    """The servers of both tracks, and for each track the two in the order in which they are asked."""
    return [
        server("stable", settings.stable, settings),
        server("candidate", settings.candidate or settings.stable, settings),
        failover("to_stable", ["stable", "candidate"]),
        failover("to_candidate", ["candidate", "stable"]),
    ]


def server(name: str, address: Address | None, settings: GatewaySettings) -> dict[str, Any]:
    """The cluster of one track's server; without an endpoint when there is none."""
    return {
        "name": name,
        "type": "STATIC" if address is None or address.literal else "STRICT_DNS",
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints(address)},
        "per_connection_buffer_limit_bytes": settings.limits.max_request_bytes,
        "circuit_breakers": CIRCUIT_BREAKERS,
        "outlier_detection": OUTLIER_DETECTION,
        "health_checks": [HEALTH_CHECK],
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPES}extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": UPSTREAM_IDLE},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def endpoints(address: Address | None) -> list[dict[str, Any]]:
    """The one endpoint at `address`, or none."""
    if address is None:
        return []
    socket = {"socket_address": {"address": address.host, "port_value": address.port}}
    return [{"lb_endpoints": [{"endpoint": {"address": socket}}]}]


def failover(name: str, order: list[str]) -> dict[str, Any]:
    """A cluster that asks the servers in `order`: the next one when those before it are out or were tried already."""
    return {
        "name": name,
        "connect_timeout": "0.5s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": CIRCUIT_BREAKERS,
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {"@type": f"{TYPES}extensions.clusters.aggregate.v3.ClusterConfig", "clusters": order},
        },
    }
