"""Does what was just deployed answer through the gateway, and with the releases that were declared?

Asked for the model's metadata, pinned to each track: the whole way through the gateway to the server and back, without
a prediction in the log that nobody asked for.
"""

import time
from pathlib import Path

import httpx

from environments.location import Deployed, Track
from pipelines.errors import ToolFailed

PATIENCE_SECONDS = 15.0  # routes follow a change within milliseconds; a loaded machine may take longer


def test(running: Deployed, model: str | None) -> list[str]:
    """What was proven, a sentence each. `model` is the name of the deployed releases. Raises ToolFailed."""
    with httpx.Client(base_url=running.gateway, timeout=5) as client:
        key = {"x-api-key": Path(running.api_key_file).read_text().strip()}
        expect(client, "/v2/models/any", {}, status=401)
        proven = ["without the key nobody gets in"]
        if running.stable is None:
            expect(client, "/v2/models/any", key, status=503)
            return [*proven, "without a release the gateway answers 503"]
        tracks: dict[str, Track | None] = {"stable": running.stable, "candidate": running.candidate}
        for name, track in tracks.items():
            if track is not None:
                headers = {**key, "x-model-track": name}
                expect(client, f"/v2/models/{model}", headers, status=200, release=track.release)
                proven.append(f"{name} answers as {track.release[:12]}")
    return proven


def expect(client: httpx.Client, path: str, headers: dict[str, str], *, status: int, release: str = "") -> None:
    """Ask until the answer is as expected. Raises ToolFailed with the last other one."""
    deadline, seen = time.monotonic() + PATIENCE_SECONDS, ""
    while True:
        try:
            answer = client.get(path, headers=headers)
            found = answer.headers.get("x-release", "")
            if answer.status_code == status and (not release or found == release):
                return
            seen = f"{answer.status_code} from release '{found[:12]}': {answer.text[:200]}"
        except httpx.HTTPError as error:
            seen = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            wanted = f"{status} from release '{release[:12]}'" if release else str(status)
            raise ToolFailed(
                f"{client.base_url}{path} with x-model-track '{headers.get('x-model-track', '')}': expected {wanted}, "
                f"got {seen}. `mlops status` shows what runs; the servers' logs lie beside endpoint.json."
            )
        time.sleep(0.05)
