"""Does a long access log make room without losing a request, while the real Envoy writes it?"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.shipper import Settings, Shipper
from tests.serving.entries import table

pytestmark = pytest.mark.services

TYPES = "type.googleapis.com/envoy."
LINE = {"at": "%START_TIME%", "request_id": "%REQ(X-REQUEST-ID)%", "path": "%PATH%", "status": "%RESPONSE_CODE%"}


def bootstrap(port: int, log: Path) -> dict[str, Any]:
    """An Envoy that answers everything itself and logs it."""
    router = {"@type": f"{TYPES}extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{TYPES}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all", "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                }
            ]
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "access_log": [
            {
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": f"{TYPES}extensions.access_loggers.file.v3.FileAccessLog", "path": str(log),
                    "log_format": {"json_format": LINE},
                },
            }
        ],
    }  # fmt: skip
    chain = [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"static_resources": {"listeners": [{"name": "test", "address": address, "filter_chains": chain}]}}


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(bootstrap(port, tmp_path / "access.jsonl")))
    options = ["--disable-hot-restart", "--file-flush-interval-msec", "50", "-l", "error", "--concurrency", "1"]
    envoy = subprocess.Popen([str(Path(sys.executable).with_name("envoy")), "-c", str(config), *options])
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield f"http://127.0.0.1:{port}"
    finally:
        envoy.terminate()
        envoy.wait()


def test_each_request_is_shipped_once_while_the_log_is_rotated(url: str, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    tables = (tmp_path / "tables").as_uri()
    log = tmp_path / "access.jsonl"
    settings = Settings(spool=tmp_path / "spool", access_log=log, tables=tables, rotate_bytes=2_000)
    said: list[str] = []
    shipper = Shipper(settings, said.append)
    inodes = set[int]()
    with httpx.Client(base_url=url, trust_env=False) as client:
        for number in range(200):
            client.get("/", headers={"x-request-id": f"r{number}"}).raise_for_status()
            if number % 5 == 0:
                time.sleep(0.02)
                shipper.cycle()
                inodes |= {log.stat().st_ino} if log.exists() else set()

    def all_shipped() -> bool:
        client_said = {f"r{number}" for number in range(200)}
        shipper.cycle()
        return client_said <= set(table(tmp_path / "tables", "requests")["request_id"].to_pylist())

    wait_until(all_shipped)
    assert table(tmp_path / "tables", "requests").num_rows == 200
    assert len(inodes) > 1
    wait_until(lambda: shipper.cycle() == 0 and len(shipper.logs()) <= 2)
    assert said == []
