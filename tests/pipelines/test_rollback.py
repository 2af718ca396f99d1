"""Does one command bring an older release back, and only one that answers?"""

from pathlib import Path

import pytest

from pipelines import git
from pipelines.errors import IntegrityError, InvalidInput, NotReady
from pipelines.record import history
from pipelines.steps.rollback import rollback
from pipelines.store import put_release
from tests.pipelines.recorded_trial import Trial, flowers
from tests.serving import releases

ALONE = {"candidate": None, "traffic": {"candidate": 0, "shadow": 0}}


@pytest.fixture
def flower(tmp_path: Path) -> Trial:
    """The three-class model, a candidate in the shadow; `git log` knows both as stable once the test says so."""
    made = flowers(tmp_path / "repository")
    for name in ("serving", "pipelines"):
        (made.root / name).symlink_to(Path(__file__).resolve().parents[2] / name)
    return made


def promoted(flower: Trial) -> Trial:
    """The candidate became stable."""
    flower.declare(stable=flower.candidate, **ALONE)
    return flower


@pytest.mark.services
def test_the_stable_release_before_comes_back_after_it_answered(flower: Trial) -> None:
    record = rollback(promoted(flower).env, reason="refuses too many")
    assert flower.env.endpoint().stable == flower.stable
    said = git.trailers(flower.root, git.head(flower.root))
    assert (said["Release"], said["Taken-Out"]) == (flower.stable, flower.candidate)
    assert "refuses too many" in flower.git("show", "--no-patch", "--format=%b")
    assert history(flower.env, "rollback") == [record]
    assert record.subject == flower.candidate


@pytest.mark.services
def test_a_trial_is_ended_and_the_stable_release_stays(flower: Trial) -> None:
    record = rollback(flower.env, reason="no trust")
    assert (flower.env.endpoint().stable, flower.env.endpoint().candidate) == (flower.stable, None)
    assert record.subject == flower.candidate


@pytest.mark.services
def test_a_release_that_a_rollback_took_out_is_not_returned_to(flower: Trial) -> None:
    rollback(promoted(flower).env, reason="bad")
    with pytest.raises(NotReady, match="--to DIGEST"):
        rollback(flower.env, reason="bad, too")
    rollback(flower.env, reason="it was good after all", to=flower.candidate)
    assert flower.env.endpoint().stable == flower.candidate


@pytest.mark.services
def test_a_release_whose_graph_fails_is_refused_and_nothing_changes(flower: Trial, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    releases.multiclass(folder)
    (folder / "manifest.json").unlink()
    (folder / "model.onnx").write_bytes(b"no graph")
    digest = releases.seal(folder)
    put_release(flower.env.store, folder, digest)
    before = git.head(flower.root)
    with pytest.raises(NotReady, match="does not answer"):
        rollback(flower.env, reason="bad", to=digest)
    assert git.head(flower.root) == before
    assert flower.git("status", "--porcelain", "environments") == ""


def test_a_release_whose_stored_bytes_changed_is_refused_by_the_name_of_the_file(flower: Trial) -> None:
    flower.env.release(flower.stable)
    stored = flower.root / ".local" / "local-prod" / "store" / "releases" / flower.stable / "model.onnx"
    stored.write_bytes(stored.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match="model.onnx"):
        rollback(promoted(flower).env, reason="bad")


def test_without_another_release_in_the_history_one_has_to_be_named(flower: Trial) -> None:
    flower.declare(**ALONE)
    with pytest.raises(NotReady, match="--to DIGEST"):
        rollback(flower.env, reason="bad")


def test_the_present_release_is_no_target(flower: Trial) -> None:
    flower.declare(**ALONE)
    with pytest.raises(NotReady, match="already"):
        rollback(flower.env, reason="bad", to=flower.stable)


def test_an_environment_without_a_release_has_nothing_to_return_from(flower: Trial) -> None:
    flower.declare(stable=None, **ALONE)
    with pytest.raises(NotReady, match="declares no release"):
        rollback(flower.env, reason="bad")


def test_a_reason_is_asked_for(flower: Trial) -> None:
    with pytest.raises(InvalidInput, match="reason"):
        rollback(flower.env, reason=" ")


def test_a_changed_file_is_refused(flower: Trial) -> None:
    flower.env.endpoint_file().write_text(flower.env.endpoint_file().read_text() + "# mine\n")
    with pytest.raises(NotReady, match="not committed"):
        rollback(flower.env, reason="bad")
