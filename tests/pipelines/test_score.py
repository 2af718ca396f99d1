"""Does a file get the scores that the release gives, or a reason and no output?"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from environments.edit import edit_endpoint
from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput, NotReady
from pipelines.steps import score as step
from pipelines.steps.score import score
from pipelines.store import put_release
from serving.graph import Graph
from tests.serving import releases

REPOSITORY = Path(__file__).resolve().parents[2]
ROW: dict[str, Any] = {"customer": "17", "asked_at": "2024-05-01T10:00:00Z"} | releases.BINARY_ROW


def deployed(root: Path, make: Callable[[Path], str]) -> Environment:
    """An environment whose stable release is made by `make`."""
    others = shutil.ignore_patterns("*.py", "__pycache__")
    shutil.copytree(REPOSITORY / "environments", root / "environments", ignore=others)
    env = open_environment(root, "local-prod", actor="test")
    (root / "release").mkdir()
    digest = make(root / "release")
    put_release(env.store, root / "release", digest)
    edit_endpoint(env.endpoint_file(), {"stable": digest})
    return env


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    return deployed(tmp_path, releases.binary)


def write(env: Environment, rows: list[dict[str, Any]], suffix: str = ".csv") -> str:
    path = env.root / f"rows{suffix}"
    frame = pd.DataFrame(rows)
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("output", [".csv", ".parquet"])
def test_each_row_gets_the_graphs_scores_and_decision(env: Environment, suffix: str, output: str) -> None:
    rows = [ROW, ROW | {"customer": "18", "age": None, "note": None, "plan": "basic", "amount": 0.0}]
    out = str(env.root / f"scores{output}")
    record = score(env, source=write(env, rows, suffix), output=out)
    read = pd.read_csv(out, dtype={"customer": str}) if output == ".csv" else pd.read_parquet(out)
    graph = Graph(env.root / "release")
    expected = graph.score({name: [row[name] for row in rows] for name in releases.BINARY_ROW})
    assert list(read.columns) == ["customer", "asked_at", "decision", "score_leaves", "score_stays"]
    assert read["customer"].tolist() == ["17", "18"]
    assert np.allclose(read[["score_leaves", "score_stays"]], expected)
    assert read["decision"].tolist() == graph.decide(expected)
    assert (record.details["rows"], sum(record.details["decisions"].values())) == (2, 2)


def test_a_long_file_is_scored_in_chunks_in_its_order(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "ROWS", 7)
    rows = [ROW | {"customer": str(number), "amount": float(number)} for number in range(50)]
    score(env, source=write(env, rows, ".parquet"), output=str(env.root / "scores.csv"))
    read = pd.read_csv(env.root / "scores.csv")
    assert read["customer"].tolist() == list(range(50))
    assert read["score_stays"].is_monotonic_increasing


def test_a_regression_has_one_score_and_its_value_as_decision(tmp_path: Path) -> None:
    env = deployed(tmp_path, releases.regression)
    score(env, source=write(env, [{"area": 50, "floor": 2}]), output=str(tmp_path / "scores.csv"))
    assert pd.read_csv(tmp_path / "scores.csv").to_dict("list") == {"decision": [590.0], "score": [590.0]}


def test_a_row_that_the_server_would_refuse_is_named_and_no_output_appears(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "ROWS", 2)
    source = write(env, [ROW, ROW, ROW, ROW | {"amount": 5000.0}], ".parquet")
    with pytest.raises(InvalidInput, match="'amount', row 3: 5000 is outside of 0 to 1000 EUR"):
        score(env, source=source, output=str(env.root / "scores.csv"))
    assert list(env.root.glob("*scores*")) == []


def test_a_text_in_a_number_column_is_refused(env: Environment) -> None:
    with pytest.raises(InvalidInput, match="many"):
        score(env, source=write(env, [ROW | {"amount": "many"}]), output=str(env.root / "scores.csv"))


def test_a_missing_column_is_named_with_the_nearest(env: Environment) -> None:
    given = {("amounts" if name == "amount" else name): value for name, value in ROW.items()}
    with pytest.raises(InvalidInput, match="no column 'amount'.*nearest it has is 'amounts'"):
        score(env, source=write(env, [given]), output=str(env.root / "scores.csv"))


def test_the_source_is_never_replaced(env: Environment) -> None:
    source = write(env, [ROW])
    with pytest.raises(InvalidInput, match="would replace the source"):
        score(env, source=source, output=source)


def test_other_kinds_of_files_are_refused(env: Environment) -> None:
    with pytest.raises(InvalidInput, match="parquet"):
        score(env, source="rows.xlsx", output="scores.csv")


def test_without_a_stable_release_one_has_to_be_named(env: Environment) -> None:
    digest = env.endpoint().stable
    edit_endpoint(env.endpoint_file(), {"stable": None})
    with pytest.raises(NotReady, match="--release"):
        score(env, source=write(env, [ROW]), output=str(env.root / "scores.csv"))
    assert score(env, source=write(env, [ROW]), output=str(env.root / "scores.csv"), release=digest).subject == digest


def test_rows_on_which_the_graph_itself_fails_are_named(tmp_path: Path) -> None:
    env = deployed(tmp_path, releases.fragile)
    with pytest.raises(InvalidInput, match="the release fails among the rows from 0 on"):
        score(env, source=write(env, [{"bucket": 5.0}, {"bucket": 50.0}]), output=str(tmp_path / "scores.csv"))
