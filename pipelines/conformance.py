"""What does a model folder still lack? All of it at once, each with the fix."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contract import PARTS, Contract, Feature, Model, import_part, read_contract
from pipelines.errors import InvalidInput
from pipelines.lineage import imports

if TYPE_CHECKING:
    import pandas as pd

TOML, CARD = "model.toml", "card.md"
OURS = ("environments", "infra", "pipelines", "serving")
MEMBERS: dict[str, dict[str, list[str] | None]] = {  # a function's parameters; None for a value
    "data": {"read": ["source"]},
    "estimator": {"PARAMETERS": None, "SEARCH_SPACE": None, "build": ["parameters", "seed"]},
    "metrics": {"metrics": ["y", "score", "frame"]},
    "behaviour": {"INVARIANCES": None, "DIRECTIONS": None, "EXAMPLES": None},
}
SAMPLE = 2000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that a model folder lacks: in which file, what it is, and what to do."""

    file: str
    what: str
    fix: str


def problems(folder: Path, report: Callable[[str], None]) -> list[Problem]:
    """All problems of the model in `folder`; what depends on a broken part is not looked at."""
    found: list[Problem] = []
    try:
        contract = read_contract(folder)
    except InvalidInput as error:
        contract = None
        found.append(Problem(file=TOML, what=str(error), fix="Compare it with the model.toml of this template."))
    modules, lacking = parts(folder)
    found += [*lacking, *card(folder)]
    if contract is None:
        return found
    found += contract_problems(contract)
    found += behaviour_problems(contract, modules["behaviour"]) if "behaviour" in modules else []
    if found or len(modules) < len(PARTS):
        return found
    return trial(Model(folder=folder, contract=contract, **modules), report)


def parts(folder: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The modules that are whole, and what the others lack."""
    modules: dict[str, Any] = {}
    found: list[Problem] = []
    for part, members in MEMBERS.items():
        file = f"{part}.py"
        try:
            module = import_part(folder, part)
        except InvalidInput as error:
            defines = ", ".join(members)
            found.append(Problem(file=file, what=str(error), fix=f"Write it; it defines {defines}."))
            continue
        except Exception as error:  # noqa: BLE001  # whatever the model's own code raises
            what = f"importing it failed: {type(error).__name__}: {error}"
            found.append(Problem(file=file, what=what, fix="Make `python -c 'import ...'` of it work first."))
            continue
        lacking = [*missing_members(file, module, members), *foreign_imports(folder / file)]
        found += lacking
        if not lacking:
            modules[part] = module
    return modules, found


def missing_members(file: str, module: Any, members: Mapping[str, list[str] | None]) -> Iterator[Problem]:
    """Members that are not there, or cannot be called as the pipelines call them."""
    for name, parameters in members.items():
        signature = f"{name}({', '.join(parameters)})" if parameters else name
        if not hasattr(module, name):
            yield Problem(file=file, what=f"it does not define `{name}`", fix=f"Define {signature}.")
        elif parameters:
            try:
                inspect.signature(getattr(module, name)).bind(*parameters)
            except TypeError as error:
                yield Problem(file=file, what=f"`{name}` cannot be called: {error}", fix=f"Define it as {signature}.")


def foreign_imports(file: Path) -> Iterator[Problem]:
    """Imports of this template's own packages: a model that needs them cannot be exchanged."""
    for node in imports(file):
        names = [alias.name for alias in getattr(node, "names", [])]
        module = getattr(node, "module", None) if not getattr(node, "level", 0) else None
        for name in [module] if module else names:
            if name.split(".")[0] in OURS:
                what = f"line {node.lineno} imports '{name}'"
                yield Problem(file=file.name, what=what, fix="Take it out: a model imports libraries and itself only.")


def card(folder: Path) -> list[Problem]:
    """The owner's words."""
    if (folder / CARD).is_file() and (folder / CARD).read_text().strip():
        return []
    return [Problem(file=CARD, what="it is missing or empty", fix="Write purpose, data, limits, and who to ask.")]


def contract_problems(contract: Contract) -> list[Problem]:
    """What the types of model.toml cannot say."""
    return [
        Problem(file=TOML, what=what, fix=fix)
        for what, fix in [
            *of_task(contract),
            *of_names(contract),
            *(problem for feature in contract.features for problem in of_feature(feature)),
            *of_groups(contract),
        ]
    ]


def of_task(contract: Contract) -> Iterator[tuple[str, str]]:
    """Task, classes, decision, folds, gates and owners."""
    expected = {"binary": "2", "multiclass": "3 or more", "regression": "no"}[contract.task]
    number = len(contract.classes)
    fits = {"binary": number == 2, "multiclass": number >= 3, "regression": number == 0}[contract.task]
    if not fits:
        yield f"`classes` has {number} entries, a {contract.task} model has {expected}", "List all classes, in order."
    if len(set(contract.classes)) < number:
        yield "a class stands twice in `classes`", "Name each class once."
    if not 0 < contract.decision.threshold < 1:
        yield f"`decision.threshold` is {contract.decision.threshold}", "Take a probability between 0 and 1."
    if not 0 < contract.folds.validation < 1:
        yield f"`folds.validation` is {contract.folds.validation}", "Take a share between 0 and 1, such as 0.25."
    if contract.label_delay_days < 0:
        yield (
            f"`label_delay_days` is {contract.label_delay_days}",
            "Say after how many days a label is known; 0 is at once.",
        )
    if not contract.gates:
        yield "there are no gates, so anything would be released", "Add a [[gates]] with metric, floor and tolerance."
    if not contract.owners:
        yield "`owners` is empty", "Name who answers for the model."


def of_names(contract: Contract) -> Iterator[tuple[str, str]]:
    """Columns that are named twice, and a model without inputs."""
    names = [feature.name for feature in contract.features]
    names += [contract.target, contract.entity, contract.event_time]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"column '{name}' is declared twice", "Features, target, entity and event time are different columns."
    if not contract.inputs():
        yield (
            "no feature is an input",
            "Declare a feature that is not sensitive, or give one `input = true` and a `why`.",
        )


def of_feature(feature: Feature) -> Iterator[tuple[str, str]]:
    """One feature: its range, its values, and the reason for a sensitive input."""
    where = f"feature '{feature.name}'"
    if feature.sensitive and feature.input and not feature.why:
        yield (
            f"{where} is sensitive and an input without a reason",
            "Give the reason in `why`, or remove `input = true`.",
        )
    if feature.type == "text" and (feature.minimum is not None or feature.maximum is not None):
        yield f"{where} is a text with a range", 'Use `values`, or make it type = "number".'
    if feature.minimum is not None and feature.maximum is not None and feature.minimum > feature.maximum:
        yield f"{where} has minimum {feature.minimum:g} above maximum {feature.maximum:g}", "Exchange them."
    if wrong := [value for value in feature.values or [] if isinstance(value, str) != (feature.type == "text")]:
        yield f"{where} is a {feature.type}, but its value {wrong[0]!r} is none", "Make values and type agree."


def of_groups(contract: Contract) -> Iterator[tuple[str, str]]:
    """Slices and fairness: their columns, edges and metrics."""
    features = {feature.name: feature for feature in contract.features}
    for one in contract.slices:
        feature = features.get(one.column)
        if feature is None:
            yield f"slice '{one.column}' is no feature", "Name a feature; add it as sensitive when it is no input."
        elif one.edges is None and feature.type == "number" and feature.values is None:
            yield f"slice '{one.column}' is a number without `edges`", "Give the edges between its ranges."
        elif one.edges is not None and (feature.type == "text" or sorted(set(one.edges)) != one.edges):
            yield f"slice '{one.column}' has edges {one.edges}", "Edges rise, and belong to a number."
    for one in contract.fairness:
        feature = features.get(one.column)
        if feature is None or not feature.sensitive:
            yield (
                f"fairness is asked for '{one.column}', which is no sensitive feature",
                "Declare it with `sensitive = true`.",
            )
        if (one.metric == "mean_prediction") != (contract.task == "regression"):
            fit = "mean_prediction" if contract.task == "regression" else "selection_rate or a rate of errors"
            yield f"fairness metric '{one.metric}' does not fit a {contract.task} model", f"Use {fit}."


def behaviour_problems(contract: Contract, behaviour: Any) -> list[Problem]:
    """Columns and examples of behaviour.py against the contract."""
    inputs = {feature.name: feature for feature in contract.inputs()}
    known = {feature.name for feature in contract.features}
    found = [
        (f"INVARIANCES names '{name}', which is no feature", "Name a feature of model.toml.")
        for name in behaviour.INVARIANCES
        if name not in known
    ]
    for name, direction in behaviour.DIRECTIONS.items():
        if name not in inputs or inputs[name].type != "number":
            found.append((f"DIRECTIONS names '{name}', which is no number that the model sees", "Name such a feature."))
        if direction not in ("increasing", "decreasing"):
            found.append((f"DIRECTIONS has '{direction}' for '{name}'", "Write 'increasing' or 'decreasing'."))
    for number, example in enumerate(behaviour.EXAMPLES, start=1):
        found += [(f"example {number} {what}", fix) for what, fix in of_example(contract, example)]
    return [Problem(file="behaviour.py", what=what, fix=fix) for what, fix in found]


def of_example(contract: Contract, example: Any) -> Iterator[tuple[str, str]]:
    """One example: its columns and its expected decision."""
    try:
        row, expected = example
        given = set(row)
    except (TypeError, ValueError):
        yield "is no pair", "Write (row, expected class)."
        return
    inputs = {feature.name for feature in contract.inputs()}
    if lacking := sorted(inputs - given):
        yield f"lacks {', '.join(lacking)}", "Give every input column."
    if foreign := sorted(given - inputs):
        yield f"has {', '.join(foreign)}, which the model does not see", "Leave it out."
    if contract.classes and expected not in contract.classes:
        yield f"expects '{expected}', which is no class", f"Use one of {', '.join(contract.classes)}."


def trial(model: Model, report: Callable[[str], None]) -> list[Problem]:
    """Read, take in, fit, convert and measure a sample; the first that fails ends it."""
    from pipelines.intake import take_in
    from pipelines.steps.data import read

    contract = model.contract
    try:
        report(f"reading {contract.source}")
        intake = take_in(contract, read(model, contract.source))
    except InvalidInput as error:
        return [Problem(file="data.py", what=str(error), fix="Make `read` and model.toml agree.")]
    sample = sampled(contract, intake.good)
    report(f"fitting and converting on {len(sample)} rows")
    return [*of_search(model), *of_estimator(model, sample)]


def sampled(contract: Contract, rows: "pd.DataFrame") -> "pd.DataFrame":
    """Up to SAMPLE rows, as many of each class as there are up to an equal share."""
    mixed = rows.sample(frac=1, random_state=0)
    if contract.task == "regression":
        return mixed.head(SAMPLE)
    return mixed.groupby(contract.target, sort=False).head(SAMPLE // len(contract.classes))


def of_search(model: Model) -> Iterator[Problem]:
    """The search space varies parameters that exist."""
    for name, values in model.estimator.SEARCH_SPACE.items():
        if name not in model.estimator.PARAMETERS:
            what, fix = f"SEARCH_SPACE varies '{name}', which is not in PARAMETERS", "Give it a default in PARAMETERS."
        elif not values:
            what, fix = f"SEARCH_SPACE has no values for '{name}'", "List the values to try."
        else:
            continue
        yield Problem(file="estimator.py", what=what, fix=fix)


def of_estimator(model: Model, sample: "pd.DataFrame") -> Iterator[Problem]:
    """The estimator clones, fits, converts and agrees with its graph; the metrics are numbers and cover the gates."""
    from sklearn.base import clone

    from pipelines.build import build, workshop

    try:
        clone(model.estimator.build(model.estimator.PARAMETERS, 0))
        with workshop() as folder:
            built = build(model, sample, "", parameters=model.estimator.PARAMETERS, seed=0, folder=folder)
    except InvalidInput as error:
        yield Problem(file="estimator.py", what=str(error), fix="See above; `mlops train` would fail in the same way.")
        return
    except Exception as error:  # noqa: BLE001  # whatever the model's own code raises
        what = f"{type(error).__name__}: {error}"
        yield Problem(
            file="estimator.py or metrics.py", what=what, fix="Follow the error; nothing else was wrong so far."
        )
        return
    known = ", ".join(sorted(built.metrics))
    for metric in [*(gate.metric for gate in model.contract.gates), *(one.metric for one in model.contract.slices)]:
        if metric not in built.metrics:
            what = f"metric '{metric}' of a gate or slice does not exist; there are {known}"
            yield Problem(file=TOML, what=what, fix="Use one of them, or return it in metrics.py.")
