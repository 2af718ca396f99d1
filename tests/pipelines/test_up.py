"""Does `up` make a declaration real, prove it through the gateway, and does `status` see what is and what is not?"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from environments.edit import edit_endpoint
from pipelines import ledger
from pipelines.attestation import DEPLOYMENT, statements
from pipelines.environment import Environment, open_environment
from pipelines.record import Record
from pipelines.steps.status import status
from pipelines.steps.up import up
from pipelines.store import put_release
from pipelines.tracking import client, register_version
from serving.release import schema
from tests.clones import Clone
from tests.serving.releases import binary

pytestmark = [pytest.mark.engine, pytest.mark.services]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A clone's local-dev, and two releases in its store of which the first is registered."""

    clone: Clone
    env: Environment
    first: str
    second: str

    def declare(self, **changes: object) -> None:
        edit_endpoint(self.env.endpoint_file(), changes)

    def seen(self) -> dict[str, object]:
        """What `status` says about it."""
        found = status(self.clone.root).details["environments"]
        return next(one for one in found if one["name"] == self.env.name)


@pytest.fixture(scope="module")
def deployment(shared_clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    env, folder = open_environment(shared_clone.root, "local-dev", actor="test"), tmp_path_factory.mktemp("made")
    digests = [stored(env, folder / name, bias) for name, bias in (("first", 0.0), ("second", 0.5))]
    register_version(env, schema(folder / "first"), digests[0])
    return Deployment(clone=shared_clone, env=env, first=digests[0], second=digests[1])


def stored(env: Environment, folder: Path, bias: float) -> str:
    digest = binary(folder, bias=bias)
    put_release(env.store, folder, digest)
    return digest


@pytest.fixture(scope="module")
def empty(deployment: Deployment) -> Record:
    return up(deployment.env)


@pytest.fixture(scope="module")
def served(deployment: Deployment, empty: Record) -> Record:
    deployment.declare(stable=deployment.first, anchor=deployment.first)
    return up(deployment.env, ("endpoint",))


def test_an_environment_comes_up_before_any_release(deployment: Deployment, empty: Record):
    assert empty.details["programs"] == ["platform", "endpoint"]
    assert "without a release the gateway answers 503" in empty.details["proven"]
    assert ledger.entries(deployment.env.store)[0][0].step == "up"


def test_a_declared_release_is_deployed_proven_attested_and_named_champion(deployment: Deployment, served: Record):
    assert served.subject == deployment.first
    assert f"stable answers as {deployment.first[:12]}" in served.details["proven"]
    predicate = statements(deployment.env.store, deployment.first, DEPLOYMENT)[-1].predicate
    assert (predicate["environment"], predicate["track"]) == ("local-dev", "stable")
    alias = client(deployment.env).get_model_version_by_alias("renewal", "champion")
    assert alias.tags["mlops.release"] == deployment.first


def test_status_sees_declared_deployed_and_running_agree(deployment: Deployment, served: Record):
    seen = deployment.seen()
    assert seen["in_sync"]
    assert seen["running"] == {"gateway": "ready", "stable": "ready"}


def test_deploying_the_same_again_attests_nothing_new(deployment: Deployment, served: Record):
    before = len(statements(deployment.env.store, deployment.first, DEPLOYMENT))
    up(deployment.env, ("endpoint",))
    assert len(statements(deployment.env.store, deployment.first, DEPLOYMENT)) == before


def test_a_candidate_is_seen_missing_then_deployed_beside_the_stable_release(deployment: Deployment, served: Record):
    deployment.declare(candidate=deployment.second, traffic={"candidate": 0, "shadow": 100})
    assert not deployment.seen()["in_sync"]
    assert "local-dev" in status(deployment.clone.root).summary
    said: list[str] = []
    record = up(deployment.env, ("endpoint",), report=said.append)
    assert record.details["releases"] == {"stable": deployment.first, "candidate": deployment.second}
    assert any("not registered" in message for message in said)  # the alias is told of, and stops nothing
    assert deployment.seen()["running"] == {"gateway": "ready", "stable": "ready", "candidate": "ready"}


def test_the_command_lines_print_a_table_and_json(deployment: Deployment, served: Record):
    table = deployment.clone.mlops("status").stdout
    assert "local-dev" in table
    assert "local-prod" in table
    told = json.loads(deployment.clone.mlops("status", "--json").stdout)
    assert {one["name"] for one in told["details"]["environments"]} >= {"local-dev", "local-staging", "local-prod"}


def test_an_environment_that_was_never_brought_up_is_in_sync_with_an_empty_declaration(deployment: Deployment):
    found = status(deployment.clone.root).details["environments"]
    prod = next(one for one in found if one["name"] == "local-prod")
    assert prod["in_sync"]
    assert prod["running"] == {}
    assert prod["deployed"] is None
