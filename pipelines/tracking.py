"""Where can people find runs, metrics and registered releases? In MLflow; nothing is deployed from there."""

import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.contract import Contract
from pipelines.environment import Environment
from pipelines.errors import InvalidInput, NotReady, ToolFailed
from serving.graph import OUTPUT
from serving.release import GRAPH, schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its default waits for minutes
}
SQLITE = "sqlite:///"
DIGEST_TAG = "mlops.release"
REQUIREMENTS = ("onnx", "onnxruntime", "numpy")


class Named(Protocol):
    """Whatever has the name of a registered model: a contract, or a release's schema."""

    @property
    def name(self) -> str:
        """The name."""
        ...


def library() -> Any:
    """MLflow, without its chatter and its telemetry."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def address(env: Environment) -> str:
    """The tracking server of `env`: MLFLOW_TRACKING_URI wins over the environment's own database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or env.location.tracking


def local_folder(uri: str) -> Path | None:
    """The folder of a SQLite database, created when it is not there; None for any other address."""
    if not uri.startswith(SQLITE):
        return None
    folder = Path(uri.removeprefix(SQLITE)).resolve().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def client(env: Environment) -> "MlflowClient":
    """MLflow's client on the tracking server and registry of `env`."""
    local_folder(address(env))
    return library().MlflowClient(tracking_uri=address(env))


def shown(uri: str) -> str:
    """An address without the password that it may hold."""
    head, at, rest = uri.rpartition("@")
    return f"{head.split('://')[0]}://...@{rest}" if at else uri


def experiment(env: Environment, contract: Contract) -> str:
    """The id of the model's experiment in `env`; created when it is not there.

    Raises ToolFailed when the tracking server does not answer.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = client(env).get_experiment_by_name(contract.name)
    except MlflowException as error:
        where = address(env)
        why = str(error).replace(where, shown(where))[:200]
        raise ToolFailed(
            f"MLflow at {shown(where)} does not answer: {why}. "
            "Start it, or unset MLFLOW_TRACKING_URI to use the environment's own."
        ) from None
    if found is not None:
        return str(found.experiment_id)
    folder = local_folder(address(env))
    place = (folder / "artifacts").as_uri() if folder else None
    return str(client(env).create_experiment(contract.name, artifact_location=place))


def log_run(
    env: Environment,
    contract: Contract,
    digest: str,
    release: Path,
    *,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
    figures: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
) -> str:
    """Log a run with the release in the folder `release` as its model (onnx flavour) and return the run's id."""
    connection, where = client(env), experiment(env, contract)
    # MLflow's global address also lives in an environment variable that children inherit: only the client is used here.
    run = str(connection.create_run(where, tags={DIGEST_TAG: digest, **(tags or {})}, run_name=name).info.run_id)
    try:
        log_values(connection, run, parameters or {}, metrics or {})
        for file, figure in (figures or {}).items():
            connection.log_figure(run, figure, file)
        for file, text in (texts or {}).items():
            connection.log_text(run, text, file)
        connection.log_artifacts(run, str(release), "release")
        log_model(connection, where, run, release)
    except BaseException:
        connection.set_terminated(run, "FAILED")
        raise
    connection.set_terminated(run, "FINISHED")
    return run


def log_values(
    connection: "MlflowClient", run: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    """Log parameters and metrics in one call; a metric that is not defined (NaN) is left out."""
    from mlflow.entities import Metric, Param

    at = time.time_ns() // 1_000_000
    connection.log_batch(
        run,
        metrics=[Metric(name, value, at, 0) for name, value in metrics.items() if not math.isnan(value)],
        params=[Param(name, str(value)) for name, value in parameters.items()],
    )


def log_model(connection: "MlflowClient", where: str, run: str, release: Path) -> None:
    """Make the `MLmodel` around the graph; requirements are given, because finding them takes seconds."""
    import mlflow.models
    import onnx
    from mlflow.entities import LoggedModelOutput
    from mlflow.onnx import save_model

    made = connection.create_logged_model(where, name="model", source_run_id=run)
    with tempfile.TemporaryDirectory(prefix="mlops-mlmodel-") as parent:
        folder = Path(parent) / "model"
        save_model(
            onnx.load(str(release / GRAPH)), str(folder), save_as_external_data=False,
            signature=signature(release), onnx_execution_providers=["CPUExecutionProvider"],
            mlflow_model=mlflow.models.Model(artifact_path=made.artifact_location, run_id=run, model_id=made.model_id),
            pip_requirements=[f"{package}=={metadata.version(package)}" for package in REQUIREMENTS],
        )  # fmt: skip
        shutil.copyfile(release / GRAPH, folder / GRAPH)
        connection.log_model_artifacts(made.model_id, str(folder))
    connection.finalize_logged_model(made.model_id, "READY")
    connection.log_outputs(run, [LoggedModelOutput(made.model_id, 0)])


def signature(release: Path) -> Any:
    """MLflow's description of the graph's tensors, by which its clients send data frames in the right shape."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    described = schema(release)
    kinds = {"number": np.dtype(np.float32), "text": np.dtype(str)}
    return ModelSignature(
        inputs=Schema([TensorSpec(kinds[column.type], (-1, 1), column.name) for column in described.columns]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, max(1, len(described.classes))), OUTPUT)]),
    )


def register_version(env: Environment, contract: Contract, digest: str, run: str | None = None) -> str:
    """The registered version of release `digest` in `env`; a new one when there is none.

    Its model is that of `run`, by default of the newest run with this digest; where there is none (behind the head of
    a chain) one is made from the release in the environment's store. The bytes are the release's in either case.
    """
    if found := find_version(env, contract, digest):
        return found
    run = run or find_run(env, contract, digest) or log_run(
        env, contract, digest, env.release(digest), name=f"received {digest[:12]}"
    )  # fmt: skip
    registry = client(env)
    if not registry.search_registered_models(f"name = '{contract.name}'"):
        registry.create_registered_model(contract.name)
    # Not "models:/ID": MLflow's store would look that up on its global address.
    model = registry.get_logged_model(model_id(env, run))
    made = registry.create_model_version(
        contract.name, model.artifact_location, run, tags={DIGEST_TAG: digest}, model_id=model.model_id
    )
    return str(made.version)


def model_id(env: Environment, run: str) -> str:
    """The id of the model that `run` logged. Raises NotReady when it logged none."""
    outputs = client(env).get_run(run).outputs
    if outputs is None or not outputs.model_outputs:
        raise NotReady(f"run {run} in {env.name} has no model. Train again.")
    return str(outputs.model_outputs[0].model_id)


def find_version(env: Environment, contract: Named, digest: str) -> str | None:
    """The registered version of release `digest` in `env`, if there is one."""
    found = client(env).search_model_versions(f"name = '{contract.name}' and tags.`{DIGEST_TAG}` = '{digest}'")
    return str(found[0].version) if found else None


def find_run(env: Environment, contract: Contract, digest: str) -> str | None:
    """The newest finished run of `env` that made release `digest`, if there is one."""
    where = experiment(env, contract)
    query = f"tags.`{DIGEST_TAG}` = '{digest}' and attributes.status = 'FINISHED'"
    found = client(env).search_runs([where], query, max_results=1, order_by=["attributes.start_time DESC"])
    return str(found[0].info.run_id) if found else None


def set_alias(env: Environment, contract: Named, alias: str, digest: str) -> None:
    """Point `alias` (stable, candidate) at the registered version of `digest`. Raises NotReady when there is none."""
    version = find_version(env, contract, digest)
    if version is None:
        raise NotReady(f"release {digest[:12]} is not registered in {env.name}. Run `mlops register` first.")
    client(env).set_registered_model_alias(contract.name, alias, version)


def delete_alias(env: Environment, contract: Named, alias: str) -> None:
    """Take `alias` away; it may be gone already."""
    if client(env).search_registered_models(f"name = '{contract.name}'"):
        client(env).delete_registered_model_alias(contract.name, alias)


def get_run(env: Environment, run: str) -> Any:
    """A run of `env` by its id. Raises InvalidInput when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client(env).get_run(run)
    except MlflowException:
        raise InvalidInput(f"{env.name} has no run '{run}'. `mlops ui --env {env.name}` shows the runs.") from None
