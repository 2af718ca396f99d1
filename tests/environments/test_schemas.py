"""Do the committed schemas say what the types say, and are the shipped files valid by them?"""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from environments.declaration import KINDS, names
from environments.schemas import file_schema, texts

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "environments" / kind / f"Pulumi.{name}.yaml" for kind in sorted(KINDS) for name in names(ROOT)]
DIGEST = "0" * 64


def document(file: Path) -> Any:
    return YAML(typ="safe", pure=True).load(file)


def test_committed_schemas_are_those_of_the_types() -> None:
    stale = [file.name for file, text in texts().items() if not file.exists() or file.read_text() != text]
    assert not stale, f"{stale}: run `make schemas` and commit"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_shipped_file_is_valid_and_names_its_schema_in_its_first_line(file: Path) -> None:
    kind = file.parent.name
    jsonschema.validate(document(file), file_schema(KINDS[kind]))
    assert file.read_text().splitlines()[0] == f"# yaml-language-server: $schema=../schemas/{kind}.json"


def test_each_local_file_brings_the_engine_s_salt() -> None:
    assert all(document(file)["encryptionsalt"].startswith("v1:") for file in FILES if "local-" in file.name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stabel": DIGEST},
        {"stable": "newest"},
        {"traffic": {"candidate": 101}},
        {"rollout": {"minimum_requests": 1}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_loader_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"config": {"mlops:endpoint": wrong}}, file_schema(KINDS["endpoint"]))


def test_the_schema_refuses_our_keys_outside_of_config() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"config": {"mlops:endpoint": {}}, "stable": DIGEST}, file_schema(KINDS["endpoint"]))
