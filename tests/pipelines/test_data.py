"""Does data come in as versions that can be told apart, found again, and not be tampered with?"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.errors import IntegrityError, InvalidInput, NotReady
from pipelines.frames import read_data, read_table, versions
from pipelines.ledger import entries
from pipelines.steps.data import data, write_data
from tests.pipelines import worlds
from tests.pipelines.worlds import NOW, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return worlds.make(tmp_path)


def bottles(world: World) -> pd.DataFrame:
    """What the model reads."""
    return world.model.data.read("wine")


def test_a_first_version_holds_all_rows_whose_label_is_known(world: World):
    record = world.with_data()
    assert record.verdict == "written"
    assert record.details["rows"] == 178
    assert len(read_table(world.env(), "data")) == 178


def test_rows_without_a_known_label_wait(world: World):
    record = world.with_data(datetime(2024, 7, 1, tzinfo=UTC))
    table = read_table(world.env(), "data")
    assert record.details["rows"] + record.details["not_yet_known"] == 178
    assert table["tasted_at"].max() == pd.Timestamp("2024-06-21", tz="UTC")


def test_the_same_rows_in_another_order_make_no_new_version(world: World):
    first = world.with_data()
    again = write_data(world.env(), world.model, bottles(world).sample(frac=1, random_state=1), "wine")
    assert again.verdict == "unchanged"
    assert (again.details["version"], again.subject) == (first.details["version"], first.subject)


def test_other_rows_make_a_new_version_and_the_old_one_stays_readable(world: World):
    first = world.with_data()
    second = write_data(world.env(), world.model, bottles(world).head(100), "wine")
    assert [one.digest for one in versions(world.env())] == [second.subject, first.subject]
    old, frame = read_data(world.env(), world.model.contract, first.details["version"])
    assert (old.digest, len(frame)) == (first.subject, 178)


def test_bad_rows_are_quarantined_with_their_reasons(world: World):
    frame = bottles(world)
    frame.loc[0, "alcohol"] = 99.0
    record = write_data(world.env(), world.model, frame, "today.csv")
    [row] = read_table(world.env(), "quarantine").to_dict("records")
    assert record.details["quarantined"] == 1
    assert record.details["reasons"] == {"alcohol": 1}
    assert list(row["reasons"]) == ["alcohol: 99.0 is above the maximum 25 %"]
    assert json.loads(row["row"])["bottle"] == "b0"
    assert (row["source"], row["at"]) == ("today.csv", NOW)


def test_repeating_it_quarantines_nothing_twice(world: World):
    frame = bottles(world)
    frame.loc[0, "alcohol"] = 99.0
    write_data(world.env(), world.model, frame, "wine")
    write_data(world.env(), world.model, frame, "wine")
    assert len(read_table(world.env(), "quarantine")) == 1


def test_a_new_bad_row_is_quarantined_even_when_the_good_ones_are_the_same(world: World):
    bad = bottles(world).head(2).assign(alcohol=99.0, bottle=["x", "y"])
    write_data(world.env(), world.model, pd.concat([bottles(world), bad.head(1)]), "wine")
    again = write_data(world.env(), world.model, pd.concat([bottles(world), bad]), "wine")
    assert again.verdict == "unchanged"
    assert len(read_table(world.env(), "quarantine")) == 2


def test_a_refused_source_leaves_no_version(world: World):
    with pytest.raises(InvalidInput, match="no column 'alcohol'"):
        write_data(world.env(), world.model, bottles(world).drop(columns="alcohol"), "wine")
    assert versions(world.env()) == []


def test_only_the_head_of_a_chain_has_data(world: World):
    with pytest.raises(InvalidInput, match="head of the chain.*--env local-dev, then promote"):
        data(world.env("local-prod"), world.model, now=NOW)


def test_a_source_that_cannot_be_read_is_named_with_the_error_of_the_models_code(tmp_path: Path):
    world = worlds.make(tmp_path, "model")
    with pytest.raises(InvalidInput, match=r"reading 'nowhere.csv' failed: FileNotFoundError.*Check the path"):
        data(world.env(), world.model, source="nowhere.csv", now=NOW)


def test_without_data_the_way_to_it_is_said(world: World):
    with pytest.raises(NotReady, match="Run `mlops data --env local-dev` first"):
        read_data(world.env(), world.model.contract)


def test_a_version_that_does_not_exist_is_refused_with_the_newest(world: World):
    world.with_data()
    with pytest.raises(InvalidInput, match="has no version 7; the newest is 0"):
        read_data(world.env(), world.model.contract, 7)


def test_a_version_that_was_not_written_by_data_is_refused(world: World):
    world.with_data()
    table = DeltaTable(world.env().table("data")).to_pyarrow_table()
    write_deltalake(world.env().table("data"), table.slice(0, 50), mode="overwrite")
    with pytest.raises(InvalidInput, match="the newest version .*was not written by `mlops data`. Run it again"):
        read_data(world.env(), world.model.contract)


def test_rows_that_are_not_those_of_their_digest_are_noticed(world: World):
    digest = world.with_data().subject
    [commit] = (world.root / ".local/local-dev/store/tables/data/_delta_log").glob("*.json")
    commit.write_text(commit.read_text().replace(digest, "0" * 64))
    with pytest.raises(IntegrityError, match=r"its rows have digest .*, it was written as 0{12}.*`mlops data` again"):
        read_data(world.env(), world.model.contract)


def test_a_file_that_was_damaged_behind_the_tables_back_is_noticed(world: World):
    world.with_data()
    [file] = (world.root / ".local/local-dev/store/tables/data").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-4] + b"gone")
    with pytest.raises(IntegrityError, match="a file of version 0 cannot be read.*write the table again"):
        read_data(world.env(), world.model.contract)


def test_each_run_is_in_the_ledger(world: World):
    world.with_data()
    world.with_data()
    assert [(entry.step, entry.verdict) for entry, _ in entries(world.env().store)] == [
        ("data", "written"),
        ("data", "unchanged"),
    ]
