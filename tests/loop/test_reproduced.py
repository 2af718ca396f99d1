"""Is a release what its digest says? Made again elsewhere it is the same, and changed bytes never answer."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.errors import IntegrityError, ToolFailed
from pipelines.steps.data import data
from pipelines.steps.promote import promote
from pipelines.steps.rollback import rollback
from pipelines.steps.up import up
from tests.clones import Clone, fresh_clone
from tests.loop.workshop import Workshop, graph_of, one_byte_changed, open_workshop

pytestmark = [pytest.mark.engine, pytest.mark.services]
MODELS = ("model", "tests/models/diabetes", "tests/models/wine")


@pytest.fixture(scope="module")
def digests(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What each of MODELS ends in, trained in two clean clones in folders of other names and lengths."""
    here, there = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("another place") / "with a longer name"
    with fresh_clone(repository, here) as one, fresh_clone(repository, there) as other, ThreadPoolExecutor(2) as pool:
        return list(pool.map(trained, (one, other), ("1", "4")))


def trained(clone: Clone, seed: str) -> list[str]:
    """The digests that a process of the clone prints, with Python's sets in the order of `seed`."""
    command = (sys.executable, "-m", "tests.loop.train_here", *MODELS)
    return clone.run(*command, env=clone.environment | {"PYTHONHASHSEED": seed}).stdout.split()


@pytest.mark.parametrize("model", MODELS)
def test_two_clean_clones_in_two_places_make_one_release(digests: list[list[str]], model: str):
    one, other = (found[MODELS.index(model)] for found in digests)
    assert one == other


@dataclass(frozen=True, kw_only=True)
class Releases:
    """Staging, in which `old` answers, and a `new` one that is registered at the head."""

    at: Workshop
    old: str
    new: str


@pytest.fixture(scope="module")
def releases(shared_clone: Clone) -> Releases:
    at = open_workshop(shared_clone, "tests/models/diabetes")
    data(at.dev, at.model)
    up(at.staging, ("platform",))
    at.bring(old := at.released())
    return Releases(at=at, old=old, new=at.released(parameters={"alpha": 5.0}))


def test_changed_bytes_are_not_promoted(releases: Releases):
    at, env = releases.at, releases.at.staging
    declared = env.endpoint()
    with one_byte_changed(graph_of(at.dev, releases.new)), pytest.raises(IntegrityError, match=r"model\.onnx"):
        promote(env, at.model, releases.new)
    assert env.endpoint() == declared


def test_changed_bytes_are_not_deployed_and_the_release_before_goes_on_answering(releases: Releases):
    at, env = releases.at, releases.at.staging
    promote(env, at.model, releases.new)
    assert env.endpoint().stable == releases.new
    with one_byte_changed(graph_of(env, releases.new)):
        refused = at.clone.mlops("up", "--env", env.name, check=False)
        assert refused.returncode == ToolFailed.exit_code
        assert "model.onnx has SHA-256" in refused.stderr
        assert at.answering(env) == releases.old
    up(env, ("endpoint",))
    assert at.answering(env) == releases.new


def test_nobody_returns_to_changed_bytes(releases: Releases):
    at, env = releases.at, releases.at.staging
    if env.endpoint().stable == releases.old:
        promote(env, at.model, releases.new)
    with one_byte_changed(graph_of(env, releases.old)), pytest.raises(IntegrityError, match=r"model\.onnx"):
        rollback(env, reason="a test")
    assert env.endpoint().stable == releases.new
