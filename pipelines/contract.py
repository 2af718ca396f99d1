"""What does a model folder have to be? Its types, its Protocols, and the one place that loads it."""

import difflib
import importlib.util
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import msgspec

from pipelines.errors import InvalidInput
from serving.release import Column, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that stands in `model.toml`."""


class Feature(Part, frozen=True):
    """A column of the data.

    A sensitive one is evaluated and no input of the model, unless `input` says so and `why` gives the reason.
    """

    name: str
    type: Literal["number", "text"]
    description: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: list[str | float] | None = None
    nullable: bool = False
    sensitive: bool = False
    input: bool | None = None
    why: str = ""

    def is_input(self) -> bool:
        """Does the model see this column?"""
        return not self.sensitive if self.input is None else self.input

    def column(self) -> Column:
        """The column of the release's schema."""
        return Column(
            name=self.name, type=self.type, unit=self.unit, minimum=self.minimum, maximum=self.maximum,
            values=self.values, nullable=self.nullable,
        )  # fmt: skip


class Gate(Part, frozen=True):
    """A metric, the value it must reach, and how far it may fall behind champion and anchor."""

    metric: str
    floor: float
    tolerance: float
    direction: Literal["higher", "lower"] = "higher"
    minimum: int = 200


class Slice(Part, frozen=True):
    """A column whose values (or ranges between `edges`) are judged each on its own, by `metric`."""

    column: str
    metric: str
    tolerance: float
    edges: list[float] | None = None
    minimum: int = 50


class Fairness(Part, frozen=True):
    """A sensitive column whose groups may differ in `metric` (a Fairlearn difference) by `limit` at the most."""

    column: str
    metric: Literal["selection_rate", "true_positive_rate", "false_positive_rate", "accuracy", "mean_prediction"]
    limit: float
    minimum: int = 50


class Decision(Part, frozen=True):
    """From which score on a binary model decides for the positive class, and what a wrong decision costs."""

    threshold: float = 0.5
    false_positive: float = 1.0
    false_negative: float = 1.0


class Folds(Part, frozen=True):
    """Which share of entities is held back for validation; `salt` fixes which ones, for ever."""

    validation: float = 0.25
    salt: str = "1"


class Contract(Part, frozen=True):
    """`model.toml`, whole."""

    name: str
    task: Task
    target: str
    entity: str
    event_time: str
    label_delay_days: int
    source: str
    features: list[Feature]
    gates: list[Gate]
    owners: list[str]
    classes: list[str] = []
    slices: list[Slice] = []
    fairness: list[Fairness] = []
    decision: Decision = Decision()
    folds: Folds = Folds()

    def inputs(self) -> list[Feature]:
        """The columns that the model sees, in order."""
        return [feature for feature in self.features if feature.is_input()]


class DataModule(Protocol):
    """`data.py`"""

    def read(self, source: str) -> "pd.DataFrame":
        """All declared columns (features, target, entity, event time as UTC) of `source`."""
        ...


class EstimatorModule(Protocol):
    """`estimator.py`"""

    PARAMETERS: Mapping[str, Any]
    SEARCH_SPACE: Mapping[str, list[Any]]

    def build(self, parameters: Mapping[str, Any], seed: int) -> Any:
        """An unfitted scikit-learn estimator which takes a DataFrame of the contract's input columns."""
        ...


class MetricsModule(Protocol):
    """`metrics.py`"""

    def metrics(self, y: "np.ndarray", score: "np.ndarray", frame: "pd.DataFrame") -> dict[str, float]:
        """Metrics beyond the standard ones; `frame` has the features and sensitive columns of the same rows.

        `score` is [rows] for binary (of the positive class) and regression, [rows, classes] for multi-class.
        """
        ...


class BehaviourModule(Protocol):
    """`behaviour.py`

    INVARIANCES: columns whose values, exchanged between rows, move no score. DIRECTIONS: number inputs that, when they
    rise and all else stays, never move the score of the positive class (or the value) the other way on average.
    EXAMPLES: rows of all inputs, each with the decision that every release has to give.
    """

    INVARIANCES: list[str]
    DIRECTIONS: Mapping[str, Literal["increasing", "decreasing"]]
    EXAMPLES: list[tuple[Mapping[str, Any], str]]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model folder."""

    folder: Path
    contract: Contract
    data: DataModule
    estimator: EstimatorModule
    metrics: MetricsModule
    behaviour: BehaviourModule


PARTS = ("data", "estimator", "metrics", "behaviour")


def load(folder: Path) -> Model:
    """The model in `folder`. Raises InvalidInput, naming the file and the key, when it is no model folder."""
    folder = folder.resolve()
    contract = read_contract(folder)
    modules = {part: import_part(folder, part) for part in PARTS}
    return Model(folder=folder, contract=contract, **cast("dict[str, Any]", modules))


def read_contract(folder: Path) -> Contract:
    """`model.toml` of `folder`; unknown keys are refused with the nearest valid one."""
    file = folder / "model.toml"
    if not file.is_file():
        raise InvalidInput(
            f"{file} does not exist. A model folder starts with it; copy the one in model/ and change it."
        )
    try:
        given = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file}: not valid TOML: {error}.") from None
    try:
        return msgspec.convert(given, Contract)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{file}: {explain(str(error))}") from None


def explain(problem: str) -> str:
    """msgspec's message, with the nearest valid key when it is about an unknown one."""
    if "unknown field" not in problem:
        return problem
    key = problem.split("`")[1]
    kinds: list[type[Part]] = [Contract, Feature, Gate, Slice, Fairness, Decision, Folds]
    known = sorted({field for kind in kinds for field in kind.__struct_fields__})
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    return f"{problem}. The nearest valid key is '{near}'."


def import_part(folder: Path, part: str) -> ModuleType:
    """Import `part` of the model folder as a module of a package of its own, so that two models never mix."""
    file = folder / f"{part}.py"
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist. `mlops check` says what it has to define.")
    package = f"mlops_model_{sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        holder = ModuleType(package)
        holder.__path__ = [str(folder)]
        sys.modules[package] = holder
    name = f"{package}.{part}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
