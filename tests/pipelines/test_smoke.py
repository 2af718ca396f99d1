"""Is it noticed when what was deployed is not what answers?"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from environments.location import Deployed, Track
from pipelines.errors import ToolFailed
from pipelines.smoke import prove

A, B = "a" * 64, "b" * 64
Answers = dict[str, tuple[int, str]]


@contextmanager
def gateway(answers: Answers) -> Generator[str]:
    """A gateway that knows the key `secret` and answers by x-model-track; '' is everything that is not pinned."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            track = self.headers.get("x-model-track", "")
            status, release = answers[track] if self.headers.get("x-api-key") == "secret" else answers["no key"]
            self.send_response(status)
            self.send_header("x-release", release)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def running(tmp_path: Path) -> Callable[..., Deployed]:
    (tmp_path / "key").write_text("secret\n")

    def of(url: str, stable: str | None = A, candidate: str | None = None) -> Deployed:
        tracks = {
            name: Track(release=release, url=url) if release else None
            for name, release in (("stable", stable), ("candidate", candidate))
        }
        return Deployed(
            environment="e", gateway=url, gateway_admin=url, api_key_file=str(tmp_path / "key"), step="s", **tracks
        )

    return of


def test_an_endpoint_that_answers_as_declared_is_proven_track_by_track(running: Callable[..., Deployed]):
    answers: Answers = {"no key": (401, ""), "stable": (200, A), "candidate": (200, B)}
    with gateway(answers) as url:
        proven = prove(running(url, candidate=B), "wine", patience=0)
    assert proven == [
        "without the key nobody gets in", f"stable answers as {A[:12]}", f"candidate answers as {B[:12]}",
    ]  # fmt: skip


def test_an_endpoint_without_a_release_has_to_say_so(running: Callable[..., Deployed]):
    with gateway({"no key": (401, ""), "": (503, "")}) as url:
        assert "503" in prove(running(url, stable=None), None, patience=0)[-1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stable": (200, B)}, f"expected 200 from release {A[:12]}, got 200 from release '{B[:12]}'"),
        ({"stable": (500, A)}, "got 500"),
        ({"no key": (200, A)}, "expected 401"),
    ],
)
def test_another_answer_fails_and_says_what_came(running: Callable[..., Deployed], wrong: Answers, said: str):
    with gateway({"no key": (401, ""), "stable": (200, A)} | wrong) as url, pytest.raises(ToolFailed) as failure:
        prove(running(url), "wine", patience=0)
    assert said in str(failure.value)


def test_a_gateway_that_is_not_there_fails(running: Callable[..., Deployed]):
    with gateway({}) as url:
        pass
    with pytest.raises(ToolFailed, match="ConnectError"):
        prove(running(url), "wine", patience=0)
