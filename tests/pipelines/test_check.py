"""Is everything that a new model lacks said at once, with the fix?"""

import shutil
from pathlib import Path

import pytest

from pipelines.steps.check import check
from tests.pipelines.worlds import REPOSITORY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "tests/models/wine", tmp_path / "wine"))


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def found(folder: Path) -> list[str]:
    return [f"{one.file}: {one.what} {one.fix}" for one in check(folder)]


@pytest.mark.parametrize("name", ["model", "tests/models/wine", "tests/models/diabetes"])
def test_the_models_of_this_repository_conform(name: str):
    assert check(REPOSITORY / name) == []


def test_an_empty_folder_lacks_everything_and_says_so_at_once(tmp_path: Path):
    assert sorted({one.file for one in check(tmp_path)}) == [
        "behaviour.py", "card.md", "data.py", "estimator.py", "metrics.py", "model.toml",
    ]  # fmt: skip


CASES = [
    ("model.toml", 'classes = ["class_0", "class_1", "class_2"]', 'classes = ["class_0"]', "3 or more"),
    ("model.toml", 'classes = ["class_0", ', 'classes = ["class_1", "class_0", ', "a class stands twice"),
    ("model.toml", "validation = 0.4", "validation = 1.5", "share between 0 and 1"),
    ("model.toml", "label_delay_days = 10", "label_delay_days = -1", "after how many days"),
    ("model.toml", 'owners = ["@tests"]', "owners = []", "who answers"),
    ("model.toml", 'name = "proline"', 'name = "alcohol"', "column 'alcohol' is declared twice"),
    ("model.toml", 'entity = "bottle"', 'entity = "cultivar"', "column 'cultivar' is declared twice"),
    ("model.toml", "maximum = 25", "maximum = 1", "minimum 5 above maximum 1"),
    ("model.toml", 'values = ["north", "south"]', "values = [1, 2]", "its value 1.0 is none"),
    ("model.toml", 'values = ["north", "south"]', 'values = ["north", "south"]\nminimum = 1', "a text with a range"),
    ("model.toml", 'column = "origin"', 'column = "region"', "slice 'region' is no feature"),
    ("model.toml", 'column = "origin"', 'column = "alcohol"', "a number without `edges`"),
    ("model.toml", 'column = "origin"', 'column = "alcohol"\nedges = [14, 12]', "Edges rise"),
    ("model.toml", 'metric = "accuracy"', 'metric = "beauty"', "metric 'beauty' of a gate or slice does not exist"),
    ("model.toml", 'name = "origin"', 'name = "origin"\nsensitive = true\ninput = true', "Give the reason in `why`"),
    ("model.toml", "[[slices]]", '[[fairness]]\ncolumn = "origin"\nmetric = "accuracy"\nlimit = 0.1\n\n[[slices]]',
     "which is no sensitive feature"),
    ("data.py", "def read(_source: str)", "def read()", "`read` cannot be called"),
    ("data.py", 'frame["origin"]', 'frame["region"]', "no column 'origin'"),
    ("data.py", "import pandas", "import nothing_at_all\nimport pandas", "ModuleNotFoundError"),
    ("data.py", "import pandas as pd", "import pandas as pd\nfrom serving.graph import Graph",
     "imports 'serving.graph'"),
    ("estimator.py", "def build(", "def make(", "does not define `build`"),
    ("estimator.py", '"num_leaves": [3, 7]', '"depth": [3, 7]', "SEARCH_SPACE varies 'depth'"),
    ("estimator.py", '"n_estimators": [10, 30]', '"n_estimators": []', "no values for 'n_estimators'"),
    ("estimator.py", '("numbers", "passthrough", NUMBERS)', '("numbers", "passthrough", ["age"])', "fitting with"),
    ("metrics.py", "def metrics(y: np.ndarray, score: np.ndarray, frame: pd.DataFrame)", "def metrics(y, score)",
     "`metrics` cannot be called"),
    ("metrics.py", 'frame["alcohol"]', 'frame["ethanol"]', "KeyError"),
    ("behaviour.py", '["origin"]', '["region"]', "INVARIANCES names 'region'"),
    ("behaviour.py", '"decreasing"]] = {}', '"decreasing"]] = {"origin": "rising"}',
     "Write 'increasing' or 'decreasing'"),
    ("behaviour.py", '"origin": "north",', "", "example 1 lacks origin"),
    ("behaviour.py", '"origin": "north",', '"origin": "north", "age": 3,', "has age, which the model does not see"),
    ("behaviour.py", '"class_0",', '"class_9",', "expects 'class_9', which is no class"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "before", "after", "expected"), CASES, ids=[case[3] for case in CASES])
def test_what_is_wrong_is_named_with_its_file_and_fix(folder: Path, file: str, before: str, after: str, expected: str):
    change(folder / file, before, after)
    problems = found(folder)
    assert [problem for problem in problems if expected in problem], problems


def test_several_problems_are_said_together(folder: Path):
    change(folder / "model.toml", 'owners = ["@tests"]', "owners = []")
    change(folder / "behaviour.py", '["origin"]', '["region"]')
    (folder / "card.md").write_text("")
    assert {one.file for one in check(folder)} == {"model.toml", "behaviour.py", "card.md"}


def test_an_estimator_without_a_graph_is_found_before_any_training(folder: Path):
    change(folder / "estimator.py", "LGBMClassifier(random_state", "Own(random_state")
    change(
        folder / "estimator.py",
        "def build",
        'class Own(LGBMClassifier):\n    """Without a converter."""\n\n\ndef build',
    )
    assert "does not become an ONNX graph" in found(folder)[0]
