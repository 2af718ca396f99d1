"""How does a pipeline change an endpoint's declaration without losing a comment?"""

import os
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import CommentMark

from environments.declaration import NAMESPACE, Endpoint, parse


def edit_endpoint(file: Path, changes: dict[str, Any]) -> Endpoint:
    """Set fields of the endpoint declared in `file`; nested mappings are merged, comments and order stay.

    The result is validated before the file is replaced. Raises DeclarationError and leaves the file as it was.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.representer.add_representer(type(None), null)
    document: Any = yaml.load(file)
    merge(document["config"][f"{NAMESPACE}:endpoint"], changes)
    text = StringIO()
    yaml.dump(document, text)
    plain: Any = YAML(typ="safe", pure=True).load(text.getvalue())
    endpoint = parse(Endpoint, plain["config"][f"{NAMESPACE}:endpoint"], where=str(file))
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text(text.getvalue())
    os.replace(temporary, file)
    return endpoint


def merge(into: Any, changes: dict[str, Any]) -> None:
    """Change a round-trip mapping in place."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
            for comment in (into.ca.items.get(key) or ())[2:3]:  # the one behind the value
                if comment is not None:
                    comment.start_mark = CommentMark(0)  # one space, wherever the old value ended


def null(representer: Any, _value: None) -> Any:
    """Nothing as `null`, which is how the engine writes it."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")
