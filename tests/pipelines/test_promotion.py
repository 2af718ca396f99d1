"""In which role does a release enter an endpoint, and what stands in its way?"""

import pytest

from environments.declaration import Endpoint, Rollout, Traffic
from pipelines.decisions.promotion import entry, obstacle

A, B, C = "a" * 64, "b" * 64, "c" * 64


def test_the_first_release_becomes_stable_and_anchor():
    changes = entry(Endpoint(), A)
    assert (changes["stable"], changes["anchor"], changes["candidate"]) == (A, A, None)


def test_an_anchor_that_was_declared_before_stays():
    assert entry(Endpoint(anchor=C), A)["anchor"] == C


def test_a_later_release_goes_on_trial_in_the_shadow():
    assert entry(Endpoint(stable=A, anchor=A), B) == {"candidate": B, "traffic": {"candidate": 0, "shadow": 100}}


def test_a_rollout_without_a_shadow_begins_with_its_first_share():
    declared = Endpoint(stable=A, rollout=Rollout(steps=[10, 100]))
    assert entry(declared, B)["traffic"] == {"candidate": 10, "shadow": 0}


def test_an_environment_without_a_trial_takes_it_at_once_and_keeps_its_anchor():
    changes = entry(Endpoint(stable=A, anchor=A, rollout=Rollout(steps=[])), B)
    assert changes["stable"] == B
    assert "anchor" not in changes


def test_a_free_endpoint_has_no_obstacle():
    assert obstacle(Endpoint(stable=A), B, "prod") is None


@pytest.mark.parametrize(
    ("declared", "digest", "way_out"),
    [
        (Endpoint(stable=A), A, "nothing to promote"),
        (Endpoint(stable=A, candidate=B, traffic=Traffic(shadow=100)), B, "mlops rollout --env prod --write"),
        (Endpoint(stable=A, candidate=B, traffic=Traffic(shadow=100)), C, "mlops rollback --env prod"),
    ],
)
def test_an_obstacle_names_the_way_out(declared: Endpoint, digest: str, way_out: str):
    assert way_out in (obstacle(declared, digest, "prod") or "")
