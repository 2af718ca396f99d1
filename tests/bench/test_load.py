"""Does the load tool count what a server answers, and does it notice what it does not?"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import pytest

from bench.load import Load, complete, load, request

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def server(answer: Answer) -> Generator[int]:
    """The port of a server on a thread of its own that treats each connection as `answer` does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = asyncio.run_coroutine_threadsafe(asyncio.start_server(answer, "127.0.0.1", 0), loop).result(10)
    yield running.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(running.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def always(reply: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            writer.write(reply)

    return answer


def run(port: int, *requests: bytes, connections: int = 4, seconds: float = 0.3) -> Load:
    return load("127.0.0.1", port, requests or [request("/", b"{}", {})], connections=connections, seconds=seconds)


def test_answers_are_counted_by_status_with_a_latency_each() -> None:
    with server(always(OK)) as port:
        seen = run(port)
    assert seen.errors == seen.failed == 0
    assert list(seen.statuses) == [200]
    assert seen.statuses[200] == len(seen.latencies) > 50
    assert seen.throughput == pytest.approx(seen.statuses[200] / seen.seconds)
    assert 0 < seen.quantile(0.5) <= seen.quantile(0.99) <= seen.latencies[-1]


def test_an_error_answer_is_a_failure_and_no_throughput() -> None:
    with server(always(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n")) as port:
        seen = run(port)
    assert seen.failed == seen.statuses[503] > 0
    assert seen.throughput == 0


def test_an_answer_in_pieces_is_one_answer() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            for at in range(0, len(OK), 7):
                writer.write(OK[at : at + 7])
                await writer.drain()
                await asyncio.sleep(0)

    with server(slowly) as port:
        seen = run(port)
    assert (list(seen.statuses), seen.errors) == ([200], 0)


def test_a_connection_that_closes_instead_of_answering_is_an_error_and_is_opened_again() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.close()

    with server(close) as port:
        seen = run(port)
    assert seen.statuses == {}
    assert seen.failed == seen.errors > 4


def test_a_connection_that_closes_after_its_answer_is_opened_again_without_an_error() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(OK)
        await writer.drain()
        await reader.read(1)
        writer.close()

    with server(once) as port:
        seen = run(port)
    assert seen.statuses[200] > 4


def test_a_server_that_is_not_there_is_an_error() -> None:
    with server(always(OK)) as port:
        pass
    seen = run(port, connections=1)
    assert seen.statuses == {}
    assert seen.errors > 1


def test_a_silent_server_does_not_hold_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.load.PATIENCE_SECONDS", 0.2)
    with server(always(b"")) as port:
        seen = run(port, connections=2)
    assert (seen.statuses, seen.errors) == ({}, 2)


def test_an_answer_without_its_length_is_refused_instead_of_guessed() -> None:
    with (
        server(always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")) as port,
        pytest.raises(ValueError, match="without content-length"),
    ):
        run(port)


def test_every_request_is_sent_in_turn() -> None:
    paths: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            paths.append(data.split()[1])
            writer.write(OK)

    with server(note) as port:
        run(port, *(request(f"/{number}", b"", {}) for number in range(3)), connections=1)
    assert paths[:6] == [b"/0", b"/1", b"/2", b"/0", b"/1", b"/2"]


def test_a_request_is_what_http_says() -> None:
    assert request("/a", b"{}", {"x-api-key": "k"}, host="h") == (
        b"POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\nx-api-key: k\r\n\r\n{}"
    )


@pytest.mark.parametrize("size", range(len(OK)))
def test_an_answer_is_whole_with_its_last_byte_and_not_before(size: int) -> None:
    assert complete(OK)
    assert not complete(OK[:size])
