"""What is measured? One model of this repository, as a release and as MLflow's users log it, and rows to ask about."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.build import build, fit
from pipelines.contract import Model
from pipelines.decisions.folds import split
from pipelines.frames import data_digest, estimator_frame
from pipelines.intake import take_in
from pipelines.steps.data import read
from pipelines.tracking import QUIET, signature
from serving.release import GRAPH

if TYPE_CHECKING:
    import pandas as pd

ROWS = 500
SEED = 0
ONNX, SKLEARN = "onnx", "sklearn"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A release, the same model in MLflow's flavours by name, and single-row bodies that all servers take."""

    model: str
    release: Path
    digest: str
    flavours: dict[str, Path]
    bodies: list[bytes]


def prepare(model: Model, folder: Path) -> Subject:
    """Train `model` once, within the empty `folder`."""
    contract, parameters = model.contract, dict(model.estimator.PARAMETERS)
    frame = take_in(contract, read(model, contract.source)).good
    release = folder / "release"
    release.mkdir()
    built = build(model, frame, data_digest(contract, frame), parameters=parameters, seed=SEED, folder=release)
    # A release keeps no estimator: the same rows, parameters and seed give it again, and `agree` compares the answers.
    frame = frame.sort_values([contract.entity, contract.event_time], kind="stable").reset_index(drop=True)
    held_back = split(frame[contract.entity], contract.folds)
    estimator = fit(model, frame[~held_back], parameters, SEED)
    asked = estimator_frame(contract, frame[held_back]).head(ROWS)
    flavours = {ONNX: folder / ONNX, SKLEARN: folder / SKLEARN}
    save(release, estimator, asked, flavours)
    return Subject(
        model=contract.name, release=release, digest=built.digest, flavours=flavours, bodies=single_rows(asked)
    )


def save(release: Path, estimator: Any, asked: "pd.DataFrame", flavours: dict[str, Path]) -> None:
    """MLflow's models: the release's graph, and the estimator without a pickle."""
    os.environ.update(QUIET)
    import onnx
    import skops.io
    from mlflow.models import infer_signature
    from mlflow.onnx import save_model as save_graph
    from mlflow.sklearn import save_model as save_estimator

    save_graph(
        onnx.load(str(release / GRAPH)), str(flavours[ONNX]), signature=signature(release), pip_requirements=[],
        onnx_execution_providers=["CPUExecutionProvider"],
    )  # fmt: skip
    predict = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    save_estimator(
        estimator, str(flavours[SKLEARN]), signature=infer_signature(asked), pyfunc_predict_fn=predict,
        pip_requirements=[], serialization_format="skops",
        skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(estimator)),
    )  # fmt: skip


def single_rows(frame: "pd.DataFrame") -> list[bytes]:
    """One body of MLflow's scoring protocol for each row."""
    names = [str(name) for name in frame.columns]
    rows = json.loads(frame.to_json(orient="values"))
    return [json.dumps({"dataframe_split": {"columns": names, "data": [row]}}).encode() for row in rows]
