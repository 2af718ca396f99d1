"""Is a declaration taken whole or refused with the way out?"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.declaration import (
    DeclarationError,
    Endpoint,
    Platform,
    chain,
    load,
    names,
    parse,
    path,
)

DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
A, B = "a" * 64, "b" * 64


@st.composite
def endpoints(draw: st.DrawFn) -> dict[str, Any]:
    """Valid declarations of an endpoint."""
    stable, candidate = draw(st.lists(DIGESTS, min_size=2, max_size=2, unique=True))
    share = st.integers(0, 100)
    track = draw(st.sampled_from(["none", "stable", "both"]))
    return {
        "stable": None if track == "none" else stable,
        "candidate": candidate if track == "both" else None,
        "anchor": draw(st.none() | DIGESTS),
        "traffic": {"candidate": draw(share), "shadow": draw(share)} if track == "both" else {},
        "rollout": {"steps": draw(st.lists(share, max_size=5)), "alpha": draw(st.floats(0.001, 0.499))},
        "server": {"max_rows": draw(st.integers(1, 1_000_000))},
    }


def declare(root: Path, environment: str, text: str, kind: type = Platform) -> Path:
    file = path(root, kind, environment)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def platform(root: Path, environment: str, before: str | None = None) -> None:
    declare(root, environment, f"config: {{'mlops:platform': {{platform: local, promotes_from: {before or 'null'}}}}}")


@given(endpoints())
def test_what_is_parsed_and_written_is_parsed_as_the_same(given: dict[str, Any]) -> None:
    endpoint = parse(Endpoint, given, where="x")
    assert parse(Endpoint, msgspec.to_builtins(endpoint), where="x") == endpoint


@given(endpoints())
def test_the_step_follows_from_releases_and_traffic_alone(given: dict[str, Any]) -> None:
    endpoint = parse(Endpoint, given, where="x")
    other = parse(Endpoint, given | {"anchor": None, "server": {"max_rows": 7}, "rollout": {}}, where="x")
    assert endpoint.step() == other.step()


@given(endpoints(), st.integers(0, 100))
def test_other_traffic_is_another_step(given: dict[str, Any], share: int) -> None:
    endpoint = parse(Endpoint, given, where="x")
    if endpoint.candidate is None:
        return
    other = parse(Endpoint, given | {"traffic": {"candidate": share, "shadow": endpoint.traffic.shadow}}, where="x")
    assert (endpoint.step() == other.step()) == (endpoint.traffic == other.traffic)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stabel": A}, "unknown key 'stabel'. The nearest valid key is 'stable'."),
        ({"traffic": {"canidate": 1}}, "unknown key 'traffic.canidate'. The nearest valid key is 'traffic.candidate'."),
        ({"rollout": {"alfa": 1}}, "The nearest valid key is 'rollout.alpha'."),
        ({"stable": "latest"}, "$.stable"),
        ({"traffic": {"candidate": "10"}}, "$.traffic.candidate"),
        ({"stable": A, "candidate": B, "traffic": {"candidate": 101}}, "<= 100"),
        ({"stable": A, "traffic": {"shadow": 1}}, "'candidate' is empty. Name its digest or set both to 0."),
        ({"candidate": B}, "A first release is declared as 'stable'."),
        ({"stable": A, "candidate": A}, "the same release. Remove the candidate or name another one."),
        ([A], "Its schema lists what is allowed"),
    ],
    ids=str,
)
def test_a_refusal_names_the_file_the_key_and_the_way_out(given: Any, words: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        parse(Endpoint, given, where="the-file")
    assert str(refused.value).startswith("the-file: ")
    assert words in str(refused.value)


def test_a_file_with_the_engine_s_own_keys_is_loaded(tmp_path: Path) -> None:
    text = f"config:\n  mlops:endpoint: {{stable: {A}}}\nencryptionsalt: v1:x\nsecretsprovider: passphrase\n"
    declare(tmp_path, "local-dev", text, Endpoint)
    assert load(tmp_path, Endpoint, "local-dev").stable == A


def test_an_environment_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    platform(tmp_path, "local-dev")
    platform(tmp_path, "staging")
    with pytest.raises(DeclarationError, match=r"no environment 'local-dve'.*The nearest declared one is 'local-dev'"):
        load(tmp_path, Platform, "local-dve")


def test_in_a_repository_without_environments_no_nearest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"no environment 'x': .* does not exist\.$"):
        load(tmp_path, Platform, "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("config: [", "not valid YAML"),
        ("config: {}", "'config:' has no key 'mlops:platform'. All choices stand under it."),
        ("mlops:platform: {platform: local}", "'config:' has no key"),
        ("", "'config:' has no key"),
        ("- 1", "'config:' has no key"),
    ],
)
def test_a_file_without_a_declaration_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = declare(tmp_path, "x", text)
    with pytest.raises(DeclarationError) as refused:
        load(tmp_path, Platform, "x")
    assert str(refused.value).startswith(str(file))
    assert words in str(refused.value)


def test_a_chain_is_read_from_its_head(tmp_path: Path) -> None:
    platform(tmp_path, "dev")
    platform(tmp_path, "staging", "dev")
    platform(tmp_path, "prod", "staging")
    assert chain(tmp_path, "prod") == ["dev", "staging", "prod"]
    assert chain(tmp_path, "dev") == ["dev"]


def test_a_chain_that_runs_in_a_circle_is_refused(tmp_path: Path) -> None:
    platform(tmp_path, "a", "b")
    platform(tmp_path, "b", "a")
    with pytest.raises(DeclarationError, match="runs in a circle"):
        chain(tmp_path, "a")


def test_the_shipped_environments_are_one_local_chain() -> None:
    root = Path(__file__).resolve().parents[2]
    assert set(names(root)) >= {"local-dev", "local-staging", "local-prod"}
    assert chain(root, "local-prod") == ["local-dev", "local-staging", "local-prod"]
