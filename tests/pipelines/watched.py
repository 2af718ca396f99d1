"""Which environment do tests watch? Hand-built releases with a profile and attested metrics; nothing is trained.

The truth of a row is drawn from the graph's own probabilities (or is its value plus noise), so that the release keeps
its promise on every population that it was made for, and breaks it where a test makes the truth something else.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from environments.edit import edit_endpoint
from pipelines import attestation
from pipelines.contract import Contract, Feature, Gate, Model, Slice
from pipelines.decisions.folds import split
from pipelines.decisions.profile import profile
from pipelines.decisions.statistics import estimate
from pipelines.environment import Environment, open_environment
from pipelines.evaluation import rows_of, statistic
from pipelines.frames import columns, main_score, read_data
from pipelines.steps.data import write_data
from pipelines.store import put_release
from serving.graph import Graph
from serving.release import LINEAGE, MANIFEST, PROFILE, canonical, schema, seal
from tests.pipelines import recorded
from tests.serving import releases

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TRAINED = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 6, 1, tzinfo=UTC)
DELAY = timedelta(days=10)
DAY = timedelta(days=1)

FLOWERS = Contract(
    name="flower", task="multiclass", target="colour", entity="plant", event_time="seen_at", label_delay_days=10,
    source="none", classes=["red", "green", "blue"], owners=["@team/flowers"],
    features=[
        Feature(name="length", type="number", minimum=0, unit="cm"), Feature(name="width", type="number", minimum=0),
        Feature(name="bed", type="text", sensitive=True),
    ],
    gates=[
        Gate(metric="accuracy", floor=0.3, tolerance=0.02),
        Gate(metric="log_loss", floor=1.2, tolerance=0.02, direction="lower"),
    ],
    slices=[
        Slice(column="length", metric="accuracy", tolerance=0.05, edges=[2.0, 4.0]),
        Slice(column="bed", metric="accuracy", tolerance=0.05),
    ],
)  # fmt: skip
RENTS = Contract(
    name="rent", task="regression", target="rent", entity="flat", event_time="seen_at", label_delay_days=10,
    source="none", owners=["@team/rents"],
    features=[Feature(name="area", type="number", minimum=1, maximum=500), Feature(name="floor", type="number")],
    gates=[Gate(metric="mae", floor=100, tolerance=2, direction="lower")],
    slices=[Slice(column="floor", metric="mae", tolerance=5, edges=[5.0])],
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Watched:
    """An environment whose stable release was validated on rows of `population`."""

    root: Path
    env: Environment
    model: Model
    digest: str
    population: Callable[[np.random.Generator, int], dict[str, np.ndarray]]

    def live(
        self, rows: int, *, seed: int = 1, end: datetime = NOW, days: float = 20, prefix: str = "request",
        change: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: given,
        truth: Callable[[dict[str, Any], list[Any]], list[Any]] = lambda _given, values: values,
        labels: float = 0.0, **more: Any,
    ) -> None:  # fmt: skip
        """Record `rows` answers of the last `days` before `end`, the share `labels` of them with the truth.

        `change` makes other columns out of the population's, `truth` another truth of the drawn one.
        """
        random = np.random.default_rng(seed)
        given = change({name: values.tolist() for name, values in self.population(random, rows).items()})
        entities = [f"{prefix}-{index}" for index in range(rows)]
        times = [end - DAY * days * (index / rows) for index in range(rows)]
        scores = recorded.predictions(
            self.env, self.digest, given, entities=entities, event_times=times, prefix=prefix, **more
        )
        values = truth(given, drawn(self.model.contract, random, scores))
        known = np.flatnonzero(random.random(rows) < labels).tolist()
        if known:
            told = [[one[index] for index in known] for one in (entities, times, values)]
            recorded.labels(self.env, *told, known_after=DELAY)


def flowers(root: Path, name: str = "local-dev") -> Watched:
    """The multi-class model: two lengths, gamma distributed."""

    def population(random: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        return {"length": random.gamma(3.0, 1.0, rows), "width": random.gamma(2.0, 1.0, rows)}

    return watched(root, name, FLOWERS, lambda folder: releases.multiclass(folder, slope=1.0), population)


def rents(root: Path, name: str = "local-dev") -> Watched:
    """The regression: area and floor of a flat."""

    def population(random: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        return {"area": random.uniform(20, 200, rows), "floor": random.integers(0, 10, rows).astype(float)}

    return watched(root, name, RENTS, releases.regression, population)


def watched(
    root: Path, name: str, contract: Contract, make: Callable[[Path], str],
    population: Callable[[np.random.Generator, int], dict[str, np.ndarray]],
) -> Watched:  # fmt: skip
    """Lay out a repository with the template's environments, store and declare the release, attest its metrics."""
    shutil.copytree(REPOSITORY / "environments", root / "environments", ignore=shutil.ignore_patterns("*.py*", "__*"))
    env = open_environment(root, name, actor="test", now=lambda: NOW)
    model = Model(
        folder=root, contract=contract, data=SimpleNamespace(), estimator=SimpleNamespace(),
        metrics=SimpleNamespace(metrics=lambda _y, _score, _frame: {}), behaviour=SimpleNamespace(),
    )  # fmt: skip
    folder = root / "release"
    make(folder)
    frame = reference(contract, Graph(folder), population)
    write_data(env.head(), model, frame, "made up")
    digest = with_profile(folder, contract, frame)
    for place in {env.name: env, env.head().name: env.head()}.values():
        put_release(place.store, folder, digest)
    edit_endpoint(env.endpoint_file(), {"stable": digest})
    made = Watched(root=root, env=env, model=model, digest=digest, population=population)
    attest(made)
    return made


def reference(contract: Contract, graph: Graph, population: Callable[..., dict[str, np.ndarray]]) -> pd.DataFrame:
    """Rows of the time before the release, with their truth."""
    random = np.random.default_rng(0)
    rows = 4000
    given = population(random, rows)
    scores = graph.score(given)
    extra = {one.name: random.choice(["north", "south"], rows) for one in contract.features if one.name not in given}
    return pd.DataFrame(
        given | extra | {
            contract.target: drawn(contract, random, scores),
            contract.entity: [f"old-{index}" for index in range(rows)],
            contract.event_time: [TRAINED + timedelta(minutes=index) for index in range(rows)],
        }
    )  # fmt: skip


def drawn(contract: Contract, random: np.random.Generator, scores: np.ndarray) -> list[Any]:
    """A truth for each row of scores [rows, k]."""
    if contract.task == "regression":
        return (scores[:, 0].astype(float) + random.normal(0, 20, len(scores))).tolist()
    return [str(random.choice(contract.classes, p=row / row.sum())) for row in scores.astype(float)]


def with_profile(folder: Path, contract: Contract, frame: pd.DataFrame) -> str:
    """Give the release in `folder` its profile and lineage; its new digest."""
    graph, held_back = Graph(folder), split(frame[contract.entity], contract.folds)
    training, validation = frame[~held_back], frame[held_back]
    scores = graph.score(columns(contract, validation))
    made = profile(schema(folder).columns, columns(contract, training), scores, graph.decide(scores))
    (folder / PROFILE).write_bytes(canonical(made))
    folds = {"validation": contract.folds.validation, "salt": contract.folds.salt}
    (folder / LINEAGE).write_bytes(canonical({"model": contract.name, "folds": folds}))
    (folder / MANIFEST).unlink()
    return seal(folder)


def attest(made: Watched) -> None:
    """Say what the gates would say about the validation rows."""
    contract, env = made.model.contract, made.env
    version, frame = read_data(env.head(), contract)
    rows = rows_of(version, contract, frame[split(frame[contract.entity], contract.folds)].reset_index(drop=True))
    scores = main_score(contract, Graph(env.release(made.digest)).score(columns(contract, rows.frame))).astype(float)
    drawn = estimate(
        {gate.metric: statistic(made.model, gate.metric, rows, scores) for gate in contract.gates}, rows.entities,
        resamples=300,
    )  # fmt: skip
    metrics: Mapping[str, Any] = {name: vars(one.interval(0.05)) | {"rows": len(rows.y)} for name, one in drawn.items()}
    data = {"version": version.number, "digest": version.digest}
    predicate = {"environment": env.name, "data": data, "metrics": metrics}
    attestation.attest(
        env.store, made.digest, name=contract.name, predicate_type=attestation.GATES, predicate=predicate
    )
