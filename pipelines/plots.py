"""What should one see of a training run? A few small figures of the validation fold, drawn without a display."""

from typing import Any

import numpy as np

from pipelines.contract import Contract

SIZE = (4.5, 3.5)


def figures(contract: Contract, y: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """File name to figure. `y` and `score` as in `standard_metrics`."""
    if contract.task == "regression":
        return {"plots/residuals.png": residuals(contract, y, score), "plots/scores.png": histogram(contract, y, score)}
    if contract.task == "binary":
        return {
            "plots/roc.png": roc(y, score),
            "plots/precision_recall.png": precision_recall(y, score),
            "plots/calibration.png": calibration(y, score),
            "plots/scores.png": histogram(contract, y, score),
        }
    return {"plots/confusion.png": confusion(contract, y, score)}


def canvas(title: str, across: str, up: str) -> tuple[Any, Any]:
    """A figure of its own (no pyplot, so nothing global) and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    return figure, axes


def roc(y: np.ndarray, score: np.ndarray) -> Any:
    """True against false positive rate at every threshold."""
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, axes = canvas(f"ROC, area {roc_auc_score(y, score):.3f}", "false positive rate", "true positive rate")
    across, up, _ = roc_curve(y, score)
    axes.plot(across, up)
    axes.plot([0, 1], [0, 1], ":", color="grey")
    return figure


def precision_recall(y: np.ndarray, score: np.ndarray) -> Any:
    """Precision against recall at every threshold."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, axes = canvas(f"Average precision {average_precision_score(y, score):.3f}", "recall", "precision")
    up, across, _ = precision_recall_curve(y, score)
    axes.plot(across, up)
    axes.axhline(float(np.mean(y)), linestyle=":", color="grey")
    return figure


def calibration(y: np.ndarray, score: np.ndarray) -> Any:
    """Observed against predicted frequency in ten equal groups."""
    figure, axes = canvas("Calibration", "predicted", "observed")
    groups = np.array_split(np.argsort(score, kind="stable"), 10)
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.plot(
        [score[rows].mean() for rows in groups if len(rows)], [y[rows].mean() for rows in groups if len(rows)], "o-"
    )
    return figure


def histogram(contract: Contract, y: np.ndarray, score: np.ndarray) -> Any:
    """How the scores are distributed, for a binary model by the true class."""
    figure, axes = canvas("Scores", "score", "rows")
    if contract.task == "binary":
        axes.hist([score[y == 0], score[y == 1]], bins=30, stacked=True, label=contract.classes)
        axes.axvline(contract.decision.threshold, linestyle=":", color="grey")
        axes.legend()
    else:
        axes.hist(score, bins=30)
    return figure


def residuals(contract: Contract, y: np.ndarray, score: np.ndarray) -> Any:
    """Error against prediction."""
    figure, axes = canvas("Residuals", f"predicted {contract.target}", "predicted - true")
    axes.scatter(score, score - y, s=6, alpha=0.5)
    axes.axhline(0.0, linestyle=":", color="grey")
    return figure


def confusion(contract: Contract, y: np.ndarray, score: np.ndarray) -> Any:
    """True against decided class."""
    decided, size = score.argmax(axis=1), len(contract.classes)
    table = np.zeros((size, size), dtype=int)
    np.add.at(table, (y, decided), 1)
    figure, axes = canvas("Confusion", "decided", "true")
    axes.imshow(table, cmap="Blues")
    axes.set_xticks(range(size), contract.classes)
    axes.set_yticks(range(size), contract.classes)
    for row in range(size):
        for column in range(size):
            axes.text(column, row, str(table[row, column]), ha="center", va="center")
    return figure
