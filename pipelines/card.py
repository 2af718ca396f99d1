"""What should somebody read before they rely on a release? The owner's words, and the evidence as tables."""

from collections.abc import Mapping
from typing import Any

from pipelines.contract import Model
from pipelines.evidence import findings

CARD = "card.md"
FOLDER = "cards"


def card(model: Model, digest: str, predicate: Mapping[str, Any], lineage: Mapping[str, Any]) -> str:
    """A model card in Markdown. `predicate` is the gate attestation, `lineage` the release's own."""
    file = model.folder / CARD
    words = file.read_text().strip() if file.is_file() else f"# {model.contract.name}\n\nIts owners wrote no card yet."
    return "\n\n".join([words, origin(model, digest, lineage), promises(predicate), judged(predicate)]) + "\n"


def origin(model: Model, digest: str, lineage: Mapping[str, Any]) -> str:
    """What the release follows from."""
    rows = [
        ("Release", f"`{digest}`"),
        ("Data", f"`{lineage['data']['digest']}`, {lineage['data']['rows']} rows"),
        ("Seed", str(lineage["seed"])),
        ("Parameters", ", ".join(f"{name} = {value}" for name, value in sorted(lineage["parameters"].items()))),
        ("Owners", ", ".join(model.contract.owners)),
    ]
    return "## This release\n\n" + table(("", ""), rows)


def promises(predicate: Mapping[str, Any]) -> str:
    """The metrics that monitoring holds the release to."""
    rows = [
        (name, number(one["value"]), f"{number(one['low'])} to {number(one['high'])}", str(one["rows"]))
        for name, one in sorted(predicate["metrics"].items())
    ]
    return "## What it promises\n\nOn held-back rows:\n\n" + table(("metric", "value", "interval", "rows"), rows)


def judged(predicate: Mapping[str, Any]) -> str:
    """What each gate said."""
    data, others = predicate["data"], [f"{role} {named(predicate[role])}" for role in ("champion", "anchor")]
    head = (
        f"## What the gates said\n\nFor {predicate['environment']}, on data version {data['version']} "
        f"(`{data['digest'][:12]}`), against {' and '.join(others)}."
    )
    rows = [(one.verdict, one.gate, one.message.replace("|", "\\|")) for one in findings(predicate)]
    return f"{head}\n\n{table(('verdict', 'gate', 'finding'), rows)}"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *rows))


def named(digest: str | None) -> str:
    """A digest for a sentence."""
    return f"`{digest[:12]}`" if digest else "none"


def number(value: float | None) -> str:
    """A number for a table; a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"
