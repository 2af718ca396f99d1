"""Does each task have its figures, drawn without a display and without leaving any open?"""

from pathlib import Path

import numpy as np
import pytest

from pipelines.plots import figures
from tests.pipelines.contracts import contract

GENERATOR = np.random.default_rng(0)
ROWS = 200
PROBABILITIES = GENERATOR.dirichlet([1, 1, 1], size=ROWS)
SCORES = {"binary": PROBABILITIES[:, 0], "multiclass": PROBABILITIES, "regression": GENERATOR.normal(size=ROWS)}
TRUTHS = {
    "binary": GENERATOR.integers(0, 2, ROWS),
    "multiclass": GENERATOR.integers(0, 3, ROWS),
    "regression": GENERATOR.normal(size=ROWS),
}
EXPECTED = {
    "binary": ["calibration", "precision_recall", "roc", "scores"],
    "multiclass": ["confusion"],
    "regression": ["residuals", "scores"],
}


@pytest.mark.parametrize("task", list(EXPECTED))
def test_each_task_has_its_own_figures(task: str, tmp_path: Path):
    found = figures(contract(task), TRUTHS[task], SCORES[task])
    assert sorted(found) == [f"plots/{name}.png" for name in EXPECTED[task]]
    for number, figure in enumerate(found.values()):
        figure.savefig(tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(b"\x89PNG")


def test_no_figure_stays_open():
    import matplotlib.pyplot as plt

    figures(contract("binary"), TRUTHS["binary"], SCORES["binary"])
    assert plt.get_fignums() == []
