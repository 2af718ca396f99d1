"""Does what was just deployed answer through the gateway, and with the releases that were declared?

Asked for the model's metadata, pinned to each track: the whole way through the gateway to the server and back, without
a prediction in the log that nobody asked for.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from environments.location import Deployed
from pipelines.errors import ToolFailed

PATIENCE_SECONDS = 15.0  # routes follow a change within milliseconds; a loaded machine may take longer


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request, and the status and release that its answer must have; any release when it is empty."""

    path: str
    headers: Mapping[str, str]
    status: int
    release: str = ""


def questions(running: Deployed, model: str | None, key: str) -> dict[str, Question]:
    """What to ask, by the sentence that the right answer proves. `model` is the name of the deployed releases."""
    asked = {"without the key nobody gets in": Question(path="/v2/models/any", headers={}, status=401)}
    known = {"x-api-key": key}
    if running.stable is None:
        asked["without a release the gateway answers 503"] = Question(path="/v2/models/any", headers=known, status=503)
    for name, track in (("stable", running.stable), ("candidate", running.candidate)):
        if track is not None:
            asked[f"{name} answers as {track.release[:12]}"] = Question(
                path=f"/v2/models/{model}", headers={**known, "x-model-track": name}, status=200, release=track.release
            )
    return asked


def prove(running: Deployed, model: str | None, *, patience: float = PATIENCE_SECONDS) -> list[str]:
    """What was proven, a sentence each. Raises ToolFailed when an answer stays another one for `patience` seconds."""
    asked = questions(running, model, Path(running.api_key_file).read_text().strip())
    with httpx.Client(base_url=running.gateway, timeout=5) as client:
        for question in asked.values():
            expect(client, question, time.monotonic() + patience)
    return list(asked)


def expect(client: httpx.Client, question: Question, deadline: float) -> None:
    """Ask until the answer is right. Raises ToolFailed with the last wrong one."""
    while (wrong := answer(client, question)) is not None:
        if time.monotonic() > deadline:
            track = question.headers.get("x-model-track")
            raise ToolFailed(
                f"{client.base_url}{question.path}{f', pinned to {track}' if track else ''}: expected {question.status}"
                f"{f' from release {question.release[:12]}' if question.release else ''}, got {wrong}. "
                "`mlops status` shows what runs; the servers' logs lie beside endpoint.json."
            )
        time.sleep(0.05)


def answer(client: httpx.Client, question: Question) -> str | None:
    """None when the answer is right, else what it is."""
    try:
        got = client.get(question.path, headers=question.headers)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    release = got.headers.get("x-release", "")
    if got.status_code == question.status and question.release in ("", release):
        return None
    return f"{got.status_code} from release '{release[:12]}': {got.text[:200]}"
