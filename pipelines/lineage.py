"""What does a release follow from? Data, the code and contract that training reads, versions, seed, parameters."""

import ast
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from pipelines.contract import Contract, Folds
from pipelines.errors import InvalidInput
from pipelines.store import content_digest
from serving.release import canonical

READ_BY_TRAINING = ("data", "estimator")
ALWAYS = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "scipy", "skl2onnx")

RENAMED = {"sklearn": "scikit-learn"}  # what else has another name is looked up in all that is installed: two seconds


class DataUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The canonical rows that a release was made from, training and validation fold."""

    digest: str
    rows: int


class CodeUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The digests of the model folder's files and of the contract's fields that training reads."""

    files: str
    contract: str


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """`lineage.json` of a release."""

    model: str
    data: DataUsed
    training: CodeUsed
    folds: Folds
    seed: int
    parameters: dict[str, Any]
    versions: dict[str, str]


def code_used(folder: Path, contract: Contract) -> CodeUsed:
    """The digests of what training reads of the model in `folder`."""
    files = {name: content_digest((folder / name).read_bytes()) for name in training_files(folder)}
    return CodeUsed(
        files=content_digest(canonical(files)), contract=content_digest(canonical(training_fields(contract)))
    )


def training_files(folder: Path) -> list[str]:
    """data.py, estimator.py and what they import of their own folder, sorted; not card, metrics or behaviour."""
    waiting, found = [f"{part}.py" for part in READ_BY_TRAINING], set[str]()
    while waiting:
        name = waiting.pop()
        if name in found or not (folder / name).is_file():
            continue
        found.add(name)
        waiting += [f"{module}.py" for module in own_imports(folder / name)]
    return sorted(found)


def own_imports(file: Path) -> list[str]:
    """The modules of its own folder that `file` imports (`from .x import y`, `from . import x`)."""
    names: list[str] = []
    for node in imports(file):
        if isinstance(node, ast.ImportFrom) and node.level:
            names += [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
    return names


def imports(file: Path) -> list[ast.Import | ast.ImportFrom]:
    """All import statements of `file`. Raises InvalidInput when it is no Python."""
    try:
        tree = ast.parse(file.read_text(), str(file))
    except SyntaxError as error:
        raise InvalidInput(f"{file}, line {error.lineno}: {error.msg}.") from None
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def training_fields(contract: Contract) -> dict[str, Any]:
    """The contract's fields that change a release's bytes: not gates, slices, costs, card or owners."""
    return {
        "name": contract.name,
        "task": contract.task,
        "target": contract.target,
        "entity": contract.entity,
        "event_time": contract.event_time,
        "classes": contract.classes,
        "inputs": [feature.column() for feature in contract.inputs()],
        "threshold": contract.decision.threshold,
        "folds": contract.folds,
    }


def versions_used(folder: Path) -> dict[str, str]:
    """The versions of the distributions that training imports: the fixed ones and those of the model's own files."""
    names = set[str](ALWAYS)
    for file in training_files(folder):
        for node in imports(folder / file):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            names.update(name for module in modules if (name := distribution(module.split(".")[0])))
    if "lightgbm" in names:
        names.add("onnxmltools")
    return {name: metadata.version(name) for name in sorted(names)}


def distribution(module: str) -> str | None:
    """The installed distribution of a top-level module; None for the standard library and the model's own."""
    if not module or module in sys.stdlib_module_names:
        return None
    try:
        return str(metadata.metadata(RENAMED.get(module, module))["Name"]).lower()
    except metadata.PackageNotFoundError:
        found = metadata.packages_distributions().get(module)
        return found[0].lower() if found else None


def platform_key() -> dict[str, str]:
    """What decides whether training gives equal bytes: system, machine, Python's minor version, BLAS and its kernel."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones(2), np.ones(2))  # loads BLAS
    blas = [one for one in threadpool_info() if one.get("user_api") == "blas"]
    kernel = sorted({f"{one['internal_api']} {one.get('version')} {one.get('architecture')}" for one in blas})
    return {
        "system": platform.system().lower(),
        "machine": platform.machine().lower(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "blas": ", ".join(kernel) or "none",
    }
