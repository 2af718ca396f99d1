"""Does the whole way back work, from a recorded shift to a registered release, for a second and a third model?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from environments.edit import edit_endpoint
from pipelines import ledger
from pipelines.environment import Environment
from pipelines.frames import columns, read_data
from pipelines.steps.monitor import monitor
from pipelines.steps.register import register
from pipelines.steps.retrain import retrain
from pipelines.steps.validate import validate
from tests.pipelines import recorded, worlds
from tests.pipelines.worlds import World

NOW = datetime(2025, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(params=["wine", "diabetes"], ids=["multi-class", "regression"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return released(tmp_path, request.param)


def released(folder: Path, model: str) -> World:
    """A world with a first release. What its model is invariant to is no matter here: few rows do not teach it."""
    made = worlds.make(folder, model)
    easy = SimpleNamespace(INVARIANCES=[], DIRECTIONS={}, EXAMPLES=[])
    made = replace(made, model=replace(made.model, behaviour=easy))
    release(made)
    return made


def release(world: World) -> None:
    """A first release, judged and declared as stable at the head of the chain."""
    env, digest = world.env(), world.with_release()
    validate(env, world.model, digest)
    register(env, world.model, digest)
    edit_endpoint(env.endpoint_file(), {"stable": digest, "anchor": digest})


def shifted(world: World, rows: int = 400) -> pd.DataFrame:
    """Other people, or other bottles: rows of the upper end of the first column, each a new entity of last month."""
    contract = world.model.contract
    _, known = read_data(world.env(), contract)
    name = next(feature.name for feature in contract.inputs() if feature.type == "number")
    upper = known[known[name] > known[name].quantile(0.6)]
    frame = upper.sample(rows, replace=True, random_state=1).reset_index(drop=True)
    frame[contract.entity] = [f"new{index}" for index in range(rows)]
    end = NOW - timedelta(days=contract.label_delay_days + 2)
    frame[contract.event_time] = [end - DAY * 20 * index / rows for index in range(rows)]
    return frame


def record(world: World, env: Environment, frame: pd.DataFrame) -> None:
    """Write the log and the labels of the rows, as if somebody else's gateway had."""
    contract = world.model.contract
    given: dict[str, Any] = {
        name: [None if pd.isna(value) else value for value in np.asarray(values).tolist()]
        for name, values in columns(contract, frame).items()
    }
    times = [moment.to_pydatetime() for moment in frame[contract.event_time]]
    stable = env.endpoint().stable or ""
    recorded.predictions(env, stable, given, entities=frame[contract.entity].tolist(), event_times=times)
    recorded.labels(
        env, frame[contract.entity].tolist(), times, frame[contract.target].tolist(),
        known_after=timedelta(days=contract.label_delay_days),
    )  # fmt: skip


def test_a_shift_is_found_and_ends_in_a_registered_release_that_is_traced_to_it(world: World):
    env = world.env()
    record(world, env, shifted(world))
    before, _ = read_data(env, world.model.contract)
    watch = monitor(env, world.model, now=NOW, window=timedelta(days=60))
    assert watch.verdict in ("drift", "worse")

    again = retrain(env, world.model, now=NOW)

    assert again.verdict == "proposed"
    assert again.subject != env.endpoint().stable
    assert again.details["next"] == f"mlops promote --env local-dev {again.subject[:12]}"
    after, frame = read_data(env, world.model.contract)
    assert (after.number, after.digest) == (again.details["data"]["version"], again.details["data"]["digest"])
    assert after.number > before.number
    assert again.details["new_rows"]["local-dev"] == 400
    assert len(frame) == again.details["data"]["rows"]
    assert again.details["watched"]["findings"]
    assert again.details["owners"] == ["@tests"]
    steps = [entry.step for entry, _ in ledger.entries(env.store)]
    assert steps[-6:] == ["monitor", "data", "train", "validate", "register", "retrain"]

    # The same watch asks again: the cooldown answers, and the rows are not new any more.
    once_more = retrain(env, world.model, now=NOW + DAY)
    assert once_more.verdict == "not-needed"
    assert "the last retraining was on 2025-06-01" in once_more.summary


def test_a_retrained_release_that_the_gates_refuse_is_recorded_as_refused(tmp_path: Path):
    from pipelines.errors import GateFailed

    world = released(tmp_path, "diabetes")
    env, frame = world.env(), shifted(world)
    frame["progression"] = 350 - frame["progression"]  # somebody turned the scale around
    record(world, env, frame)
    monitor(env, world.model, now=NOW, window=timedelta(days=60))
    with pytest.raises(GateFailed):
        retrain(env, world.model, now=NOW)
    entry, _ = ledger.entries(env.store)[-1]
    assert (entry.step, entry.verdict) == ("retrain", "refused")
    assert "register" not in [one.step for one, _ in ledger.entries(env.store)][-5:]
