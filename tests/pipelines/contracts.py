"""Which contracts do pure tests decide about? Small ones of each task."""

from typing import Any

from pipelines.contract import Contract, Feature, Gate

FEATURES = [
    Feature(name="amount", type="number", unit="EUR", minimum=0, maximum=1000),
    Feature(name="rooms", type="number", values=[1, 2, 3], nullable=True),
    Feature(name="plan", type="text", values=["basic", "plus"]),
    Feature(name="sex", type="text", values=["f", "m"], sensitive=True),
]


def contract(task: str = "binary", **changes: Any) -> Contract:
    """A contract of `task` in which `changes` replace fields."""
    classes = {"binary": ["no", "yes"], "multiclass": ["red", "green", "blue"], "regression": []}[task]
    fields: dict[str, Any] = {
        "name": "renewal", "task": task, "target": "answer", "entity": "customer", "event_time": "asked_at",
        "label_delay_days": 30, "source": "rows.csv", "classes": classes, "owners": ["@someone"], "features": FEATURES,
        "gates": [Gate(metric="rmse" if task == "regression" else "accuracy", floor=0.5, tolerance=0.1)],
    }  # fmt: skip
    return Contract(**fields | changes)
