"""What may an editor complete in an environment's file? JSON schemas that follow from the types of `declaration.py`."""

import json
from pathlib import Path
from typing import Any

import msgspec

from environments.declaration import KINDS, NAMESPACE, Declared

FOLDER = Path(__file__).parent
REFERENCE = "#/$defs/{name}"
ENGINE_KEYS = ("encryptionsalt", "secretsprovider", "encryptedkey")


def file_schema(kind: type[Declared]) -> dict[str, Any]:
    """The schema of a whole file: our object under `config:`, beside it the keys that belong to Pulumi."""
    (reference,), definitions = msgspec.json.schema_components([kind], ref_template=REFERENCE)
    key = f"{NAMESPACE}:{kind.__name__.lower()}"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{kind.__name__} of an environment",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {key: reference},
                "required": [key],
                "additionalProperties": False,
            },
            **{name: {"type": "string", "description": "Pulumi's own."} for name in ENGINE_KEYS},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def texts() -> dict[Path, str]:
    """The content of each schema's file."""
    return {
        FOLDER / f"{name}.json": json.dumps(file_schema(kind), indent=1) + "\n" for name, kind in sorted(KINDS.items())
    }
