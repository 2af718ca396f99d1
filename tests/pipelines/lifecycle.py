"""How does a test get a world with releases in it, and a copy of it that it may spoil?"""

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from environments.edit import edit_endpoint
from pipelines.contract import Model, load
from pipelines.decisions.gates import Finding
from pipelines.environment import Environment
from pipelines.errors import GateFailed, Insufficient
from pipelines.frames import read_data
from pipelines.record import Record, newest
from pipelines.steps.data import write_data
from pipelines.steps.validate import validate
from tests.pipelines import worlds
from tests.pipelines.worlds import World


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A world whose head has data, a release of it, and a bad one that learnt mistaken labels."""

    world: World
    good: str
    bad: str

    @property
    def model(self) -> Model:
        return self.world.model

    @property
    def env(self) -> Environment:
        return self.world.env()

    def copy(self, folder: Path) -> "Trained":
        """The same in another folder, to be spoiled."""
        shutil.copytree(self.world.root, folder)
        return replace(self, world=World(root=folder, model=load(folder / "model")))

    def declare(self, env: str = "local-dev", **changes: Any) -> None:
        """Edit an endpoint's file without any ceremony."""
        edit_endpoint(self.world.env(env).endpoint_file(), changes)


def trained(folder: Path, model: str) -> Trained:
    """Data, a good release, a bad one; the newest data version is the good data."""
    world = worlds.make(folder, model)
    good = world.with_release()
    _, frame = read_data(world.env(), world.model.contract)
    target = world.model.contract.target
    write_data(world.env(), world.model, frame.assign(**{target: mistaken(frame[target])}), "mistaken labels")
    bad = world.with_release()
    world.with_data()
    return Trained(world=world, good=good, bad=bad)


def mistaken(labels: pd.Series) -> pd.Series:
    """Every class taken for the next one, every number for the opposite one."""
    if labels.dtype.kind == "f":
        return labels.max() + labels.min() - labels
    known = sorted(set(labels))
    return labels.map(dict(zip(known, [*known[1:], known[0]], strict=True)))


def with_contract(model: Model, **changes: Any) -> Model:
    """The model with other fields in its contract; its folder stays."""
    return replace(model, contract=msgspec.structs.replace(model.contract, **changes))


def each(parts: list[Any], **changes: Any) -> list[Any]:
    """Every part of a contract with some fields changed."""
    return [msgspec.structs.replace(part, **changes) for part in parts]


def lenient(model: Model) -> Model:
    """A contract whose overall gates let everything pass, so that one other gate is seen alone."""
    gates = [
        msgspec.structs.replace(gate, floor=-1e9 if gate.direction == "higher" else 1e9, tolerance=1e9)
        for gate in model.contract.gates
    ]
    return with_contract(model, gates=gates, slices=each(model.contract.slices, tolerance=1e9))


def judged(env: Environment, model: Model, digest: str) -> list[Finding]:
    """The findings about a release, whatever the verdict."""
    try:
        record = validate(env, model, digest)
    except (GateFailed, Insufficient):
        record = newest(env, "validate")
    assert isinstance(record, Record)
    return msgspec.convert(record.details["findings"], list[Finding])


def git(folder: Path, *arguments: str) -> str:
    """What Git prints in a folder."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def under_git(trained: Trained) -> Trained:
    """The world as a repository with an identity and one commit."""
    root = trained.world.root
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "Ada")
    git(root, "config", "user.email", "ada@example.org")
    (root / ".gitignore").write_text(".local/\n__pycache__/\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "The template")
    return trained
