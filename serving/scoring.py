"""What becomes of a scoring request? Bytes in, log entry and answer out, without network, clock or disk."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Literal

import numpy as np

from serving import inference, invocations
from serving.batch import Batch, Intake
from serving.body import BINARY, CSV, JSON, media_type, unpack
from serving.caller import Caller, Headers, caller
from serving.graph import Graph
from serving.inference import Answers
from serving.predictions import Entry

Protocol = Literal["inference", "invocations"]

ACCEPTED: dict[Protocol, tuple[str, ...]] = {"inference": (JSON, BINARY), "invocations": (JSON, CSV)}


class ModelFailed(Exception):
    """The graph failed on values that its schema allows: the model's fault, not the client's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much one request may bring."""

    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer; its length is added where it is sent."""

    body: bytes
    status: int = HTTPStatus.OK
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)


class Scoring:
    """A release, ready to answer."""

    def __init__(self, graph: Graph, digest: str, limits: Limits) -> None:
        self.graph = graph
        self.digest = digest
        self.limits = limits
        self.intake = Intake(graph.schema, limits.rows)
        self._answers = Answers(graph.schema, digest)
        self._row = graph.row()

    def answer(self, protocol: Protocol, body: bytes, headers: Headers, received_at: datetime) -> tuple[Entry, Answer]:
        """The log entry and the answer of one request. Raises Refusal for bad input and ModelFailed."""
        kind = media_type(headers.get(b"content-type", b"").decode("latin-1"), ACCEPTED[protocol])
        if encoding := headers.get(b"content-encoding"):
            body = unpack(body, encoding.decode("latin-1"), self.limits.bytes)
        asked_by = caller(headers, received_at)
        if protocol == "inference":
            length = headers.get(b"inference-header-content-length", b"").decode("latin-1")
            columns, wanted = inference.read(body, length, self.intake)
            batch = self.intake.batch(columns, received_at)
            scores, decisions = self.predict(batch)
            answer = binary_answer(*self._answers.encode(wanted, scores, decisions))
        else:
            batch = self.intake.batch(invocations.read(body, kind, self.intake), received_at)
            scores, decisions = self.predict(batch)
            answer = Answer(body=invocations.encode(scores, decisions))
        return self.entry(asked_by, batch, scores, decisions, received_at), answer

    def predict(self, batch: Batch) -> tuple[np.ndarray, list[str | float]]:
        """Scores [rows, k] and decisions [rows]."""
        try:
            score = self._row.score if self._row and batch.rows == 1 else self.graph.score
            scores = score(batch.columns)
        except Exception as error:  # noqa: BLE001  # ONNX Runtime's errors share no base class
            raise ModelFailed(str(error)) from None
        if scores.shape != (batch.rows, max(1, len(self.graph.schema.classes))):
            raise ModelFailed(f"scores of shape {scores.shape} for {batch.rows} rows")
        if not np.isfinite(scores).all():
            raise ModelFailed("a score is NaN or infinite")
        return scores, self.graph.decide(scores)

    def entry(
        self, asked_by: Caller, batch: Batch, scores: np.ndarray, decisions: list[str | float], received_at: datetime
    ) -> Entry:
        """What the prediction log keeps."""
        entities, moments = batch.entities, batch.event_times
        if entities is None and asked_by.entity is not None:
            entities = [asked_by.entity] * batch.rows
        if moments is None and asked_by.event_time is not None:
            moments = [asked_by.event_time] * batch.rows
        return Entry(
            request_id=asked_by.request_id, release=self.digest, received_at=received_at, columns=batch.columns,
            scores=scores.tolist(), decisions=decisions, client_id=asked_by.client_id, entity=entities,
            event_time=moments, step=asked_by.step, assigned=asked_by.assigned, shadow=asked_by.shadow,
        )  # fmt: skip


def binary_answer(body: bytes, header: int | None) -> Answer:
    """An answer with a binary part behind its first `header` bytes, or a plain one."""
    if header is None:
        return Answer(body=body)
    length = (b"inference-header-content-length", b"%d" % header)
    return Answer(body=body, headers=((b"content-type", b"application/octet-stream"), length))
