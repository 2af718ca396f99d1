"""How does LightGBM become an ONNX graph that takes every branch as it does?"""

from collections.abc import Iterable
from typing import Any

import numpy as np


def register(parts: Iterable[Any]) -> None:
    """Teach skl2onnx the LightGBM estimators among `parts`; without one nothing is imported."""
    kinds = {type(part) for part in parts if type(part).__module__.startswith("lightgbm.")}
    if not kinds:
        return
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    for kind in kinds:
        classifier = hasattr(kind, "predict_proba")
        update_registered_converter(
            kind, f"LightGbm{kind.__name__}",
            calculate_linear_classifier_output_shapes if classifier else calculate_linear_regressor_output_shapes,
            convert,
            options={"nocl": [True, False], "zipmap": [True, False, "columns"]} if classifier else None,
        )  # fmt: skip


def convert(scope: Any, operator: Any, container: Any) -> None:
    """onnxmltools' converter, given trees whose thresholds are float32 already."""
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    fitted = operator.raw_operator
    operator.raw_operator = Fitted(fitted)
    try:
        convert_lightgbm(scope, operator, container)
    finally:
        operator.raw_operator = fitted


class Fitted:
    """A fitted estimator with its trees as the converter reads them."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.booster_ = Trees(estimator.booster_)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.estimator, name)


class Trees:
    """A booster as a dictionary."""

    is_mock = True  # onnxmltools then asks for the dictionary instead of reading the booster's memory

    def __init__(self, booster: Any) -> None:
        self.booster = booster

    def dump_model(self) -> dict[str, Any]:
        """The booster with each threshold t of `x <= t` replaced by the largest float32 that is not above t.

        The converter rounds to the nearest one. Where that is above t, a value between both goes another way: a
        threshold lies in the middle of two measured values, so that a third measured value often is just there.
        """
        model: dict[str, Any] = self.booster.dump_model()
        nodes = [tree["tree_structure"] for tree in model["tree_info"]]
        while nodes:
            node = nodes.pop()
            if node.get("decision_type") == "<=":
                node["threshold"] = not_above(node["threshold"])
            nodes += [node[side] for side in ("left_child", "right_child") if side in node]
        return model


def not_above(threshold: float) -> float:
    """The largest float32 that is not above `threshold`."""
    nearest = np.float32(threshold)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return float(nearest) if float(nearest) <= threshold else float(below)
