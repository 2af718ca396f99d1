"""Which server does a request go to, and what does the gateway answer itself?

Routes are tried in order: open paths, "nothing is deployed", pinned requests, then the two tracks by weight. The key
was checked before (see listener.py), so that these routes hold no secret and a change of them can be read in a diff.
The step and the track that a request was assigned to stand in headers that no client can set.
"""

from typing import Any

from environments.declaration import Gateway
from infra.gateway.clusters import READY, TYPES
from infra.gateway.settings import GatewaySettings

NAME = "model"
GATEWAY_READY = "/gateway/ready"
LIVE = "/v2/health/live"
OPEN = (GATEWAY_READY, LIVE, READY)

API_KEY = "x-api-key"
ENTITY = "x-entity-id"
PIN = "x-model-track"
ASSIGNED = "x-assigned-track"
STEP = "x-rollout-step"
TRACK = "x-track"

NO_RELEASE = "no release is deployed here. `mlops promote` declares one, then `pulumi up` deploys it."
NO_CANDIDATE = "x-model-track asks for the candidate, and none is deployed. Leave the header out."
BAD_PIN = "x-model-track is neither 'stable' nor 'candidate'. Leave it out to be assigned."


def routes(settings: GatewaySettings) -> dict[str, Any]:
    """The whole route configuration."""
    return {
        "name": NAME,
        "virtual_hosts": [
            {
                "name": NAME,
                "domains": ["*"],
                "request_headers_to_remove": [API_KEY],
                "routes": [
                    answer("ready", {"path": GATEWAY_READY}, 200, "ready"),
                    *health(settings),
                    *scoring(settings),
                ],
            }
        ],
    }


def scoring(settings: GatewaySettings) -> list[dict[str, Any]]:
    """The routes of everything that is not open."""
    if settings.stable is None:
        return [answer("no-release", everything(), 503, NO_RELEASE)]
    return [
        pinned("stable", settings),
        pinned("candidate", settings),
        answer("bad-pin", everything({"name": PIN, "present_match": True}), 400, BAD_PIN),
        assigned(settings),
    ]


def everything(*headers: dict[str, Any]) -> dict[str, Any]:
    """A match of every path whose request has these headers."""
    return {"prefix": "/", **({"headers": list(headers)} if headers else {})}


def answer(name: str, match: dict[str, Any], status: int, text: str) -> dict[str, Any]:
    """A route that the gateway answers itself; the listener wraps the text in JSON."""
    return {"name": name, "match": match, "direct_response": {"status": status, "body": {"inline_string": text}}}


def health(settings: GatewaySettings) -> list[dict[str, Any]]:
    """The two open paths of the servers. Exact, since a prefix would open what lies behind `/v2/health/../`."""
    if settings.stable is None:
        return [answer("health", {"path": path}, 503, NO_RELEASE) for path in (LIVE, READY)]
    return [
        {
            "name": "health",
            "match": {"path": path},
            "route": {"cluster": "to_stable", "timeout": "2s"},
        }
        for path in (LIVE, READY)
    ]


def pinned(track: str, settings: GatewaySettings) -> dict[str, Any]:
    """The route of requests that ask for `track`: a test of that server, so another one never answers for it.

    They carry no step: who chose a track was not assigned to it, and belongs to no experiment.
    """
    match = everything({"name": PIN, "string_match": {"exact": track}})
    if track == "candidate" and settings.candidate is None:
        return answer("no-candidate", match, 503, NO_CANDIDATE)
    return {
        "name": f"pinned-{track}",
        "match": match,
        "route": {"cluster": track, "timeout": seconds(settings.limits.timeout_seconds)},
        "request_headers_to_add": [header(ASSIGNED, track)],
        "response_headers_to_add": [header(TRACK, track)],
    }


def assigned(settings: GatewaySettings) -> dict[str, Any]:
    """The route of all other requests, by weight and sticky by entity.

    The order of the clusters is part of the promise: a hash falls below the stable release's weight or not, so that a
    growing candidate only gains entities.
    """
    return {
        "name": "assigned",
        "match": everything(),
        "request_headers_to_add": [header(STEP, settings.step)],
        "route": {
            "weighted_clusters": {
                "use_hash_policy": True,
                "clusters": [
                    weighted("stable", 100 - settings.traffic.candidate),
                    weighted("candidate", settings.traffic.candidate),
                ],
            },
            "hash_policy": [
                {"header": {"header_name": ENTITY}, "terminal": True},
                {"header": {"header_name": "x-request-id"}},
            ],
            "timeout": seconds(settings.limits.timeout_seconds),
            "retry_policy": alone(settings.limits) if settings.candidate is None else together(settings.limits),
            **({"request_mirror_policies": [mirror(settings.traffic.shadow)]} if settings.traffic.shadow else {}),
        },
    }


def weighted(track: str, weight: int) -> dict[str, Any]:
    """A track's share of the requests, and the headers that say so to the server, the client and the access log."""
    return {
        "name": f"to_{track}",
        "weight": weight,
        "request_headers_to_add": [header(ASSIGNED, track)],
        "response_headers_to_add": [header(TRACK, track)],
    }


def together(limits: Gateway) -> dict[str, Any]:
    """Retries while two servers run: whatever one of them fails at, 500 included, the other one is asked."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request,reset,5xx",
        "num_retries": 3,
        "per_try_timeout": seconds(limits.timeout_seconds * 0.4),
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": f"{TYPES}extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
    }


def alone(limits: Gateway) -> dict[str, Any]:
    """Retries while one server runs: they wait for its restart, and never repeat what it answered itself."""
    interval = 0.25
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request,reset",
        # A back-off is drawn from zero to its interval, so that these last about as long as the request may take.
        "num_retries": int(limits.timeout_seconds / (interval / 2)),
        "retry_back_off": {"base_interval": "0.025s", "max_interval": seconds(interval)},
    }


def mirror(percent: int) -> dict[str, Any]:
    """Copies for the candidate whose answers are dropped; Envoy appends `-shadow` to their host, so it can tell."""
    return {
        "cluster": "candidate",
        "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
    }


def header(name: str, value: str) -> dict[str, Any]:
    """A header that replaces what a client or server sent under this name."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def seconds(value: float) -> str:
    """A duration as protobuf's JSON writes it."""
    return f"{value:.3f}s"
