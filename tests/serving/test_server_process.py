"""Does the real server start with its own release only, answer while it is busy, and stop without losing a request?"""

import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.spool import read_lines, segments
from tests.serving import process, releases
from tests.serving.process import SECONDS, Running
from tests.serving.releases import BINARY_ROW

pytestmark = pytest.mark.services

RECORDS = {"dataframe_records": [BINARY_ROW]}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("release")
    return folder, releases.binary(folder)


@pytest.fixture
def server(release: tuple[Path, str], tmp_path: Path) -> Iterator[Running]:
    with process.running(*release, tmp_path / "spool", "--max-rows", "20000", "--max-bytes", "8000000") as running:
        yield running


def logged(spool: Path) -> int:
    """Lines in the prediction log."""
    return sum(len(read_lines(segment, 0, 1 << 30)[0]) for segment in segments(spool))


def test_it_is_ready_within_two_seconds_of_its_start(release: tuple[Path, str], tmp_path: Path) -> None:
    seconds: list[float] = []
    for attempt in range(3):  # the machine may be busy with other tests
        with process.running(*release, tmp_path / str(attempt)) as running:
            seconds.append(running.seconds)
        if seconds[-1] < 2:
            return
    pytest.fail(f"ready after {seconds} seconds")


@pytest.mark.parametrize("name", ["model.onnx", "schema.json", "profile.json", "lineage.json", "manifest.json"])
def test_one_corrupt_byte_is_refused_by_the_name_of_its_file(
    release: tuple[Path, str], tmp_path: Path, name: str
) -> None:
    folder, digest = release
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    done = process.refused(copy, digest, tmp_path / "spool")
    assert done.returncode == 3
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_another_release_than_the_one_asked_for_is_refused(release: tuple[Path, str], tmp_path: Path) -> None:
    done = process.refused(release[0], "0" * 64, tmp_path / "spool")
    assert (done.returncode, "manifest.json" in done.stderr) == (3, True)


def test_a_busy_port_is_named(release: tuple[Path, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = process.refused(*release, tmp_path / "spool", "--port", port)
    assert (done.returncode, port in done.stderr) == (1, True)


def test_a_prediction_is_on_disk_when_its_answer_arrives(server: Running) -> None:
    with httpx.Client(base_url=server.url) as client:
        for count in range(1, 6):
            client.post("/invocations", json=RECORDS).raise_for_status()
            assert logged(server.spool) == count


def test_health_is_answered_while_large_batches_are_scored(server: Running) -> None:
    batch = {"dataframe_records": [BINARY_ROW | {"note": "x" * 50}] * 20_000}
    done = threading.Event()

    def busy() -> None:
        httpx.post(f"{server.url}/invocations", json=batch, timeout=SECONDS).raise_for_status()
        done.set()

    worker = threading.Thread(target=busy)
    worker.start()
    answered = 0
    with httpx.Client(base_url=server.url, timeout=SECONDS) as client:
        while not done.is_set() and worker.is_alive():
            client.get("/v2/health/ready").raise_for_status()
            answered += 1
    worker.join()
    assert done.is_set()
    assert answered > 3


def test_sigterm_answers_what_is_in_flight_and_ends_with_zero(server: Running) -> None:
    batch = {"dataframe_records": [BINARY_ROW | {"note": "x" * 50}] * 20_000}
    answers: list[httpx.Response] = []
    sent = threading.Event()

    def content() -> Iterator[bytes]:
        yield httpx.Request("POST", server.url, json=batch).content
        sent.set()

    def ask() -> None:
        headers = {"content-type": "application/json"}
        answers.append(httpx.post(f"{server.url}/invocations", content=content(), headers=headers, timeout=SECONDS))

    worker = threading.Thread(target=ask)
    worker.start()
    assert sent.wait(SECONDS)
    server.process.send_signal(signal.SIGTERM)
    worker.join(SECONDS)
    assert [answer.status_code for answer in answers] == [200]
    assert server.process.wait(SECONDS) == 0


def test_a_body_over_the_limit_is_refused_by_a_real_connection_which_then_goes_on(server: Running) -> None:
    with httpx.Client(base_url=server.url) as client:
        headers = {"content-type": "application/json"}
        assert client.post("/invocations", content=b" " * 8_000_001, headers=headers).status_code == 413
        assert client.post("/invocations", json=RECORDS).status_code == 200


def test_what_is_no_http_is_400(server: Running) -> None:
    host, _, port = server.address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_the_server_imports_nothing_heavy() -> None:
    code = (
        "import sys; import serving.server; "
        "print([name for name in ('mlflow', 'pandas', 'sklearn', 'pyarrow', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=process.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
