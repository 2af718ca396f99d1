"""Does `pulumi up` deploy releases on this machine, and does a promotion lose no request?"""

import pytest

from tests.clones import Clone
from tests.infra.endpoint import LocalEndpoint, under_load

pytestmark = [pytest.mark.engine, pytest.mark.services]


@pytest.fixture(scope="module")
def endpoint(shared_clone: Clone) -> LocalEndpoint:
    shared_clone.pulumi("platform", "local-dev", "up", "--yes", "--skip-preview")
    return LocalEndpoint(clone=shared_clone, environment="local-dev")


def test_a_promotion_loses_no_request(endpoint: LocalEndpoint) -> None:
    old, new = endpoint.store(0.0), endpoint.store(1.0)
    endpoint.declare(stable=old, candidate=None, traffic={"candidate": 0, "shadow": 0})
    endpoint.up()
    with under_load(endpoint) as load:
        for change in (
            {"candidate": new, "traffic": {"candidate": 10}},
            {"traffic": {"candidate": 100}},
            {"stable": new, "candidate": None, "traffic": {"candidate": 0}},
        ):
            endpoint.declare(**change)
            endpoint.up()
    print(load)
    assert set(load.statuses) == {"200"}, load.statuses
    assert load.releases[old] > 0
    assert load.releases[new] > 0
    assert endpoint.ask().headers["x-release"] == new
    assert len([name for name in endpoint.supervisor.states() if name.startswith("server-")]) == 1
