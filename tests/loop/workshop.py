"""How does a test walk the loop in a clone? By the ordinary steps, in this process, on real parts."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable
from ruamel.yaml import YAML

from environments.declaration import NAMESPACE, Declared, path
from environments.edit import merge
from environments.location import folder, home
from infra.local.supervisor import Supervisor
from pipelines.contract import Model, load
from pipelines.demo.traffic import Answers, send, tensors, wait_until_logged
from pipelines.environment import Environment, clock, open_environment
from pipelines.record import Record
from pipelines.steps.promote import promote
from pipelines.steps.register import register
from pipelines.steps.rollout import SETTLED, rollout
from pipelines.steps.train import train
from pipelines.steps.validate import validate
from serving.release import GRAPH
from tests.clones import Clone
from tests.pipelines.worlds import empty_database

PATIENCE = 120.0  # seconds for what takes one or two where nothing else runs


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A clone, and the model that is worked on."""

    clone: Clone
    model: Model

    @property
    def root(self) -> Path:
        return self.clone.root

    @property
    def dev(self) -> Environment:
        """The head of the chain: data, training, a registry; no test needs its servers."""
        return self.env("local-dev")

    @property
    def staging(self) -> Environment:
        """The environment behind it."""
        return self.env("local-staging")

    def env(self, name: str) -> Environment:
        return open_environment(self.root, name, actor="test")

    def supervisor(self, env: Environment) -> Supervisor:
        return Supervisor(home(self.root, env.name))

    def choose(self, kind: type[Declared], name: str, **choices: Any) -> None:
        """Edit a declaration and commit it, as its owner does."""
        file, yaml = path(self.root, kind, name), YAML()
        document: Any = yaml.load(file)
        merge(document["config"][f"{NAMESPACE}:{kind.__name__.lower()}"], choices)
        yaml.dump(document, file)
        self.clone.run("git", "commit", "--quiet", "--message", f"Choose for {name}", "--", str(file))

    def released(self, **training: Any) -> str:
        """A new release, judged and registered at the head; its digest."""
        digest = train(self.dev, self.model, **training).subject
        validate(self.dev, self.model, digest)
        register(self.dev, self.model, digest)
        return digest

    def bring(self, digest: str) -> None:
        """Promote a registered release to the head, and to staging, where it is deployed."""
        promote(self.dev, self.model, digest)
        promote(self.staging, self.model, digest, up=True)

    def live(self, env: Environment, rows: pd.DataFrame) -> Answers:
        """Score rows through the gateway; afterwards the log has them, old enough for a verdict."""
        answers = send(env, self.model.contract, rows)
        ended = clock()
        wait_until_logged(env, answers)
        wait_until(lambda: clock() - ended > SETTLED)
        return answers

    def pinned(self, env: Environment, rows: pd.DataFrame, track: str) -> list[str]:
        """Score rows on one track, without waiting for the log; the ids of the requests."""
        contract = self.model.contract
        url = f"{env.deployed().gateway}/v2/models/{contract.name}/infer"
        ids: list[str] = []
        with httpx.Client(headers=key(env) | {"x-model-track": track}, timeout=30) as client:
            for row in rows.to_dict("records"):
                answer = client.post(url, json={"inputs": tensors(contract, row)})
                assert answer.status_code == 200, answer.text
                ids.append(answer.headers["x-request-id"])
        return ids

    def judged(self, env: Environment, rows: pd.DataFrame) -> tuple[Answers, Record]:
        """Rows through the gateway, and the verdict on the candidate, applied and deployed."""
        answers = self.live(env, rows)
        return answers, rollout(env, write=True, up=True)

    def predictions(self, env: Environment, *columns: str) -> list[dict[str, Any]]:
        """The rows of the prediction log."""
        found: Any = DeltaTable(env.table("predictions")).scan(columns=list(columns))
        return pa.table(found).to_pylist()

    def answering(self, env: Environment) -> str:
        """The release that says what the model is, asked through the gateway."""
        url = f"{env.deployed().gateway}/v2/models/{self.model.contract.name}"
        answer = httpx.get(url, headers=key(env), timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-release"]


def key(env: Environment) -> dict[str, str]:
    """The header that lets a client in."""
    return {"x-api-key": Path(env.deployed().api_key_file).read_text().strip()}


def open_workshop(clone: Clone, model: str) -> Workshop:
    """A workshop on a model folder of the clone, with an MLflow database that needs no migration."""
    for name in ("local-dev", "local-staging"):
        database = home(clone.root, name) / "mlflow" / "mlflow.db"
        database.parent.mkdir(parents=True, mode=0o700)
        database.write_bytes(empty_database().read_bytes())
    return Workshop(clone=clone, model=load(clone.root / model))


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not become true within {seconds:g} s"
        time.sleep(0.1)


def known(rows: pd.DataFrame, model: Model, now: datetime) -> pd.DataFrame:
    """The rows whose label is known at `now`."""
    delay = pd.Timedelta(days=model.contract.label_delay_days)
    return rows[rows[model.contract.event_time] + delay <= now]


def labels(rows: pd.DataFrame, model: Model, file: Path) -> Path:
    """A file of labels as another system delivers them."""
    contract = model.contract
    names: Mapping[str, str] = {contract.entity: "entity", contract.event_time: "event_time", contract.target: "value"}
    rows[list(names)].rename(columns=names).to_csv(file, index=False)
    return file


@contextmanager
def one_byte_changed(file: Path) -> Generator[None]:
    """The last byte of a file is another one in the block."""
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        yield
    finally:
        file.write_bytes(content)


def graph_of(env: Environment, digest: str) -> Path:
    """The stored graph of a release, not a cached copy."""
    return folder(env.location.store) / "releases" / digest / GRAPH
