"""Does `status` show every environment, in the order in which releases pass them, whatever state it is in?"""

from pathlib import Path

from environments.location import Deployed, Track
from pipelines.steps.status import row, status
from serving.release import canonical
from tests.pipelines import worlds
from tests.pipelines.worlds import World

A = "a" * 64


def deployed(world: World, step: str) -> None:
    """What a `pulumi up` left, of which nothing runs any more."""
    env = world.env()
    env.location.endpoint.parent.mkdir(parents=True, exist_ok=True)
    gone = Track(release=A, url="http://127.0.0.1:9")
    left = Deployed(
        environment=env.name, gateway=gone.url, gateway_admin=gone.url, api_key_file="", step=step, stable=gone
    )
    env.location.endpoint.write_bytes(canonical(left))


def test_environments_come_in_the_order_in_which_releases_pass_them(tmp_path: Path):
    found = status(worlds.make(tmp_path).root)
    assert [one["name"] for one in found.details["environments"]] == ["local-dev", "local-staging", "local-prod"]
    assert found.verdict == "in sync"


def test_a_declared_release_that_is_not_deployed_differs(tmp_path: Path):
    world = worlds.make(tmp_path)
    file = world.env().endpoint_file()
    file.write_text(file.read_text().replace("stable: null", f"stable: {A}"))
    found = status(world.root)
    assert found.verdict == "differs"
    assert "local-dev" in found.summary
    assert "run mlops up" in row(found.details["environments"][0])[4]


def test_processes_that_do_not_answer_are_down(tmp_path: Path):
    world = worlds.make(tmp_path)
    deployed(world, world.env().endpoint().step())
    one = status(world.root).details["environments"][0]
    assert one["in_sync"]
    assert one["running"] == {"gateway": "down", "stable": "down"}


def test_a_broken_ledger_is_said_and_stops_nothing(tmp_path: Path):
    world = worlds.make(tmp_path)
    folder = tmp_path / ".local/local-dev/store/ledger"
    world.env()
    folder.mkdir(parents=True)
    (folder / "00000001.json").write_text("nonsense")
    one = status(world.root).details["environments"][0]
    assert one["verdicts"]["ledger"]["verdict"] == "contradiction"
