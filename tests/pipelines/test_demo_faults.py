"""Do the demo's faults reach the pipelines only as data and artefacts that look in order?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.contract import Contract, Feature, Gate
from pipelines.demo import faults
from serving.graph import Graph
from serving.release import verify
from tests.serving import releases

CONTRACT = Contract(
    name="renewal", task="binary", target="answer", entity="customer", event_time="asked_at", label_delay_days=1,
    source="x.csv", classes=["leaves", "stays"], owners=["@someone"],
    gates=[Gate(metric="roc_auc", floor=0.5, tolerance=0.1)],
    features=[
        Feature(name="amount", type="number", unit="EUR", minimum=0, maximum=1000),
        Feature(name="debt", type="number", unit="EUR", minimum=10, maximum=1000),
        Feature(name="age", type="number", unit="years", minimum=18, maximum=120, nullable=True),
        Feature(name="rooms", type="number", unit="EUR", values=[1, 2, 3]),
        Feature(name="plan", type="text", values=["basic", "plus"]),
        Feature(name="note", type="text", nullable=True),
    ],
)  # fmt: skip
ROWS = pd.DataFrame(
    {
        "amount": [100.0, 500.0, 900.0, 400.0], "debt": [10.0, 20.0, 30.0, 40.0], "age": [20.0, 30.0, np.nan, 50.0],
        "rooms": [1.0, 2.0, 3.0, 1.0], "plan": ["plus", "basic", "plus", "basic"], "note": ["", "x", "", ""],
        "answer": ["stays", "leaves", "stays", "leaves"],
    }
)  # fmt: skip


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A release without a fault."""
    releases.binary(tmp_path / "sound")
    return tmp_path / "sound"


def test_wrong_labels_are_the_same_labels_on_other_rows() -> None:
    many = pd.concat([ROWS] * 50, ignore_index=True)

    wrong = faults.with_wrong_labels(many, CONTRACT, seed=1)

    assert wrong["answer"].value_counts().to_dict() == many["answer"].value_counts().to_dict()
    assert 0.3 < (wrong["answer"] != many["answer"]).mean() < 0.7
    pd.testing.assert_frame_equal(wrong.drop(columns="answer"), many.drop(columns="answer"))


def test_another_unit_divides_what_the_contract_would_still_accept_and_nothing_else() -> None:
    scaled = faults.in_another_unit(ROWS, CONTRACT)

    assert scaled["amount"].tolist() == [0.1, 0.5, 0.9, 0.4]
    pd.testing.assert_frame_equal(scaled.drop(columns="amount"), ROWS.drop(columns="amount"))


def test_a_brittle_release_verifies_and_answers_known_values_as_the_sound_one_does(sound: Path, tmp_path: Path) -> None:
    brittle = tmp_path / "brittle"
    feature = faults.extreme_column(ROWS, CONTRACT)
    digest = faults.brittle(sound, brittle, feature, limit=900.0)

    verify(brittle, digest)

    np.testing.assert_array_equal(Graph(brittle).score(columns(ROWS)), Graph(sound).score(columns(ROWS)))


def test_a_brittle_release_fails_on_a_value_that_only_live_rows_have(sound: Path, tmp_path: Path) -> None:
    brittle = tmp_path / "brittle"
    feature = faults.extreme_column(ROWS, CONTRACT)
    faults.brittle(sound, brittle, feature, limit=900.0)
    live = faults.with_extremes(ROWS, feature, share=1.0, seed=1)

    with pytest.raises(Exception, match="out of data bounds"):
        Graph(brittle).score(columns(live))
    assert np.isfinite(Graph(sound).score(columns(live))).all()


def test_a_model_without_room_above_its_largest_value_has_no_extreme_column() -> None:
    full = ROWS.assign(amount=1000.0, debt=1000.0, age=120.0)

    with pytest.raises(ValueError, match="renewal"):
        faults.extreme_column(full, CONTRACT)


def columns(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The inputs of the graph."""
    return {column.name: frame[column.name].to_numpy() for column in releases.BINARY.columns}
