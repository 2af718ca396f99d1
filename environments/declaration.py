"""What may an environment declare, and is this file such a declaration?

Each file holds one object under `config:` (`mlops:platform` or `mlops:endpoint`), because Pulumi deletes every other
top-level key when it writes the file. Programs pass what the engine gives them to `parse`; pipelines call `load`.
"""

import difflib
import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

Digest = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}$", description="A release: the SHA-256 of its manifest, 64 hexadecimal digits.")
]
Percent = Annotated[int, Meta(ge=0, le=100)]
Verdict = Literal["pass", "fail"]

NAMESPACE = "mlops"


class DeclarationError(ValueError):
    """A declaration was refused; the message names the file, the key, the value and the way out."""


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that stands in an environment's file."""


class Gates(Declared, frozen=True, kw_only=True):
    """How strict this environment is; the thresholds themselves belong to the model's contract."""

    insufficient: Annotated[Verdict, Meta(description="What a gate without enough data means here.")] = "fail"
    insufficient_slices: Annotated[
        Verdict, Meta(description="What a slice or group too small to judge means here.")
    ] = "pass"
    alpha: Annotated[float, Meta(gt=0, lt=0.5, description="Error probability of all gates together.")] = 0.05


class Monitor(Declared, frozen=True, kw_only=True):
    """When the watch raises its hand."""

    window_days: Annotated[float, Meta(gt=0, description="How far back the watch looks.")] = 30
    minimum_rows: Annotated[int, Meta(ge=20, description="Independent live rows before drift is judged.")] = 200
    minimum_labels: Annotated[
        int, Meta(ge=10, description="Labelled rows (binary: of the rarer class) before live quality is judged.")
    ] = 50
    drift: Annotated[
        float, Meta(gt=0, description="Population stability index that has to be proven exceeded to be a drift.")
    ] = 0.1
    missing: Annotated[
        float, Meta(gt=0, le=1, description="Change of a column's share of missing values that is a drift.")
    ] = 0.05
    label_coverage: Annotated[
        float, Meta(ge=0, le=1, description="Share of the labels that are due which has to be there.")
    ] = 0.8
    rate: Annotated[
        float, Meta(ge=0, le=1, description="Share of the previous window's predictions below which data is missing.")
    ] = 0.2
    alpha: Annotated[float, Meta(gt=0, lt=0.5, description="Error probability of each question of a watch.")] = 0.05


class Retraining(Declared, frozen=True, kw_only=True):
    """When training again is worth its cost."""

    cooldown_days: Annotated[float, Meta(ge=0, description="Days between two retrainings.")] = 7
    minimum_rows: Annotated[int, Meta(ge=1, description="New labelled rows that a retraining needs.")] = 200


class Platform(Declared, frozen=True, kw_only=True):
    """Where an environment runs and which one it receives releases from."""

    platform: Annotated[Literal["local", "azure", "kubernetes"], Meta(description="What carries the environment.")]
    promotes_from: Annotated[
        str | None, Meta(description="The environment whose releases may come here; none for the head of a chain.")
    ] = None
    feedback_from: Annotated[
        list[str], Meta(description="Environments whose predictions and labels may become training data here.")
    ] = []
    gates: Gates = Gates()
    monitor: Monitor = Monitor()
    retraining: Retraining = Retraining()


class Traffic(Declared, frozen=True, kw_only=True):
    """What a candidate gets of the traffic."""

    candidate: Annotated[Percent, Meta(description="Percent of entities that the candidate answers.")] = 0
    shadow: Annotated[Percent, Meta(description="Percent of requests also sent to the candidate, answers dropped.")] = 0


class Rollout(Declared, frozen=True, kw_only=True):
    """How a candidate earns its traffic."""

    steps: Annotated[
        list[Percent],
        Meta(description="Percentages of traffic, in order; 0 is shadow only. Empty: promoted without a trial."),
    ] = msgspec.field(default_factory=lambda: [0, 10, 50, 100])
    minimum_requests: Annotated[int, Meta(ge=20, description="Judged requests of the candidate before a step.")] = 200
    failure_tolerance: Annotated[
        float, Meta(ge=0, le=1, description="By how much its failure rate may exceed the stable release's.")
    ] = 0.02
    latency_ratio: Annotated[
        float, Meta(gt=1, description="How many times the stable release's 95th percentile its own may be.")
    ] = 3.0
    latency_floor_ms: Annotated[
        float, Meta(ge=0, description="A 95th percentile below this is never too slow, whatever the ratio.")
    ] = 50.0
    shift_tolerance: Annotated[
        float,
        Meta(gt=0, description="Allowed distance of the live shift from the validated one, in standard deviations."),
    ] = 0.25
    alpha: Annotated[float, Meta(gt=0, lt=0.5, description="Error probability of one verdict.")] = 0.05


class Gateway(Declared, frozen=True, kw_only=True):
    """Limits at the door."""

    max_request_bytes: Annotated[int, Meta(ge=1024, le=64 << 20)] = 1 << 20
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 5.0


class Server(Declared, frozen=True, kw_only=True):
    """Limits of one model server."""

    max_rows: Annotated[int, Meta(ge=1, le=1_000_000, description="Rows in one request.")] = 1000


class Endpoint(Declared, frozen=True, kw_only=True):
    """One model's releases and traffic in one environment; pipelines edit this one."""

    stable: Annotated[Digest | None, Meta(description="The release that answers.")] = None
    candidate: Annotated[Digest | None, Meta(description="The release on trial.")] = None
    anchor: Annotated[
        Digest | None, Meta(description="The release that losses are counted from, so that small ones cannot add up.")
    ] = None
    traffic: Traffic = Traffic()
    rollout: Rollout = Rollout()
    gateway: Gateway = Gateway()
    server: Server = Server()

    def step(self) -> str:
        """The id of the present rollout step: a function of the two releases and the traffic between them."""
        traffic = f"{self.stable}/{self.candidate}/{self.traffic.candidate}/{self.traffic.shadow}"
        return hashlib.sha256(traffic.encode()).hexdigest()[:12]


KINDS: dict[str, type[Declared]] = {"platform": Platform, "endpoint": Endpoint}
D = TypeVar("D", bound=Declared)


def parse(kind: type[D], given: Any, *, where: str) -> D:
    """The declaration in `given` (a mapping), or a DeclarationError that starts with `where`."""
    if problem := unknown_key(kind, given):
        raise DeclarationError(f"{where}: {problem}")
    try:
        declaration = msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise DeclarationError(f"{where}: {error}. Its schema lists what is allowed.") from None
    if isinstance(declaration, Endpoint) and (problem := contradiction(declaration)):
        raise DeclarationError(f"{where}: {problem}")
    return declaration


def unknown_key(kind: type[Declared], given: Any, prefix: str = "") -> str | None:
    """The first key that `kind` does not know, with the nearest that it does."""
    if not isinstance(given, dict):
        return None
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in given.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.0)[0]
            return f"unknown key '{prefix}{key}'. The nearest valid key is '{prefix}{near}'."
        nested = fields[key]
        known = isinstance(nested, type) and issubclass(nested, Declared)
        if known and (problem := unknown_key(nested, value, f"{prefix}{key}.")):
            return problem
    return None


def contradiction(endpoint: Endpoint) -> str | None:
    """What no single field can say: traffic for a release that is not there."""
    if endpoint.candidate is None and (endpoint.traffic.candidate or endpoint.traffic.shadow):
        return "traffic is declared for a candidate, but 'candidate' is empty. Name its digest or set both to 0."
    if endpoint.stable is None and endpoint.candidate is not None:
        return "'candidate' is declared without 'stable'. A first release is declared as 'stable'."
    if endpoint.stable is not None and endpoint.stable == endpoint.candidate:
        return "'candidate' and 'stable' are the same release. Remove the candidate or name another one."
    return None


def path(root: Path, kind: type[Declared], environment: str) -> Path:
    """The file that declares `kind` for `environment` in the repository at `root`."""
    return root / "environments" / kind.__name__.lower() / f"Pulumi.{environment}.yaml"


def names(root: Path) -> list[str]:
    """All environments declared in the repository at `root`."""
    files = (root / "environments" / "platform").glob("Pulumi.*.yaml")
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files)


def load(root: Path, kind: type[D], environment: str) -> D:
    """The declaration of `kind` for `environment`.

    Raises DeclarationError when there is no such environment, the file is not YAML, or it is no valid declaration.
    """
    file = path(root, kind, environment)
    if not file.exists():
        known = names(root)
        near = difflib.get_close_matches(environment, known, n=1, cutoff=0.0)
        hint = f" The nearest declared one is '{near[0]}'." if near else ""
        raise DeclarationError(f"no environment '{environment}': {file} does not exist.{hint}")
    from ruamel.yaml import YAML, YAMLError  # a quarter of a second, which `mlops --help` need not wait for

    try:
        document = YAML(typ="safe", pure=True).load(file)
    except YAMLError as error:
        raise DeclarationError(f"{file}: not valid YAML: {error}") from None
    config = document.get("config") if isinstance(document, dict) else None
    key = f"{NAMESPACE}:{kind.__name__.lower()}"
    if not isinstance(config, dict) or key not in config:
        raise DeclarationError(f"{file}: 'config:' has no key '{key}'. All choices stand under it.")
    return parse(kind, config[key], where=str(file))


def chain(root: Path, environment: str) -> list[str]:
    """The environments that a release passes on its way to `environment`, head first.

    Raises DeclarationError when the chain runs in a circle.
    """
    passed = [environment]
    while before := load(root, Platform, passed[0]).promotes_from:
        if before in passed:
            raise DeclarationError(f"'promotes_from' runs in a circle: {' <- '.join([before, *passed])}")
        passed.insert(0, before)
    return passed
