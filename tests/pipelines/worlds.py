"""Where does a test let the steps run? In a root of its own with the environments declared, and a tiny model's data."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from environments.declaration import names
from pipelines.build import build, workshop
from pipelines.contract import Model, load
from pipelines.environment import Environment, open_environment
from pipelines.frames import read_data, versions
from pipelines.record import Record
from pipelines.steps.data import data
from pipelines.steps.train import train
from pipelines.tracking import library

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2025, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class World:
    """A root with `environments/`, and the model that is worked on; its clock stands still at NOW."""

    root: Path
    model: Model

    def env(self, name: str = "local-dev") -> Environment:
        """One of its environments."""
        return open_environment(self.root, name, actor="test", now=lambda: NOW)

    def with_data(self, now: datetime = NOW) -> Record:
        """Ingest what the model reads, as known at `now`."""
        return data(self.env(), self.model, now=now)

    def with_release(self, **options: object) -> str:
        """The digest of a release trained at the head of the chain; data comes in when there is none."""
        if not versions(self.env()):
            self.with_data()
        return train(self.env(), self.model, **options).subject

    def built(self, *, seed: int = 0, parameters: Mapping[str, Any] | None = None) -> str:
        """The digest of the release that training would make of the newest data; nothing is stored or tracked."""
        data, frame = read_data(self.env(), self.model.contract)
        with workshop() as folder:
            chosen = parameters or self.model.estimator.PARAMETERS
            return build(self.model, frame, data.digest, parameters=chosen, seed=seed, folder=folder).digest


def make(folder: Path, model: str = "wine") -> World:
    """An empty world in `folder` for a model of tests/models, or for the repository's own ("model")."""
    others = shutil.ignore_patterns("*.py", "__pycache__")
    shutil.copytree(REPOSITORY / "environments", folder / "environments", ignore=others)
    source = REPOSITORY / ("model" if model == "model" else f"tests/models/{model}")
    shutil.copytree(source, folder / "model", ignore=shutil.ignore_patterns("__pycache__"))
    for name in names(folder):
        database = folder / ".local" / name / "mlflow" / "mlflow.db"
        database.parent.mkdir(parents=True, mode=0o700)
        shutil.copyfile(empty_database(), database)
    return World(root=folder, model=load(folder / "model"))


def empty_database() -> Path:
    """MLflow's database without runs, made once per machine: its migrations take seconds."""
    made = Path(tempfile.gettempdir()) / f"mlops-tests-{os.getuid()}-mlflow-{metadata.version('mlflow')}.db"
    if not made.exists():
        new = made.with_name(f"{made.name}.{os.getpid()}")
        library().MlflowClient(tracking_uri=f"sqlite:///{new}").search_experiments()
        os.replace(new, made)
    return made
