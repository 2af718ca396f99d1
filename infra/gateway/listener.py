"""What does the gateway do with a connection and a request before and after its route?"""

from typing import Any

from infra.gateway.clusters import TYPES
from infra.gateway.routes import ENTITY, METADATA
from infra.gateway.settings import GatewaySettings

CLIENT_REQUEST_ID = "x-client-request-id"
CONNECTIONS = 4096

ACCESS_LOG = {
    "at": "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "path": "%PATH(NQ:ORIG)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "step": f"%METADATA(ROUTE:{METADATA}:step)%",
    "assigned": "%RESP(X-TRACK)%",
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
        # Nobody is internal: `x-envoy-*` headers, with which a client could set timeouts and retries, are dropped.
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False},
        "normalize_path": True,
        "merge_slashes": True,
        "early_header_mutation_extensions": [request_id()],
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
            filter_("buffer", "buffer.v3.Buffer", max_request_bytes=settings.limits.max_request_bytes),
            filter_("router", "router.v3.Router"),
        ],
    }


def request_id() -> dict[str, Any]:
    """Moves a client's own request id aside, before Envoy makes the one that keys the prediction log."""
    moved = {"key": CLIENT_REQUEST_ID, "value": "%REQ(X-REQUEST-ID)%"}
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{TYPES}extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [
                {"append": {"header": moved, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}},
                {"remove": "x-request-id"},
            ],
        },
    }


def filter_(name: str, message: str, **fields: Any) -> dict[str, Any]:
    """One HTTP filter."""
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{TYPES}extensions.filters.http.{message}", **fields},
    }


def local_replies(max_request_bytes: int) -> dict[str, Any]:
    """What the gateway answers itself is JSON, as the servers' errors are."""
    too_large = f"the request is larger than {max_request_bytes} bytes, the limit of this endpoint. Send fewer rows."
    return {
        "body_format": {"json_format": {"error": "%LOCAL_REPLY_BODY%"}},
        "mappers": [
            {
                "filter": {
                    "status_code_filter": {
                        "comparison": {"op": "EQ", "value": {"default_value": 413, "runtime_key": "gateway.too_large"}}
                    }
                },
                "body": {"inline_string": too_large},
            }
        ],
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
