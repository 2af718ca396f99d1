"""Is a model folder loaded as declared, and refused with the name of what is wrong?"""

import shutil
from pathlib import Path

import pytest

from pipelines.contract import load, read_contract
from pipelines.errors import InvalidInput
from tests.pipelines.worlds import REPOSITORY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "tests/models/wine", tmp_path / "wine"))


@pytest.mark.parametrize("name", ["model", "tests/models/wine", "tests/models/diabetes"])
def test_the_models_of_this_repository_load(name: str):
    assert load(REPOSITORY / name).contract.gates


def test_an_unknown_key_is_refused_with_the_nearest_valid_one(folder: Path):
    file = folder / "model.toml"
    file.write_text(file.read_text().replace("label_delay_days", "label_delay"))
    with pytest.raises(InvalidInput, match="label_delay`.*nearest valid key is 'label_delay_days'"):
        read_contract(folder)


def test_a_wrong_type_is_named_by_its_place(folder: Path):
    file = folder / "model.toml"
    file.write_text(file.read_text().replace("floor = 0.7", 'floor = "high"'))
    with pytest.raises(InvalidInput, match=r"gates\[0\]\.floor"):
        read_contract(folder)


def test_broken_toml_is_refused_with_the_line(folder: Path):
    (folder / "model.toml").write_text("name = ?")
    with pytest.raises(InvalidInput, match="not valid TOML.*line 1"):
        read_contract(folder)


def test_a_folder_without_a_contract_is_no_model(tmp_path: Path):
    with pytest.raises(InvalidInput, match="does not exist. A model folder starts with it"):
        load(tmp_path)


def test_a_missing_part_is_named(folder: Path):
    (folder / "metrics.py").unlink()
    with pytest.raises(InvalidInput, match="metrics.py does not exist"):
        load(folder)


def test_two_models_with_equal_file_names_do_not_mix(folder: Path):
    other = load(REPOSITORY / "tests/models/diabetes")
    assert load(folder).estimator.PARAMETERS != other.estimator.PARAMETERS


def test_a_part_may_import_its_neighbour(folder: Path):
    (folder / "shared.py").write_text("ANSWER = 42\n")
    (folder / "metrics.py").write_text("from .shared import ANSWER\n")
    assert vars(load(folder).metrics)["ANSWER"] == 42


def test_a_sensitive_column_is_no_input_unless_it_says_so():
    inputs = {feature.name for feature in read_contract(REPOSITORY / "model").inputs()}
    assert not inputs & {"SEX", "MARRIAGE", "AGE"}
    assert "sex" in {feature.name for feature in read_contract(REPOSITORY / "tests/models/diabetes").inputs()}
