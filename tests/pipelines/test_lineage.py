"""Does a lineage name what training reads, and nothing else?"""

import shutil
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from pipelines.contract import Contract, Gate, Slice, read_contract
from pipelines.errors import InvalidInput
from pipelines.lineage import code_used, distribution, platform_key, training_files, versions_used
from tests.pipelines.worlds import REPOSITORY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "tests/models/wine", tmp_path / "wine"))


@pytest.fixture
def contract(folder: Path) -> Contract:
    return read_contract(folder)


def test_training_reads_data_and_estimator_only(folder: Path):
    assert training_files(folder) == ["data.py", "estimator.py"]


def test_what_they_import_of_their_folder_is_read_too_however_deep(folder: Path):
    (folder / "shared.py").write_text("from . import deeper\n")
    (folder / "deeper.py").write_text("from .estimator import build\n")
    (folder / "unused.py").write_text("")
    (folder / "data.py").write_text("from .shared import something\n")
    assert training_files(folder) == ["data.py", "deeper.py", "estimator.py", "shared.py"]


@pytest.mark.parametrize(
    "changes",
    [
        {"owners": ["@others"]},
        {"gates": [Gate(metric="accuracy", floor=0.1, tolerance=0.5)]},
        {"slices": [Slice(column="origin", metric="accuracy", tolerance=0.5)]},
        {"source": "elsewhere"},
        {"label_delay_days": 99},
    ],
)
def test_fields_that_training_does_not_read_do_not_change_its_digest(folder: Path, contract: Contract, changes: dict):
    assert code_used(folder, msgspec.structs.replace(contract, **changes)) == code_used(folder, contract)


@pytest.mark.parametrize("changes", [{"name": "other"}, {"target": "other"}, {"classes": ["a", "b", "c"]}])
def test_fields_that_training_reads_do(folder: Path, contract: Contract, changes: dict):
    changed = code_used(folder, msgspec.structs.replace(contract, **changes))
    assert changed.contract != code_used(folder, contract).contract
    assert changed.files == code_used(folder, contract).files


def test_a_features_range_is_part_of_the_release_but_its_description_is_not(folder: Path, contract: Contract):
    first = contract.features[0]
    described, widened = (
        msgspec.structs.replace(contract, features=[msgspec.structs.replace(first, **new), *contract.features[1:]])
        for new in ({"description": "words"}, {"maximum": 99.0})
    )
    assert code_used(folder, described) == code_used(folder, contract)
    assert code_used(folder, widened) != code_used(folder, contract)


def test_the_versions_are_those_of_what_training_imports(folder: Path):
    found = versions_used(folder)
    assert {"lightgbm", "scikit-learn", "onnxmltools", "numpy"} <= set(found)
    assert "mlflow" not in found
    assert found["numpy"] == metadata.version("numpy")


def test_a_module_is_traced_to_its_distribution():
    assert [distribution(name) for name in ("sklearn", "pandas", "typing", "", "nothing_at_all")] == [
        "scikit-learn", "pandas", None, None, None,
    ]  # fmt: skip


def test_broken_python_is_named_with_its_line(folder: Path):
    (folder / "data.py").write_text("x = 1\ndef read(:\n")
    with pytest.raises(InvalidInput, match=r"data\.py, line 2"):
        training_files(folder)


def test_the_platform_key_is_the_same_for_every_caller():
    assert platform_key() == platform_key()
    assert set(platform_key()) == {"system", "machine", "python", "blas"}
