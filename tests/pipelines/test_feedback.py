"""Do labels get in once, whole, and only as the contract says?"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipelines.contract import Model
from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput
from pipelines.steps.feedback import feedback
from tests.pipelines.contracts import contract

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    others = shutil.ignore_patterns("*.py", "__pycache__")
    shutil.copytree(REPOSITORY / "environments", tmp_path / "environments", ignore=others)
    return open_environment(tmp_path, "local-prod", actor="test", now=lambda: NOW)


def model(task: str = "binary") -> Model:
    rest: Any = SimpleNamespace()
    return Model(folder=Path(), contract=contract(task), data=rest, estimator=rest, metrics=rest, behaviour=rest)


def file(env: Environment, rows: list[dict[str, Any]], suffix: str = ".csv") -> str:
    path, frame = env.root / f"labels{suffix}", pd.DataFrame(rows)
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return str(path)


def label(entity: str = "a", value: Any = "yes", day: int = 1, **more: Any) -> dict[str, Any]:
    return {"entity": entity, "event_time": f"2024-05-{day:02}T10:00:00Z", "value": value, **more}


def labels(env: Environment) -> list[tuple[str, str, datetime]]:
    rows = pa.table(DeltaTable(env.table("labels")).scan()).to_pylist()
    return sorted((row["entity"], row["value"], row["known_at"]) for row in rows)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_labels_are_appended_as_known_now(env: Environment, suffix: str) -> None:
    record = feedback(env, model(), file(env, [label("a"), label("b", "no")], suffix))
    assert labels(env) == [("a", "yes", NOW), ("b", "no", NOW)]
    assert (record.verdict, record.details["new"]) == ("written", 2)


def test_the_models_own_names_of_the_columns_do_too(env: Environment) -> None:
    feedback(env, model(), file(env, [{"customer": "a", "asked_at": "2024-05-01", "answer": "no"}]))
    assert labels(env) == [("a", "no", NOW)]


def test_a_file_that_says_when_a_label_was_known_is_believed(env: Environment) -> None:
    feedback(env, model(), file(env, [label(known_at="2024-05-20T00:00:00Z")]))
    assert labels(env) == [("a", "yes", datetime(2024, 5, 20, tzinfo=UTC))]


def test_a_file_can_be_sent_again_with_more(env: Environment) -> None:
    feedback(env, model(), file(env, [label("a")]))
    record = feedback(env, model(), file(env, [label("a"), label("b")]), now=NOW + timedelta(days=1))
    assert (record.details["new"], record.details["there"]) == (1, 1)
    again = feedback(env, model(), file(env, [label("a"), label("b")]), now=NOW + timedelta(days=2))
    assert again.verdict == "unchanged"
    assert len(labels(env)) == 2


def test_another_value_for_the_same_event_is_a_correction_that_an_old_file_does_not_undo(env: Environment) -> None:
    feedback(env, model(), file(env, [label(value="yes")]))
    record = feedback(env, model(), file(env, [label(value="no")]), now=NOW + timedelta(days=1))
    assert (record.details["new"], record.details["corrected"]) == (0, 1)
    assert feedback(env, model(), file(env, [label(value="yes")]), now=NOW + timedelta(days=2)).verdict == "unchanged"
    assert labels(env) == [("a", "no", NOW + timedelta(days=1)), ("a", "yes", NOW)]


def test_the_same_row_twice_in_a_file_is_one_label(env: Environment) -> None:
    assert feedback(env, model(), file(env, [label(), label()])).details["new"] == 1


def test_a_class_that_was_read_as_a_number_is_its_text(env: Environment) -> None:
    renamed = Model(**vars(model()) | {"contract": contract(classes=["0", "1"])})
    feedback(env, renamed, file(env, [label(value=1.0)], ".parquet"))
    assert labels(env) == [("a", "1", NOW)]


def test_a_regression_takes_numbers(env: Environment) -> None:
    feedback(env, model("regression"), file(env, [label(value="12.50")]))
    assert labels(env) == [("a", "12.5", NOW)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (label(value="maybe"), "row 1: value 'maybe' is none of the classes"),
        (label(value=None), "row 1: value"),
        (label(entity=""), "row 1: entity"),
        ({**label(), "event_time": "yesterday"}, "event_time 'yesterday' is no ISO 8601 time"),
        ({**label(), "event_time": "2024-06-02"}, "is later than now"),
        (label(known_at="2024-06-02"), "known_at '2024-06-02' is later than now"),
        (label(known_at="2024-04-01"), "is before the event"),
        (label(known_at="soon"), "known_at 'soon' is no ISO 8601 time"),
        (label("ok", "no"), "contradicts an earlier row"),
    ],
)
def test_one_bad_row_refuses_the_file_by_row_value_and_reason(
    env: Environment, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        feedback(env, model(), file(env, [label("ok"), row]))
    assert not DeltaTable.is_deltatable(env.table("labels"))


def test_a_regression_refuses_what_is_no_number(env: Environment) -> None:
    with pytest.raises(InvalidInput, match="no finite number"):
        feedback(env, model("regression"), file(env, [label(value="inf")]))


def test_a_missing_column_is_named_with_the_models_own_name(env: Environment) -> None:
    with pytest.raises(InvalidInput, match="no column 'value' .or 'answer'."):
        feedback(env, model(), file(env, [{"entity": "a", "event_time": "2024-05-01"}]))


def test_another_kind_of_file_is_refused(env: Environment) -> None:
    with pytest.raises(InvalidInput, match="csv or .parquet"):
        feedback(env, model(), "labels.xlsx")
