"""What goes wrong in the story? Faults of data and artefacts, as they happen; no pipeline code knows of them."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper

from pipelines.contract import Contract, Feature
from serving.graph import OUTPUT
from serving.release import GRAPH, seal

FACTOR = 1000.0


def with_wrong_labels(frame: pd.DataFrame, contract: Contract, seed: int) -> pd.DataFrame:
    """The same rows with each label taken from another row: what a join on the wrong key makes of them."""
    shuffled = np.random.default_rng(seed).permutation(len(frame))
    return frame.assign(**{contract.target: frame[contract.target].to_numpy()[shuffled]})


def in_another_unit(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The same rows with the columns of the commonest unit given in thousands of it, within the contract's ranges."""
    numbers = [feature for feature in contract.inputs() if feature.type == "number"]
    unit = Counter(feature.unit for feature in numbers).most_common(1)[0][0]
    scaled = [feature.name for feature in numbers if feature.unit == unit and stays_in_range(frame, feature)]
    return frame.assign(**{name: frame[name] / FACTOR for name in scaled})


def stays_in_range(frame: pd.DataFrame, feature: Feature) -> bool:
    """Would the contract still accept this column after the change of unit?"""
    if feature.values is not None:
        return False
    return feature.minimum is None or bool((frame[feature.name] / FACTOR >= feature.minimum).all())


def extreme_column(frame: pd.DataFrame, contract: Contract) -> Feature:
    """A number that the contract allows to be larger than any known row has it."""
    for feature in contract.inputs():
        if feature.type == "number" and feature.maximum is not None and frame[feature.name].max() < feature.maximum:
            return feature
    raise ValueError(f"model '{contract.name}': no number column has room above its largest known value")


def with_extremes(frame: pd.DataFrame, feature: Feature, share: float, seed: int) -> pd.DataFrame:
    """The same rows, a `share` of which have the largest value that the contract allows for `feature`."""
    hit = np.random.default_rng(seed).random(len(frame)) < share
    return frame.assign(**{feature.name: frame[feature.name].mask(hit, feature.maximum)})


def brittle(release: Path, folder: Path, feature: Feature, limit: float) -> str:
    """A release like `release` whose graph fails on values of `feature` above `limit`, written to `folder`.

    A lookup table with one entry is indexed by `value > limit`, as a table of known categories would be.
    """
    folder.mkdir(parents=True)
    for file in release.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    model: Any = onnx.load(str(folder / GRAPH))
    for node in model.graph.node:
        node.output[:] = ["sound" if name == OUTPUT else name for name in node.output]
        node.input[:] = ["sound" if name == OUTPUT else name for name in node.input]
    model.graph.initializer.extend(
        [
            helper.make_tensor("brittle_limit", TensorProto.FLOAT, [1, 1], [limit]),
            helper.make_tensor("brittle_table", TensorProto.FLOAT, [1], [0.0]),
        ]
    )
    model.graph.node.extend(
        [
            helper.make_node("Greater", [feature.name, "brittle_limit"], ["brittle_over"]),
            helper.make_node("Cast", ["brittle_over"], ["brittle_index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["brittle_table", "brittle_index"], ["brittle_zero"]),
            helper.make_node("Add", ["sound", "brittle_zero"], [OUTPUT]),
        ]
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / GRAPH))
    return seal(folder)
