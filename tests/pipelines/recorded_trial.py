"""A trial whose log none of our programs wrote: a repository, two releases, Delta tables of the documented columns."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from environments.edit import edit_endpoint
from pipelines import attestation
from pipelines.environment import Environment, open_environment
from pipelines.store import put_release
from serving.graph import Graph
from tests.pipelines.recorded import MOMENT, PREDICTIONS
from tests.serving import releases

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
REQUESTS = pa.schema([
    ("request_id", pa.string()), ("at", MOMENT), ("status", pa.int32()), ("path", pa.string()), ("flags", pa.string()),
    ("details", pa.string()), ("step", pa.string()), ("assigned", pa.string()), ("release", pa.string()),
    ("attempts", pa.int32()), ("duration_ms", pa.float64()), ("upstream_ms", pa.float64()),
])  # fmt: skip

Make = Callable[..., str]
Draw = Callable[[np.random.Generator, int], dict[str, list[Any]]]


@dataclass(kw_only=True)
class Trial:
    """An environment in a Git repository with a candidate on trial; `log` is what a gateway and servers would log."""

    root: Path
    env: Environment
    stable: str
    candidate: str
    draw: Draw
    at: datetime = NOW
    sent: int = 0

    def git(self, *arguments: str) -> str:
        """Git in the repository."""
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def declare(self, **changes: Any) -> None:
        """Change and commit the endpoint's file by hand."""
        edit_endpoint(self.env.endpoint_file(), changes)
        self.git("commit", "--quiet", "--allow-empty", "-am", "by hand")

    def log(
        self, requests: int, *, entities: Sequence[str] | None = None, attempts: int = 1, step: str | None = None,
        failing: Callable[[dict[str, Any]], bool] = lambda _row: False, status: int = 200, milliseconds: float = 5.0,
        shift: float = 0.0, path: str = "/v2/models/m/infer",
    ) -> None:  # fmt: skip
        """Log so many requests in the present step, assigned and mirrored as it is declared.

        On rows of which `failing` says so the candidate fails: a mirrored copy leaves nothing, an assigned request is
        answered by the stable release at the second attempt. `shift` is added to the candidate's scores.
        """
        endpoint = self.env.endpoint()
        step = step or endpoint.step()
        random = np.random.default_rng(self.sent)
        columns = self.draw(random, requests)
        answers = {digest: self.answers(digest, columns) for digest in (self.stable, self.candidate)}
        asked, answered = list[dict[str, Any]](), list[dict[str, Any]]()
        for index in range(requests):
            inputs = {name: values[index] for name, values in columns.items()}
            who = entities[index] if entities else f"entity-{self.sent + index}"
            mine = random.random() * 100 < endpoint.traffic.candidate
            fails = failing(inputs)
            release = self.candidate if mine and not fails else self.stable
            common = {
                "request_id": f"r{self.sent + index}",
                "step": step,
                "assigned": "candidate" if mine else "stable",
            }
            asked.append(common | {
                "at": self.at, "status": status, "path": path, "flags": None, "details": "via_upstream",
                "release": release, "attempts": 2 if mine and fails else attempts, "duration_ms": milliseconds + 1,
                "upstream_ms": milliseconds if release == self.candidate else 5.0,
            })  # fmt: skip
            mirrored = not fails and random.random() * 100 < endpoint.traffic.shadow
            for digest, shadow in [(release, False), *([(self.candidate, True)] if mirrored else [])]:
                score = answers[digest][index] + (shift if digest == self.candidate else 0.0)
                answered.append(common | {
                    "row": 0, "release": digest, "client_id": None, "entity": who, "event_time": self.at,
                    "received_at": self.at, "shadow": shadow, "inputs": json.dumps(inputs),
                    "scores": [float(value) for value in score], "decision": "whatever",
                })  # fmt: skip
        self.sent += requests
        write_deltalake(self.env.table("requests"), pa.Table.from_pylist(asked, schema=REQUESTS), mode="append")
        write_deltalake(
            self.env.table("predictions"), pa.Table.from_pylist(answered, schema=PREDICTIONS), mode="append"
        )

    def answers(self, digest: str, columns: dict[str, list[Any]]) -> np.ndarray:
        """What a release's graph answers; a row that it fails on gets the stable release's answer."""
        graph = Graph(self.env.release(digest))
        try:
            return graph.score(columns)
        except Exception:  # noqa: BLE001  # ONNX Runtime's errors share no base class
            return Graph(self.env.release(self.stable)).score(columns)

    def pass_time(self, **spans: float) -> None:
        """Let the environment's clock and the log's go on."""
        self.at += timedelta(**spans)
        now = self.at + timedelta(seconds=10)
        self.env = open_environment(self.root, self.env.name, actor="test", now=lambda: now)


def trial(root: Path, make: Make, draw: Draw, *, stable: dict[str, float], candidate: dict[str, float]) -> Trial:
    """A candidate at the first step of its trial, its shift against the stable release attested on other rows."""
    shutil.copytree(REPOSITORY / "environments", root / "environments", ignore=shutil.ignore_patterns("*.py", "__*"))
    env = open_environment(root, "local-prod", actor="test", now=lambda: NOW)
    digests: list[str] = []
    for index, given in enumerate((stable, candidate)):
        folder = root.parent / f"release-{index}"
        folder.mkdir()
        digests.append(make(folder, **given))
        put_release(env.store, folder, digests[-1])
    made = Trial(root=root, env=env, stable=digests[0], candidate=digests[1], draw=draw)
    made.pass_time()
    edit_endpoint(env.endpoint_file(), {
        "stable": made.stable, "candidate": made.candidate, "traffic": {"candidate": 0, "shadow": 100},
    })  # fmt: skip
    attest(made)
    (root / ".gitignore").write_text(".local/\n")
    (root / "Pulumi.yaml").write_text("name: platform\n")
    made.git("init", "--quiet")
    made.git("config", "user.name", "Ada")
    made.git("config", "user.email", "ada@example.org")
    made.git("add", ".")
    made.git("commit", "--quiet", "-m", "on trial")
    return made


def attest(made: Trial) -> None:
    """Say what `validate` would say about the shift of the scores."""
    columns = made.draw(np.random.default_rng(99), 2000)
    old, new = (made.answers(digest, columns).astype(float) for digest in (made.stable, made.candidate))
    shift = {"mean": (new - old).mean(axis=0).tolist(), "std": old.std(axis=0).tolist(), "rows": 2000}
    predicate = {"environment": made.env.name, "verdict": "pass", "champion": made.stable, "shift": shift}
    attestation.attest(
        made.env.store, made.candidate, name="m", predicate_type=attestation.GATES, predicate=predicate
    )  # fmt: skip


def flowers(root: Path, **candidate: float) -> Trial:
    """Three classes; a candidate with another slope is surer of the same order."""

    def draw(random: np.random.Generator, rows: int) -> dict[str, list[Any]]:
        return {"length": random.gamma(3.0, 1.0, rows).tolist(), "width": random.gamma(2.0, 1.0, rows).tolist()}

    return trial(root, releases.multiclass, draw, stable={"slope": 1.0}, candidate=candidate or {"slope": 1.2})


def buckets(root: Path) -> Trial:
    """Two classes; both graphs fail on a bucket of ten and more, which validation never saw."""

    def draw(random: np.random.Generator, rows: int) -> dict[str, list[Any]]:
        return {"bucket": random.integers(0, 10, rows).astype(float).tolist()}

    return trial(root, releases.fragile, draw, stable={"bias": 0.0}, candidate={"bias": 0.2})
