"""Do runs and registered releases lie where the environment says, and are their bytes the release's?"""

import os
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest

from pipelines.errors import NotReady, ToolFailed
from pipelines.frames import columns, estimator_frame, read_table
from pipelines.steps.train import train
from pipelines.store import keys, put_release
from pipelines.tracking import (
    client,
    delete_alias,
    find_run,
    find_version,
    log_run,
    register_version,
    set_alias,
    shown,
)
from serving.graph import Graph
from tests.pipelines import worlds
from tests.pipelines.worlds import World

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return worlds.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def digest(world: World) -> str:
    return world.with_release()


def test_a_release_is_registered_once_under_its_digest(world: World, digest: str):
    env, contract = world.env(), world.model.contract
    version = register_version(env, contract, digest)
    assert register_version(env, contract, digest) == version
    assert find_version(env, contract, digest) == version
    assert client(env).get_model_version("wine", version).run_id == find_run(env, contract, digest)


def test_an_environment_behind_the_head_registers_the_same_bytes(world: World, digest: str):
    staging = world.env("local-staging")
    put_release(staging.store, world.env().release(digest), digest)
    version = register_version(staging, world.model.contract, digest)
    source = client(staging).get_model_version("wine", version).source
    stored = Path(source.removeprefix("file://")) / "model.onnx"
    assert stored.read_bytes() == (world.env().release(digest) / "model.onnx").read_bytes()
    assert str(world.root / ".local/local-staging") in str(stored)


def test_an_alias_points_to_a_digest_and_can_be_taken_away(world: World, digest: str):
    env, contract = world.env(), world.model.contract
    version = register_version(env, contract, digest)
    set_alias(env, contract, "stable", digest)
    assert str(client(env).get_model_version_by_alias("wine", "stable").version) == version
    delete_alias(env, contract, "stable")
    delete_alias(env, contract, "stable")
    assert client(env).get_registered_model("wine").aliases == {}


def test_an_alias_for_a_release_that_is_not_registered_is_refused(world: World):
    with pytest.raises(NotReady, match="000000000000 is not registered in local-dev. Run `mlops register`"):
        set_alias(world.env(), world.model.contract, "stable", "0" * 64)


def test_mlflows_own_scoring_of_a_data_frame_is_the_graphs(world: World, digest: str):
    env, contract = world.env(), world.model.contract
    version = register_version(env, contract, digest)
    model = mlflow.pyfunc.load_model(client(env).get_model_version("wine", version).source)
    frame = read_table(env, "data").head(20)
    answered = model.predict(estimator_frame(contract, frame))["score"]
    assert np.array_equal(answered, Graph(env.release(digest)).score(columns(contract, frame)))


def test_the_users_own_server_wins_and_nothing_global_is_changed(
    world: World, digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own = f"sqlite:///{tmp_path / 'own.db'}"
    (tmp_path / "own.db").write_bytes(worlds.empty_database().read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own)
    log_run(world.env(), world.model.contract, digest, world.env().release(digest), name="mine")
    assert find_run(world.env(), world.model.contract, digest)
    assert os.environ["MLFLOW_TRACKING_URI"] == own
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert {run.info.run_name for run in client(world.env()).search_runs(["1"])}.isdisjoint({"mine"})
    assert not (tmp_path / "mlflow.db").exists()
    assert not (tmp_path / "mlruns").exists()


def test_a_server_that_does_not_answer_is_named_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = worlds.make(tmp_path)
    other.with_data()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with pytest.raises(ToolFailed, match=r"MLflow at http://\.\.\.@127\.0\.0\.1:9 does not answer.*unset") as refused:
        train(other.env(), other.model)
    assert "secret" not in str(refused.value)
    assert keys(other.env().store, "releases/") == []


def test_an_address_is_shown_without_its_password():
    assert shown("https://me:secret@host/path") == "https://...@host/path"
    assert shown("sqlite:////tmp/x.db") == "sqlite:////tmp/x.db"
