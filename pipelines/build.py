"""How does a data version become a release? Fit, convert, prove parity, profile, seal: no clock and one thread."""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.contract import Contract, Model
from pipelines.decisions.folds import split
from pipelines.decisions.metrics import standard_metrics
from pipelines.decisions.profile import profile
from pipelines.errors import InvalidInput
from pipelines.export import Parity, prove_parity, to_onnx, to_schema
from pipelines.frames import columns, estimator_frame, main_score, truth
from pipelines.lineage import DataUsed, Lineage, code_used, versions_used
from serving.graph import Graph
from serving.release import GRAPH, LINEAGE, PROFILE, SCHEMA, canonical, seal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Built:
    """A sealed release in `folder`, and what was seen while it was made."""

    folder: Path
    digest: str
    parity: Parity
    metrics: dict[str, float]
    y: np.ndarray
    score: np.ndarray


@contextmanager
def one_thread() -> Generator[None]:
    """OpenMP and BLAS on one thread: sums in another order are other bytes, and two contended cores are slower."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def build(
    model: Model, frame: "pd.DataFrame", data_digest: str, *, parameters: Mapping[str, Any], seed: int, folder: Path
) -> Built:
    """Train on the training fold of `frame` and write the release into the empty `folder`.

    Raises InvalidInput when a fold lacks a class, or the estimator cannot be fitted, converted or trusted.
    """
    contract = model.contract
    # The digest ignores the rows' order; training must not depend on it either.
    frame = frame.sort_values([contract.entity, contract.event_time], kind="stable").reset_index(drop=True)
    held_back = split(frame[contract.entity], contract.folds)
    training, validation = frame[~held_back], frame[held_back]
    check_folds(contract, training, validation)
    estimator = fit(model, training, parameters, seed)
    (folder / GRAPH).write_bytes(to_onnx(estimator, contract))
    (folder / SCHEMA).write_bytes(canonical(to_schema(contract)))
    graph = Graph(folder)
    with one_thread():
        agreed = prove_parity(
            estimator, graph, contract, estimator_frame(contract, validation), columns(contract, validation)
        )
    scores = graph.score(columns(contract, validation))
    sketches = profile(graph.schema.columns, columns(contract, training), scores, graph.decide(scores))
    (folder / PROFILE).write_bytes(canonical(sketches))
    lineage = Lineage(
        model=contract.name, data=DataUsed(digest=data_digest, rows=len(frame)),
        training=code_used(model.folder, contract), folds=contract.folds, seed=seed, parameters=dict(parameters),
        versions=versions_used(model.folder),
    )  # fmt: skip
    (folder / LINEAGE).write_bytes(canonical(lineage))
    y, score = truth(contract, validation), main_score(contract, scores)
    return Built(
        folder=folder,
        digest=seal(folder),
        parity=agreed,
        metrics=measure(model, y, score, validation),
        y=y,
        score=score,
    )


def check_folds(contract: Contract, training: "pd.DataFrame", validation: "pd.DataFrame") -> None:
    """Every class has to occur in both folds."""
    for name, fold in (("training", training), ("validation", validation)):
        if fold.empty:
            raise InvalidInput(f"the {name} fold has no rows. Bring more data, or change [folds] in model.toml.")
        if missing := sorted(set(contract.classes) - set(fold[contract.target])):
            raise InvalidInput(
                f"the {name} fold ({len(fold)} rows) has no row of class '{missing[0]}' of '{contract.target}'. "
                "Bring more data, or take the class out of model.toml."
            )


def fit(model: Model, training: "pd.DataFrame", parameters: Mapping[str, Any], seed: int) -> Any:
    """The fitted estimator; its classes are the indices of the contract's classes. Raises InvalidInput."""
    contract = model.contract
    try:
        estimator = on_one_job(model.estimator.build(parameters, seed))
        with one_thread():
            estimator.fit(estimator_frame(contract, training), truth(contract, training))
    except Exception as error:  # whatever the model's own code raises
        raise InvalidInput(
            f"{model.folder / 'estimator.py'}: fitting with {dict(parameters)} failed: "
            f"{type(error).__name__}: {error}. "
            "`build` gets these parameters, and `fit` a DataFrame of the contract's input columns."
        ) from error
    return estimator


def on_one_job(estimator: Any) -> Any:
    """The estimator with every `n_jobs` at 1: some libraries start threads that `one_thread` does not see."""
    names = [name for name in estimator.get_params(deep=True) if name.split("__")[-1] == "n_jobs"]
    return estimator.set_params(**dict.fromkeys(names, 1))


def measure(model: Model, y: np.ndarray, score: np.ndarray, frame: "pd.DataFrame") -> dict[str, float]:
    """The standard metrics and the model's own, on the rows of `frame`."""
    return standard_metrics(model.contract, y, score) | {
        name: float(value) for name, value in model.metrics.metrics(y, score, frame).items()
    }


@contextmanager
def workshop() -> Generator[Path]:
    """An empty folder to build in; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mlops-release-") as folder:
        yield Path(folder)
