"""Is a release that follows from its lineage told apart from one that only claims to?"""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pipelines.attestation import REPRODUCTION, statements
from pipelines.contract import load
from pipelines.decisions.reproduction import TOLERANCE, differences, sameness
from pipelines.errors import GateFailed, InvalidInput
from pipelines.lineage import DataUsed, Lineage, platform_key
from pipelines.steps.data import write_data
from pipelines.steps.reproduce import reproduce
from pipelines.store import put_release
from pipelines.tracking import log_run
from serving.release import LINEAGE, canonical, seal
from tests.pipelines import worlds
from tests.pipelines.worlds import World

PROBABILITIES = np.array([[0.4, 0.6], [0.9, 0.1]])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return worlds.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def digest(world: World) -> str:
    return world.with_release()


def forged(world: World, digest: str, folder: Path, **changes: object) -> str:
    """A release with the graph of `digest` and a lineage that says something else, logged as made here."""
    copy = Path(shutil.copytree(world.env().release(digest), folder))
    lineage = msgspec.json.decode((copy / LINEAGE).read_bytes(), type=Lineage)
    (copy / LINEAGE).write_bytes(canonical(msgspec.structs.replace(lineage, **changes)))
    made = seal(copy)
    put_release(world.env().store, copy, made)
    return made


@pytest.mark.services
def test_on_the_same_platform_the_bytes_are_equal_and_that_is_attested(world: World, digest: str):
    record = reproduce(world.env(), world.model, digest)
    assert record.verdict == "pass"
    assert "its bytes are equal" in record.summary
    assert statements(world.env().store, digest, REPRODUCTION)[-1].predicate["proved"] == "bytes"


@pytest.mark.services
def test_a_newer_data_version_does_not_matter(world: World, digest: str):
    write_data(world.env(), world.model, world.model.data.read("wine").head(120), "wine")
    assert reproduce(world.env(), world.model, digest).verdict == "pass"


@pytest.mark.services
def test_other_code_is_refused_by_name(world: World, digest: str, tmp_path: Path):
    folder = worlds.make(tmp_path).model.folder
    (folder / "estimator.py").write_text((folder / "estimator.py").read_text() + "\n# changed\n")
    with pytest.raises(InvalidInput, match="the model's files in .* differ.*Check out the commit"):
        reproduce(world.env(), load(folder), digest)


@pytest.mark.services
def test_another_contract_is_refused_by_name(world: World, digest: str, tmp_path: Path):
    folder = worlds.make(tmp_path).model.folder
    (folder / "model.toml").write_text((folder / "model.toml").read_text().replace("maximum = 5000", "maximum = 6000"))
    with pytest.raises(InvalidInput, match="model.toml in .* differ"):
        reproduce(world.env(), load(folder), digest)


@pytest.mark.services
def test_data_that_is_not_there_is_refused_with_the_way_to_it(world: World, digest: str, tmp_path: Path):
    other = worlds.make(tmp_path)
    write_data(other.env(), other.model, other.model.data.read("wine").head(150), "wine")
    put_release(other.env().store, world.env().release(digest), digest)
    with pytest.raises(InvalidInput, match="no data version of local-dev has the digest.*`mlops data --now`"):
        reproduce(other.env(), other.model, digest)


@pytest.mark.services
def test_a_release_that_other_parameters_made_fails_and_the_failure_is_attested(
    world: World, digest: str, tmp_path: Path
):
    parameters = {**world.model.estimator.PARAMETERS, "n_estimators": 3}
    false = forged(world, digest, tmp_path / "forged", parameters=parameters)
    with pytest.raises(GateFailed, match="its answers differ by more than"):
        reproduce(world.env(), world.model, false)
    assert statements(world.env().store, false, REPRODUCTION)[-1].predicate["proved"] == "nothing"


@pytest.mark.services
def test_on_the_platform_that_made_it_equal_answers_are_not_enough(world: World, digest: str, tmp_path: Path):
    lineage = msgspec.json.decode((world.env().release(digest) / LINEAGE).read_bytes(), type=Lineage)
    false = forged(world, digest, tmp_path / "forged", data=DataUsed(digest=lineage.data.digest, rows=1))
    release = world.env().release(false)
    run_tags = {"mlops.platform": msgspec.json.encode(platform_key()).decode()}
    log_run(world.env(), world.model.contract, false, release, name="forged", tags=run_tags)
    with pytest.raises(GateFailed, match="on the platform that made it, its bytes differ"):
        reproduce(world.env(), world.model, false)


def test_elsewhere_answers_within_the_tolerance_are_enough():
    near = PROBABILITIES + np.array([TOLERANCE / 2, -TOLERANCE / 2])
    found = sameness(
        equal_bytes=False, same_platform=False, scores=((PROBABILITIES, ["yes", "no"]), (near, ["yes", "no"]))
    )
    assert (found.proved, found.holds()) == ("answers", True)
    assert "elsewhere" in found.sentence()


@pytest.mark.parametrize(
    ("scores", "decisions"), [(PROBABILITIES + 2 * TOLERANCE, ["yes", "no"]), (PROBABILITIES, ["no", "no"])]
)
def test_a_larger_difference_or_another_decision_is_never_enough(scores: np.ndarray, decisions: list[str]):
    found = sameness(
        equal_bytes=False, same_platform=False, scores=((PROBABILITIES, ["yes", "no"]), (scores, decisions))
    )
    assert not found.holds()


def test_a_regression_is_compared_in_standard_deviations_and_has_no_decisions():
    values = np.array([[0.0], [1000.0]])
    found = sameness(
        equal_bytes=False, same_platform=False, scores=((values, [0.0, 1000.0]), (values + 0.1, [0.1, 1000.1]))
    )
    assert found.holds()
    assert found.flips == 0


def test_versions_that_differ_are_named():
    assert differences({"numpy": "1", "onnx": "2"}, {"numpy": "1", "onnx": "3"}) == ["onnx 2 -> 3"]
