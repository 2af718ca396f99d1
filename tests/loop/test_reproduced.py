"""Is a release what its digest says? Made again elsewhere it is the same, and changed bytes never answer."""

import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
NOW = "2024-07-01"


@pytest.fixture(scope="module")
def two_clones(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Clone, Clone]]:
    """Two clean clones in folders of other names and lengths, in which Python's sets have another order, too."""
    here, there = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("another place") / "with a longer name"
    with fresh_clone(repository, here) as one, fresh_clone(repository, there) as other:
        yield hashing(one, seed=1), hashing(other, seed=4)


def hashing(clone: Clone, seed: int) -> Clone:
    """The clone with Python's hashes of texts, and so the order of sets, fixed by `seed`."""
    return replace(clone, environment=clone.environment | {"PYTHONHASHSEED": str(seed)})


def trained(clone: Clone, folder: str) -> str:
    """The digest that `mlops data` and `mlops train` end in, each a process of its own."""
    chosen = ("--env", "local-dev", "--model", str(clone.root / folder), "--json")
    clone.mlops("data", *chosen, "--now", NOW)
    return json.loads(clone.mlops("train", *chosen, "--seed", "3").stdout)["subject"]


@pytest.mark.parametrize("folder", ["model", "tests/models/diabetes", "tests/models/wine"])
def test_two_clean_clones_in_two_places_make_one_release(two_clones: tuple[Clone, Clone], folder: str):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda clone: trained(clone, folder), two_clones)
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
