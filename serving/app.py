"""Which HTTP request gets which answer? A plain ASGI application around one release.

An answer with predictions leaves only after the prediction log has them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec

from serving import metrics, openapi
from serving.body import too_large
from serving.caller import Headers
from serving.inference import metadata
from serving.log import line
from serving.metrics import Metrics
from serving.predictions import Entry
from serving.refusal import Refusal
from serving.scoring import Answer, ModelFailed, Protocol, Scoring

Scope = Mapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Page = Callable[[], Answer]

INLINE = 32 << 10  # larger bodies are scored in a thread, so that probes are answered meanwhile


class Disconnected(Exception):
    """The client went away before its request was complete."""


class App:
    """The ASGI application. `log` returns once an entry is kept, or raises OSError; `now` is the server's clock."""

    def __init__(
        self,
        scoring: Scoring,
        log: Callable[[Entry], None],
        executor: Executor,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.metrics = Metrics(scoring.graph.schema, scoring.digest)
        self._scoring = scoring
        self._log = log
        self._executor = executor
        self._now = now
        self._release = (b"x-release", scoring.digest.encode())
        self._scores = score_paths(scoring)
        self._pages = pages(scoring, self.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        protocol = self._scores.get(scope["path"])
        try:
            if protocol is not None:
                answer = await self.score(protocol, scope, receive)
            else:
                answer = self.page(scope)
        except Disconnected:
            return
        headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), self._release]
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def page(self, scope: Scope) -> Answer:
        """The answer to anything but a scoring request."""
        page = self._pages.get(scope["path"])
        try:
            if page is None:
                raise self.unknown(scope["path"])
            allow(scope["method"], "GET", "HEAD")
            return page()
        except Refusal as refusal:
            return self.refused(refusal)

    async def score(self, protocol: Protocol, scope: Scope, receive: Receive) -> Answer:
        """The answer to a scoring request, whatever happens to it."""
        started = time.perf_counter()
        try:
            answer = await self.logged(protocol, scope, receive)
        except Refusal as refusal:
            answer = self.refused(refusal)
        except ModelFailed as error:
            self.metrics.model_failed()
            line("model_failed", error=str(error)[:300])
            answer = failed(HTTPStatus.INTERNAL_SERVER_ERROR, "the model failed on these values")
        except OSError as error:
            line("log_failed", error=str(error))
            answer = failed(HTTPStatus.SERVICE_UNAVAILABLE, "the prediction log cannot be written")
        if answer.status != HTTPStatus.OK:
            self.metrics.failed(answer.status)
        self.metrics.took(time.perf_counter() - started)
        return answer

    async def logged(self, protocol: Protocol, scope: Scope, receive: Receive) -> Answer:
        """The predictions, once the log has them."""
        allow(scope["method"], "POST")
        received_at = self._now()
        headers: Headers = dict(scope["headers"])
        body = await read(receive, headers, self._scoring.limits.bytes)
        if len(body) <= INLINE and b"content-encoding" not in headers:
            entry, answer = self._scoring.answer(protocol, body, headers, received_at)
            self._log(entry)
        else:
            run = asyncio.get_running_loop().run_in_executor
            entry, answer = await run(self._executor, self._scoring.answer, protocol, body, headers, received_at)
            await run(self._executor, self._log, entry)
        self.metrics.answered(len(entry.scores))
        return answer

    def refused(self, refusal: Refusal) -> Answer:
        """The answer to bad input."""
        self.metrics.rejected(refusal.reason)
        return json(refusal.body(), refusal.status, refusal.headers)

    def unknown(self, path: str) -> Refusal:
        """404, with what there is."""
        parts = path.split("/")
        name = self._scoring.graph.schema.name
        if parts[1:3] == ["v2", "models"] and len(parts) > 3:
            field, value, limit = "model", parts[3], name
            if parts[3] == name and parts[4:5] == ["versions"]:
                field, value, limit = "version", "".join(parts[5:6]), self._scoring.digest
            if value != limit:
                return Refusal(
                    "unknown_model", f"unknown {field}; this server has '{limit}'", status=HTTPStatus.NOT_FOUND,
                    field=field, value=value, limit=limit,
                )  # fmt: skip
        return Refusal(
            "unknown_path", "no such path; /openapi.json describes those of this server", status=HTTPStatus.NOT_FOUND,
            field="path", value=path,
        )  # fmt: skip


def score_paths(scoring: Scoring) -> dict[str, Protocol]:
    """The paths that take rows."""
    model = f"/v2/models/{scoring.graph.schema.name}"
    return {
        f"{model}/infer": "inference",
        f"{model}/versions/{scoring.digest}/infer": "inference",
        "/invocations": "invocations",
    }


def pages(scoring: Scoring, counted: Metrics) -> dict[str, Page]:
    """The paths that only tell."""
    schema, digest = scoring.graph.schema, scoring.digest
    server = {"name": "mlops", "version": digest, "extensions": ["binary_tensor_data"]}
    document = openapi.document(schema, digest, scoring.limits)
    found = {
        "/v2": always(server),
        "/v2/health/live": always({"live": True}),
        "/v2/health/ready": always({"ready": True}),
        "/openapi.json": always(document),
        "/ping": lambda: Answer(body=b"\n"),
        "/health": lambda: Answer(body=b"\n"),
        "/version": lambda: Answer(body=digest.encode(), headers=((b"content-type", b"text/plain; charset=utf-8"),)),
        "/metrics": lambda: Answer(body=counted.text(), headers=((b"content-type", metrics.CONTENT_TYPE.encode()),)),
    }
    for model in (f"/v2/models/{schema.name}", f"/v2/models/{schema.name}/versions/{digest}"):
        found[model] = always(metadata(schema, digest))
        found[f"{model}/ready"] = always({"name": schema.name, "ready": True})
    return found


def always(value: object) -> Page:
    """A page that never changes."""
    answer = json(value)
    return lambda: answer


def json(value: object, status: int = HTTPStatus.OK, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    """An answer with a JSON body."""
    return Answer(
        body=msgspec.json.encode(value), status=status, headers=((b"content-type", b"application/json"), *headers)
    )


def failed(status: HTTPStatus, message: str) -> Answer:
    """An answer for a fault of ours: no detail, which is in the log."""
    return json({"error": message}, status)


def allow(method: str, *methods: str) -> None:
    """Refuse another method (405)."""
    if method not in methods:
        raise Refusal(
            "method", f"method {method[:20]} is not allowed here", status=HTTPStatus.METHOD_NOT_ALLOWED, field="method",
            value=method, limit=list(methods), headers=((b"allow", ", ".join(methods).encode()),),
        )  # fmt: skip


async def read(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The body of a request, at most `limit` bytes; a declared length above it is refused unread."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > limit:
        raise too_large(int(declared[:20]), limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    if size > limit:
        raise too_large(None if more else size, limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
