"""Is the simulated clock a function of the clients, and does the population shift as the card says?"""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from pipelines.contract import Model, load
from pipelines.intake import take_in
from tests.pipelines.worlds import REPOSITORY

SOURCE = REPOSITORY / "model/data/credit_default.csv.gz"


@pytest.fixture(scope="module")
def model() -> Model:
    return load(REPOSITORY / "model")


@pytest.fixture(scope="module")
def clients(model: Model) -> pd.DataFrame:
    return model.data.read(str(SOURCE))


def test_each_real_client_comes_exactly_once(clients: pd.DataFrame):
    assert len(clients) == clients["client"].nunique() == 30_000


def test_every_row_is_as_the_contract_declares(model: Model, clients: pd.DataFrame):
    assert len(take_in(model.contract, clients).good) == 30_000


def test_a_clients_day_does_not_depend_on_the_other_rows(model: Model, clients: pd.DataFrame, tmp_path: Path):
    lines = gzip.decompress(SOURCE.read_bytes()).decode().splitlines()
    (tmp_path / "few.csv").write_text("\n".join([lines[0], *reversed(lines[500:600])]))
    few = model.data.read(str(tmp_path / "few.csv")).set_index("client")["event_time"]
    assert few.sort_index().equals(clients.set_index("client")["event_time"].loc[few.index].sort_index())


def test_the_simulated_year_is_2024_in_utc(clients: pd.DataFrame):
    assert str(clients["event_time"].dt.tz) == "UTC"
    assert set(clients["event_time"].dt.year) == {2024}
    assert set(clients["event_time"].dt.month) == set(range(1, 13))


def test_low_limits_are_rare_until_september_and_most_from_october_on(clients: pd.DataFrame):
    low = clients["LIMIT_BAL"] <= 50_000
    share = low.groupby(clients["event_time"].dt.month).mean()
    assert share.loc[:9].max() < 0.10
    assert share.loc[10:].min() > 0.60


def test_half_a_year_is_enough_for_a_first_release_and_each_quiet_month_after_it_for_a_canary(clients: pd.DataFrame):
    months = clients["event_time"].dt.month.value_counts()
    assert months.loc[[1, 2, 3, 4, 5]].sum() > 11_000
    assert months.loc[[7, 8, 9]].min() > 2_000


def test_values_have_their_published_names(clients: pd.DataFrame):
    first = clients.set_index("client").loc["1"]
    assert (first["LIMIT_BAL"], first["SEX"], first["EDUCATION"], first["AGE"]) == (20_000, "female", "university", 24)
    assert (first["PAY_0"], first["BILL_AMT1"], first["PAY_AMT2"], first["default_payment"]) == (
        2,
        3913,
        689,
        "default",
    )


def test_undocumented_codes_are_called_so(clients: pd.DataFrame):
    assert (clients["EDUCATION"] == "undocumented").sum() == 14 + 280 + 51
    assert (clients["MARRIAGE"] == "undocumented").sum() == 54


def test_attribution_and_licence_stand_beside_the_data():
    text = (SOURCE.parent / "README.md").read_text()
    assert "I-Cheng Yeh" in text
    assert "creativecommons.org/licenses/by/4.0" in text
