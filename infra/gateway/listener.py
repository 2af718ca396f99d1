"""What does the gateway do with a connection and a request before and after its route?"""

from typing import Any

from infra.gateway.clusters import TYPES
from infra.gateway.routes import API_KEY, ASSIGNED, OPEN, STEP
from infra.gateway.settings import GatewaySettings

CLIENT_REQUEST_ID = "x-client-request-id"
CONNECTIONS = 4096
NOBODY = {"address_prefix": "255.255.255.255", "prefix_len": 32}
NO_KEY = "the header x-api-key is missing or wrong. `endpoint.json` names the file that holds the key."

ACCESS_LOG = {
    "at": "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "path": "%PATH(NQ)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    # The routes set these two when a request goes to a server: what was refused before belongs to no step.
    "step": "%REQ(X-ROLLOUT-STEP)%",
    "assigned": "%REQ(X-ASSIGNED-TRACK)%",
    "release": "%RESP(X-RELEASE)%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%RESPONSE_DURATION%",
}


def listener(settings: GatewaySettings, route_source: dict[str, Any]) -> dict[str, Any]:
    """The listener; `route_source` says where its routes are (`rds` or `route_config`)."""
    return {
        "name": "gateway",
        "address": {"socket_address": {"address": settings.listen.host, "port_value": settings.listen.port}},
        "per_connection_buffer_limit_bytes": settings.limits.max_request_bytes,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": connection_manager(settings) | route_source,
                    }
                ]
            }
        ],
    }


def connection_manager(settings: GatewaySettings) -> dict[str, Any]:
    """HTTP without a route: identity of the request, limits, filters, the log, and the shape of refusals."""
    return {
        "@type": f"{TYPES}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "codec_type": "AUTO",
        # Nobody is internal (the default is every private address): from outside Envoy drops the `x-envoy-*` headers,
        # with which a client could set timeouts and retries.
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": [NOBODY]},
        "normalize_path": True,
        "merge_slashes": True,
        "early_header_mutation_extensions": [early_headers()],
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
        "common_http_protocol_options": {"idle_timeout": "300s", "headers_with_underscores_action": "REJECT_REQUEST"},
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "30s",
        "http2_protocol_options": {"max_concurrent_streams": 128},
        "local_reply_config": local_replies(settings.limits.max_request_bytes),
        "access_log": [access_log(settings.access_log)],
        "http_filters": [
            filter_("rbac", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": policies(settings.api_key)}),
            filter_("buffer", "buffer.v3.Buffer", max_request_bytes=settings.limits.max_request_bytes),
            filter_("router", "router.v3.Router", suppress_envoy_headers=True),
        ],
    }


def early_headers() -> dict[str, Any]:
    """Before all else: a client's own request id moves aside for Envoy's, and what only routes may set goes."""
    moved = {"key": CLIENT_REQUEST_ID, "value": "%REQ(X-REQUEST-ID)%"}
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{TYPES}extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [
                {"append": {"header": moved, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}},
                *({"remove": name} for name in ("x-request-id", ASSIGNED, STEP)),
            ],
        },
    }


def filter_(name: str, message: str, **fields: Any) -> dict[str, Any]:
    """One HTTP filter."""
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{TYPES}extensions.filters.http.{message}", **fields},
    }


def policies(api_key: str) -> dict[str, Any]:
    """Who may pass: everybody to the open paths, and whoever has the key."""
    policies: dict[str, Any] = {
        "open": {
            "permissions": [{"url_path": {"path": {"exact": path}}} for path in OPEN],
            "principals": [{"any": True}],
        }
    }
    if api_key:
        policies["key"] = {
            "permissions": [{"any": True}],
            "principals": [{"header": {"name": API_KEY, "string_match": {"exact": api_key}}}],
        }
    return policies


def local_replies(max_request_bytes: int) -> dict[str, Any]:
    """What the gateway answers itself is JSON, as the servers' errors are; a missing key is 401, not Envoy's 403."""
    too_large = f"the request is larger than {max_request_bytes} bytes, the limit of this endpoint. Send fewer rows."
    return {
        "body_format": {"json_format": {"error": "%LOCAL_REPLY_BODY%"}},
        "mappers": [
            {"filter": status(403), "status_code": 401, "body": {"inline_string": NO_KEY}},
            {"filter": status(413), "body": {"inline_string": too_large}},
        ],
    }


def status(code: int) -> dict[str, Any]:
    """A filter of answers with this status."""
    return {
        "status_code_filter": {
            "comparison": {"op": "EQ", "value": {"default_value": code, "runtime_key": f"gateway.status.{code}"}}
        }
    }


def access_log(path: str) -> dict[str, Any]:
    """One JSON object per request in `path`, numbers as numbers and null for what was not there."""
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{TYPES}extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": ACCESS_LOG},
        },
    }
