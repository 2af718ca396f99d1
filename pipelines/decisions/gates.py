"""May this release go on? One finding per gate: pass, fail or insufficient, and the end of the interval that decides.

All overall gates must pass, so each tests at the full error probability: a release that is really too bad in one metric
passes with at most that probability (an intersection-union test, Berger 1982). Refusing a release that is as good
as the champion is made rare by tolerances that are wider than the paired interval, and by judging slices and
groups jointly (`slices`, `fairness`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from environments import declaration
from pipelines.contract import Contract, Folds, Gate
from pipelines.decisions.statistics import Estimate, Interval
from serving.release import Task, canonical

Verdict = Literal["pass", "fail", "insufficient"]
Other = Literal["champion", "anchor"]

OVERALL = ("data contract", "folds", "floor", "champion", "anchor", "behaviour", "parity", "server")
BY_GROUP = ("slices", "fairness")
PARITY_LIMIT = 1e-5  # of the score's scale


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one gate says. `subject` is the slice, group or column that it is about; `rows` the sample that counts."""

    gate: str
    verdict: Verdict
    message: str
    metric: str = ""
    subject: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    rows: int = 0


def finding(gate: str, verdict: Verdict, message: str, interval: Interval | None = None, **more: Any) -> Finding:
    """A finding whose numbers are JSON: what is not defined is left out."""
    if interval is not None:
        numbers = {"value": interval.value, "low": interval.low, "high": interval.high}
        more |= {name: float(value) for name, value in numbers.items() if np.isfinite(value)}
    return Finding(gate=gate, verdict=verdict, message=message, **more)


def sample(task: Task, y: np.ndarray) -> int:
    """The rows that carry the evidence: of the rarer class for a binary task, else all."""
    if task == "binary":
        return int(min(np.sum(y == 1), np.sum(y == 0)))
    return len(y)


def counted(task: Task) -> str:
    """What `sample` counts, in words."""
    return "rows of the rarer class" if task == "binary" else "rows"


def shown(interval: Interval) -> str:
    """A value and its bounds for a message."""
    return f"{interval.value:.4g} ({interval.low:.4g} to {interval.high:.4g})"


def too_few(gate: str, rows: int, minimum: int, task: Task, **more: Any) -> Finding:
    """The finding of a gate that lacks rows."""
    what = " ".join(part for part in (more.get("metric", ""), more.get("subject", "")) if part)
    message = (
        f"{what}: {rows} {counted(task)}, the contract asks for {minimum}. "
        "Ingest more data, or lower 'minimum' in model.toml if so few are enough."
    )
    return finding(gate, "insufficient", message, rows=rows, **more)


def floor(gate: Gate, estimate: Estimate, *, rows: int, task: Task, alpha: float) -> Finding:
    """Does the metric reach the contract's floor? Its bound on the bad side decides."""
    interval = estimate.interval(alpha)
    more: dict[str, Any] = {"metric": gate.metric, "limit": gate.floor, "rows": rows}
    if rows < gate.minimum:
        return too_few("floor", rows, gate.minimum, task, metric=gate.metric, limit=gate.floor, interval=interval)
    higher = gate.direction == "higher"
    reached = interval.low >= gate.floor if higher else interval.high <= gate.floor
    side = "floor" if higher else "ceiling"
    reaches = "reaches" if reached else "is not shown to reach"
    text = f"{gate.metric} {shown(interval)} {reaches} its {side} {gate.floor:g}"
    way_out = "" if reached else ". Train a better model (`mlops train --search 20`) or on more rows."
    return finding("floor", "pass" if reached else "fail", text + (way_out or "."), interval, **more)


def comparison(gate: Gate, difference: Estimate, *, other: Other, rows: int, task: Task, alpha: float) -> Finding:
    """Is the release at most `tolerance` worse than another one? The paired difference's bound on the bad side decides.

    `difference` is candidate minus other; a metric of which lower is better is turned, so that below 0 is worse.
    """
    interval = (difference if gate.direction == "higher" else -difference).interval(alpha)
    more: dict[str, Any] = {"metric": gate.metric, "limit": -gate.tolerance, "rows": rows}
    if rows < gate.minimum:
        return too_few(other, rows, gate.minimum, task, metric=gate.metric, limit=-gate.tolerance, interval=interval)
    good = interval.low >= -gate.tolerance
    text = f"{gate.metric}: gain over the {other} {shown(interval)}, at the least {-gate.tolerance:g} is asked for."
    if good:
        return finding(other, "pass", text, interval, **more)
    if interval.value >= -gate.tolerance:
        why = "A loss within the tolerance is not proven: more validation rows narrow the interval."
    else:
        why = f"It is worse than the {other}: compare the two runs (`mlops compare`) and train again."
    return finding(other, "fail", f"{text} {why}", interval, **more)


def no_other(other: Other) -> Finding:
    """What is said when there is nothing to compare with."""
    return finding(other, "pass", f"no {other}: none is declared in this environment yet, so there is nothing to lose.")


def same(other: Other, twin: str) -> Finding:
    """What is said when a comparison would be of a release with itself; `twin` is what has the same digest."""
    return finding(other, "pass", f"{twin} and the {other} are one digest: there is no difference to judge.")


def not_asked(gate: str, why: str) -> Finding:
    """What a gate says when the contract gives it nothing to judge."""
    return finding(gate, "pass", f"nothing to judge: {why}")


def data_contract(problems: Sequence[str], rows: int) -> Finding:
    """Do the evaluated rows satisfy the contract? `problems` are its violations among them."""
    if rows == 0:
        way_out = "The data version has no validation rows: ingest more with `mlops data`."
        return finding("data contract", "insufficient", way_out)
    if problems:
        text = f"{len(problems)} columns of the evaluated rows break the contract: {'; '.join(problems[:3])}. "
        return finding("data contract", "fail", text + "Ingest the data again with `mlops data`.", rows=rows)
    return finding("data contract", "pass", f"all {rows} evaluated rows satisfy the contract.", rows=rows)


def folds(declared: Folds, trained: Mapping[str, Mapping[str, Any]], seen: Mapping[str, int], rows: int) -> Finding:
    """Was no compared release trained on evaluated rows?

    `trained` is what each release's lineage says about its folds, `seen` how many evaluated rows lie in its training
    fold.
    """
    if rows == 0:
        return finding("folds", "insufficient", "there are no rows to evaluate: ingest more with `mlops data`.")
    expected = {"validation": declared.validation, "salt": declared.salt}
    for role, spec in trained.items():
        if dict(spec) != expected:
            text = f"the {role} was trained with folds {dict(spec)}, the contract says {expected}: "
            way_out = "its training rows would be evaluated. Restore [folds] in model.toml, or train it again."
            return finding("folds", "fail", text + way_out, subject=role, rows=rows)
        if count := seen.get(role, 0):
            text = f"{count} evaluated rows belong to entities that the {role} was trained on. "
            return finding("folds", "fail", text + "Evaluate on validation rows only.", subject=role, rows=rows)
    return finding("folds", "pass", f"no compared release was trained on any of the {rows} rows.", rows=rows)


def parity(recorded: Mapping[str, Any] | None) -> Finding:
    """Did training prove that the ONNX graph answers as the fitted estimator does?

    `recorded` is what it attested: the largest `difference`, the `scale` of the scores, `flips` (changed decisions) and
    `rows`; None when nobody attested anything about this graph.
    """
    if recorded is None:
        text = "nobody attested that this graph answers as its estimator. Train it with `mlops train`."
        return finding("parity", "insufficient", text, limit=PARITY_LIMIT)
    rows, flips = int(recorded["rows"]), int(recorded["flips"])
    relative = float(recorded["difference"]) / float(recorded["scale"])
    more: dict[str, Any] = {"metric": "difference", "value": relative, "limit": PARITY_LIMIT, "rows": rows}
    text = f"graph against estimator on {rows} rows: {relative:.2g} of the scale apart, {flips} decisions differ"
    if relative <= PARITY_LIMIT and flips == 0:
        return finding("parity", "pass", text + ".", **more)
    way_out = "Train again: `mlops train` refuses such a graph and says what causes it."
    return finding("parity", "fail", f"{text}; allowed are {PARITY_LIMIT:g} and none. {way_out}", **more)


def server(expected: np.ndarray, answered: np.ndarray | None, problem: str = "") -> Finding:
    """Does the real server load the release and answer as its graph does? Scores [rows, k]; `problem`: what it said."""
    rows = len(expected)
    if rows == 0:
        return finding("server", "insufficient", "there is no row to ask the server about: ingest data first.")
    if answered is None:
        return finding("server", "fail", f"the model server did not answer with this release: {problem}", rows=rows)
    if answered.shape != expected.shape:
        text = f"the server answers scores of shape {list(answered.shape)}, the graph {list(expected.shape)}."
        return finding("server", "fail", text, rows=rows)
    largest = float(np.max(np.abs(answered - expected) / np.maximum(1.0, np.abs(expected))))
    more: dict[str, Any] = {"metric": "difference", "value": largest, "limit": PARITY_LIMIT, "rows": rows}
    if largest <= PARITY_LIMIT:
        return finding("server", "pass", f"the server loads it and answers {rows} rows as the graph does.", **more)
    text = f"the server's scores differ by {largest:.2g} from the graph's, allowed is {PARITY_LIMIT:g}. "
    return finding("server", "fail", text + "Server and pipelines run different libraries: install one lock.", **more)


def overall(findings: Sequence[Finding], rules: declaration.Gates) -> Verdict:
    """One verdict: a failure refuses; what lacks evidence counts as the environment declares."""
    verdicts = {one.verdict for one in findings}
    if "fail" in verdicts:
        return "fail"
    open_ones = [one for one in findings if one.verdict == "insufficient"]
    if any(counts_as(one, rules) == "fail" for one in open_ones):
        return "insufficient"
    return "pass"


def counts_as(one: Finding, rules: declaration.Gates) -> declaration.Verdict:
    """What an insufficient finding means in an environment."""
    return rules.insufficient_slices if one.gate in BY_GROUP else rules.insufficient


def digest(contract: Contract, rules: declaration.Gates, files: Mapping[str, bytes]) -> str:
    """The SHA-256 of everything that a verdict depends on beside release and data.

    `files` are the model's own sources that gates call: a changed metric is another gate.
    """
    parts = {
        "gates": contract.gates, "slices": contract.slices, "fairness": contract.fairness,
        "decision": contract.decision, "folds": contract.folds, "environment": rules,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }  # fmt: skip
    return hashlib.sha256(canonical(parts)).hexdigest()
