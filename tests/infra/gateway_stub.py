"""What stands behind the gateway in its tests? A server that says who it is and keeps what it was sent.

In this process (`Stub`) or, to be killed, in one of its own: `python gateway_stub.py PORT RELEASE`.
"""

import asyncio
import sys
import threading
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


class Stub:
    """An HTTP/1.1 server on its own thread; `status` and `ready` may be changed while it runs."""

    def __init__(self, release: str, port: int = 0) -> None:
        self.release = release
        self.port = port
        self.status = 200
        self.ready = True
        self.silent = False
        self.received: list[Received] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self.answer(await read(reader), writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    async def answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if request.path == "/v2/health/ready":
            respond(writer, 200 if self.ready else 503, self.release)
            return
        self.received.append(request)
        if self.silent:
            await asyncio.sleep(3600)
        respond(writer, self.status, self.release)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


async def read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(path=head[0].split()[1], headers=headers, body=body)


def respond(writer: asyncio.StreamWriter, status: int, release: str) -> None:
    body = release.encode()
    head = f"HTTP/1.1 {status} -\r\ncontent-length: {len(body)}\r\nx-release: {release}\r\n\r\n"
    writer.write(head.encode() + body)


async def forever(port: int, release: str) -> None:
    server = await Stub(release, port).start()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(forever(int(sys.argv[1]), sys.argv[2]))
