"""Does a recorded log lead to the right verdict, and the verdict to the right commit?"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from environments.declaration import Traffic
from environments.location import Deployed
from pipelines import git, ledger
from pipelines.attestation import ROLLOUT, statements
from pipelines.environment import Environment
from pipelines.errors import NotReady
from pipelines.record import history
from pipelines.steps import up
from pipelines.steps.rollout import command, rollout
from serving import access_log, predictions
from tests.pipelines import recorded, recorded_trial
from tests.pipelines.recorded_trial import Trial, buckets, flowers

TEN = {"candidate": 10, "shadow": 0}


@pytest.fixture
def flower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """The three-class model, its candidate in the shadow."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    return flowers(tmp_path / "repository")


@pytest.fixture
def bucket(tmp_path: Path) -> Trial:
    """The model whose graph fails on values that only live rows have."""
    return buckets(tmp_path / "repository")


def test_the_recorded_tables_have_the_columns_that_server_and_gateway_write() -> None:
    for documented, written in (
        (recorded.PREDICTIONS, predictions.schema()), (recorded_trial.REQUESTS, access_log.schema()),
    ):  # fmt: skip
        assert [(field.name, field.type) for field in documented] == [(field.name, field.type) for field in written]


# From the shadow to the end


def test_a_good_candidate_goes_from_the_shadow_by_all_steps_to_stable(flower: Trial) -> None:
    seen: list[int] = []
    while flower.env.endpoint().candidate:
        seen.append(flower.env.endpoint().traffic.candidate)
        flower.log(3000)
        flower.pass_time(minutes=5)
        assert rollout(flower.env, write=True).verdict == "go"
        flower.pass_time(minutes=5)
    assert seen == [0, 10, 50, 100]
    assert flower.env.endpoint().stable == flower.candidate
    assert flower.env.endpoint().traffic == Traffic()


def test_a_regression_is_judged_by_its_only_score(tmp_path: Path) -> None:
    rent = recorded_trial.trial(
        tmp_path / "repository", recorded_trial.releases.regression,
        lambda random, rows: {"area": random.uniform(20, 200, rows).tolist(), "floor": [1.0] * rows},
        stable={"bias": 100.0}, candidate={"bias": 120.0},
    )  # fmt: skip
    rent.log(400)
    assert rollout(rent.env).verdict == "go"
    rent.log(400, shift=900.0)
    assert rollout(rent.env).verdict == "back"


# What sends a candidate back


def test_a_shadow_that_fails_on_values_that_only_live_rows_have_is_sent_back(bucket: Trial) -> None:
    bucket.log(400, failing=lambda row: row["bucket"] > 7)
    found = rollout(bucket.env, write=True)
    assert found.verdict == "back"
    assert "requests failed" in found.summary
    assert bucket.env.endpoint().candidate is None
    assert bucket.env.endpoint().stable == bucket.stable


def test_a_candidate_that_answers_only_500_is_sent_back_while_every_client_saw_200(flower: Trial) -> None:
    flower.declare(traffic=TEN)
    flower.log(600, failing=lambda _row: True, status=200)
    found = rollout(flower.env, write=True)
    assert found.verdict == "back"
    assert found.details["evidence"]["candidate"]["failures"] == found.details["judged"] > 20
    assert flower.env.endpoint().candidate is None


def test_a_slow_candidate_is_sent_back(flower: Trial) -> None:
    flower.declare(traffic=TEN)
    flower.log(3000, milliseconds=400.0)
    assert rollout(flower.env).verdict == "back"


@pytest.mark.parametrize("traffic", [{"candidate": 0, "shadow": 100}, TEN])
def test_predictions_that_shift_otherwise_than_at_validation_send_it_back(
    flower: Trial, traffic: dict[str, int]
) -> None:
    flower.declare(traffic=traffic)
    flower.log(4000, shift=0.2)
    found = rollout(flower.env)
    assert found.verdict == "back"
    assert "validated shift" in found.summary


# What is no evidence


def test_too_few_requests_hold_and_say_how_many_more_are_needed(flower: Trial) -> None:
    flower.log(60)
    found = rollout(flower.env, write=True)
    assert found.verdict == "hold"
    assert found.details["more"] > 100
    assert f"{found.details['more']} more judged requests" in found.summary
    assert flower.env.endpoint().candidate == flower.candidate


def test_without_any_log_it_holds(flower: Trial) -> None:
    assert rollout(flower.env).verdict == "hold"


def test_one_entity_that_asks_a_thousand_times_is_one_observation_of_the_shift(flower: Trial) -> None:
    flower.log(1000, entities=["the same"] * 1000)
    assert rollout(flower.env).verdict == "hold"


def test_requests_of_another_step_count_nothing(flower: Trial) -> None:
    flower.declare(traffic=TEN)
    flower.log(3000, step="another", failing=lambda _row: True)
    assert rollout(flower.env).details["judged"] == 0


@pytest.mark.parametrize("what", [{"status": 422}, {"path": "/v2/models/m"}])
def test_refused_requests_and_metadata_are_not_judged(flower: Trial, what: dict[str, Any]) -> None:
    flower.declare(traffic=TEN)
    flower.log(1000, **what)
    assert rollout(flower.env).details["judged"] == 0


def test_what_was_just_received_waits_for_its_mirrored_copy(flower: Trial) -> None:
    flower.log(400)
    flower.at += timedelta(seconds=9)
    flower.log(400, failing=lambda _row: True)
    assert rollout(flower.env).verdict == "go"


def test_an_earlier_trial_of_the_same_releases_does_not_count(flower: Trial) -> None:
    flower.log(400, failing=lambda _row: True)
    assert rollout(flower.env, write=True).verdict == "back"
    flower.pass_time(minutes=1)
    flower.declare(candidate=flower.candidate, traffic={"candidate": 0, "shadow": 100})
    found = rollout(flower.env)
    assert (found.verdict, found.details["judged"]) == ("hold", 0)


def test_a_shift_attested_against_another_stable_release_is_not_used(flower: Trial) -> None:
    flower.log(400)
    flower.declare(stable="f" * 64)
    assert rollout(flower.env).verdict == "hold"


# Records, attestations, commits


def test_a_verdict_is_recorded_chained_and_attested_and_changes_nothing(flower: Trial) -> None:
    flower.log(400)
    before = git.head(flower.root)
    found = rollout(flower.env)
    assert history(flower.env, "rollout")[-1] == found
    predicate = statements(flower.env.store, flower.candidate, ROLLOUT)[-1].predicate
    assert (predicate["verdict"], predicate["step_id"]) == ("go", flower.env.endpoint().step())
    assert git.head(flower.root) == before
    assert flower.git("status", "--porcelain") == ""


def test_the_commit_names_release_verdict_and_the_ledgers_head(flower: Trial) -> None:
    flower.log(400)
    rollout(flower.env)
    head = ledger.head(flower.env.store)
    rollout(flower.env, write=True)
    said = git.trailers(flower.root, git.head(flower.root))
    assert (said["Release"], said["Environment"], said["Ledger-Head"]) == (flower.candidate, "local-prod", head)
    assert said["Verdict"].startswith("records/rollout/")
    assert "gets 10 % of the traffic" in flower.git("show", "--no-patch", "--format=%s")
    assert "failures" in flower.git("show", "--no-patch", "--format=%b")
    assert history(flower.env, "rollout")[-1].details["commit"] == git.head(flower.root)


def test_a_waiting_verdict_is_applied_without_judging_again(flower: Trial) -> None:
    flower.log(400)
    judged = rollout(flower.env)
    flower.log(4000, failing=lambda _row: True)
    assert rollout(flower.env, write=True) == judged
    assert flower.env.endpoint().traffic.candidate == 10


def test_a_go_of_yesterday_is_judged_again(flower: Trial) -> None:
    flower.log(400)
    rollout(flower.env)
    flower.log(4000, failing=lambda _row: True)
    flower.pass_time(days=1)
    assert rollout(flower.env, write=True).verdict == "back"


def test_a_back_of_yesterday_is_applied(flower: Trial) -> None:
    flower.log(400, failing=lambda _row: True)
    judged = rollout(flower.env)
    flower.pass_time(days=1)
    assert rollout(flower.env, write=True) == judged


def test_a_verdict_about_another_step_is_refused_until_the_present_one_is_judged(flower: Trial) -> None:
    flower.log(400)
    rollout(flower.env)
    flower.declare(traffic={"candidate": 50, "shadow": 0})
    before = git.head(flower.root)
    with pytest.raises(NotReady, match="stale"):
        rollout(flower.env, write=True)
    assert git.head(flower.root) == before
    assert rollout(flower.env).verdict == "hold"
    assert rollout(flower.env, write=True).verdict == "hold"


def test_a_changed_file_is_refused_before_anything_is_judged(flower: Trial) -> None:
    flower.log(400)
    flower.env.endpoint_file().write_text(flower.env.endpoint_file().read_text() + "# mine\n")
    with pytest.raises(NotReady, match="not committed"):
        rollout(flower.env, write=True)
    assert history(flower.env, "rollout") == []


def test_without_an_identity_nothing_is_written(flower: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    flower.git("config", "--unset", "user.email")
    flower.log(400)
    with pytest.raises(NotReady, match="git config user.name"):
        rollout(flower.env, write=True)
    assert flower.env.endpoint().traffic.candidate == 0


def test_without_a_candidate_there_is_nothing_to_judge(flower: Trial) -> None:
    flower.declare(candidate=None, traffic={"candidate": 0, "shadow": 0})
    with pytest.raises(NotReady, match="mlops promote"):
        rollout(flower.env)


def test_comments_of_the_declaration_survive(flower: Trial) -> None:
    flower.log(400)
    rollout(flower.env, write=True)
    assert flower.env.endpoint_file().read_text().startswith("# yaml-language-server")


def test_up_deploys_what_was_committed(flower: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed: list[tuple[str, int]] = []

    def record(env: Environment, programs: tuple[str, ...], report: object) -> None:
        deployed.append((*programs, env.endpoint().traffic.candidate))

    monkeypatch.setattr(up, "up", record)
    assert rollout(flower.env, write=True, up=True).verdict == "hold"
    assert deployed == []
    flower.log(400)
    rollout(flower.env, write=True, up=True)
    assert deployed == [("endpoint", 10)]


def test_a_hold_says_when_the_declared_step_is_not_the_deployed_one(flower: Trial) -> None:
    running = Deployed(
        environment="local-prod", gateway="http://127.0.0.1:1", gateway_admin="", api_key_file="", step="another"
    )
    flower.env.location.endpoint.write_bytes(msgspec.json.encode(running))
    assert "mlops up --env local-prod" in rollout(flower.env).summary


def test_the_command_prints_the_record_as_json_and_the_findings_as_lines(
    flower: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flower.root)
    shown = CliRunner().invoke(command, ["--env", "local-prod"])
    assert (shown.exit_code, "failures" in shown.stdout) == (0, True)
    printed = CliRunner().invoke(command, ["--env", "local-prod", "--json"])
    assert msgspec.json.decode(printed.stdout)["verdict"] == "hold"


def test_up_without_write_is_a_usage_error() -> None:
    assert CliRunner().invoke(command, ["--env", "local-prod", "--up"]).exit_code == 2
