"""Are the gateway's files a function of the settings, with each fact in the one file that may hold it?"""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.declaration import Gateway as Limits
from environments.declaration import Traffic
from infra.gateway import Address, GatewaySettings, gateway, static

KEY = "a-very-secret-key"
STABLE, CANDIDATE = Address(port=7001), Address(port=7002)
SETTINGS = GatewaySettings(
    listen=Address(port=7000),
    admin=Address(port=7009),
    stable=STABLE,
    candidate=CANDIDATE,
    traffic=Traffic(candidate=10, shadow=100),
    step="0123456789ab",
    limits=Limits(),
    api_key=KEY,
    directory="/srv/gateway",
    access_log="/srv/log/access.jsonl",
)
ALONE = replace(SETTINGS, candidate=None, traffic=Traffic())
EMPTY = replace(ALONE, stable=None)


def resources(settings: GatewaySettings, name: str) -> list[dict[str, Any]]:
    return json.loads(gateway(settings)[name])["resources"]


def scoring_route(settings: GatewaySettings) -> dict[str, Any]:
    (configuration,) = resources(settings, "rds.json")
    return configuration["virtual_hosts"][0]["routes"][-1]


def ports(settings: GatewaySettings) -> dict[str, list[int]]:
    """The ports behind each cluster that has endpoints of its own."""
    return {
        cluster["name"]: [
            endpoint["endpoint"]["address"]["socket_address"]["port_value"]
            for locality in cluster["load_assignment"]["endpoints"]
            for endpoint in locality["lb_endpoints"]
        ]
        for cluster in resources(settings, "cds.json")
        if "load_assignment" in cluster
    }


@pytest.mark.parametrize("settings", [SETTINGS, ALONE, EMPTY], ids=["both", "alone", "empty"])
def test_the_same_settings_give_the_same_bytes_with_sorted_keys(settings: GatewaySettings) -> None:
    assert gateway(settings) == gateway(replace(settings))
    for text in [*gateway(settings).values(), static(settings)]:
        assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"


def test_the_key_stands_in_the_listener_and_nowhere_else() -> None:
    assert [name for name, text in gateway(SETTINGS).items() if KEY in text] == ["lds.json"]
    other = gateway(replace(SETTINGS, api_key="another"))
    assert [name for name, text in gateway(SETTINGS).items() if other[name] != text] == ["lds.json"]


def test_a_moved_weight_changes_the_routes_alone() -> None:
    before, after = gateway(SETTINGS), gateway(replace(SETTINGS, traffic=Traffic(candidate=50), step="b" * 12))
    assert [name for name in before if before[name] != after[name]] == ["rds.json"]


def test_a_promotion_leaves_the_cluster_that_carries_the_traffic_as_it_is() -> None:
    full = replace(SETTINGS, traffic=Traffic(candidate=100))
    promoted = replace(SETTINGS, stable=CANDIDATE, candidate=None, traffic=Traffic())
    before, after = resources(full, "cds.json"), resources(promoted, "cds.json")
    assert [old["name"] for old, new in zip(before, after, strict=True) if old != new] == ["stable"]


def test_a_route_never_names_a_cluster_that_another_state_lacks() -> None:
    known = [[cluster["name"] for cluster in resources(s, "cds.json")] for s in (SETTINGS, ALONE, EMPTY)]
    assert known == [["stable", "candidate", "to_stable", "to_candidate"]] * 3


def test_without_a_candidate_its_cluster_has_the_stable_server() -> None:
    assert ports(SETTINGS) == {"stable": [7001], "candidate": [7002]}
    assert ports(ALONE) == {"stable": [7001], "candidate": [7001]}
    assert ports(EMPTY) == {"stable": [], "candidate": []}


def test_a_name_is_resolved_and_an_address_is_not() -> None:
    named = replace(SETTINGS, stable=Address(host="stable.credit.svc", port=8080))
    assert [cluster.get("type") for cluster in resources(named, "cds.json")] == ["STRICT_DNS", "STATIC", None, None]


@given(candidate=st.integers(0, 100), shadow=st.integers(0, 100))
def test_the_weights_are_the_declared_ones_stable_first_and_out_of_a_hundred(candidate: int, shadow: int) -> None:
    route = scoring_route(replace(SETTINGS, traffic=Traffic(candidate=candidate, shadow=shadow)))["route"]
    weights = [(cluster["name"], cluster["weight"]) for cluster in route["weighted_clusters"]["clusters"]]
    assert weights == [("to_stable", 100 - candidate), ("to_candidate", candidate)]
    mirrored = [policy["runtime_fraction"]["default_value"] for policy in route.get("request_mirror_policies", [])]
    assert mirrored == ([{"numerator": shadow, "denominator": "HUNDRED"}] if shadow else [])


def test_every_scoring_request_carries_the_step() -> None:
    route = scoring_route(SETTINGS)
    (header,) = route["request_headers_to_add"]
    assert header == {
        "header": {"key": "x-rollout-step", "value": SETTINGS.step},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def test_a_500_is_tried_elsewhere_only_when_there_is_an_elsewhere() -> None:
    retries = [scoring_route(s)["route"]["retry_policy"]["retry_on"].split(",") for s in (SETTINGS, ALONE)]
    assert ["5xx" in conditions for conditions in retries] == [True, False]


@pytest.mark.parametrize(
    ("stable", "candidate", "traffic"),
    [
        (STABLE, None, Traffic(candidate=1)),
        (STABLE, None, Traffic(shadow=1)),
        (None, CANDIDATE, Traffic()),
    ],
    ids=["weight", "shadow", "no-stable"],
)
def test_traffic_for_a_server_that_is_not_there_is_refused(
    stable: Address | None, candidate: Address | None, traffic: Traffic
) -> None:
    with pytest.raises(ValueError, match=r"Give it one|A first release is stable"):
        replace(SETTINGS, stable=stable, candidate=candidate, traffic=traffic)


@pytest.mark.parametrize("settings", [SETTINGS, ALONE, EMPTY], ids=["both", "alone", "empty"])
def test_the_static_form_has_the_same_clusters_and_routes(settings: GatewaySettings) -> None:
    whole = json.loads(static(settings))["static_resources"]
    (listener,) = whole["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert whole["clusters"] == [untyped(cluster) for cluster in resources(settings, "cds.json")]
    (routes,) = resources(settings, "rds.json")
    assert manager["route_config"] == untyped(routes) | {"validate_clusters": True}


def untyped(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "@type"}
