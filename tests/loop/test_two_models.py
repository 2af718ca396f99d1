"""Does a model that the template does not know go through the whole loop, a regression and a multi-class one?"""

from collections import Counter
from typing import ClassVar

import pytest

from pipelines import git
from pipelines.steps.audit import audit
from tests.clones import fresh_clone
from tests.loop.journey import DIABETES, STEPS, WINE, Journey, Plan, journey

pytestmark = [pytest.mark.engine, pytest.mark.services]


class Loop:
    """The sentences that hold for both; each class is a journey of its own, so that they may run side by side."""

    plan: ClassVar[Plan]

    @pytest.fixture(scope="class")
    def done(self, repository, tmp_path_factory):
        with fresh_clone(repository, tmp_path_factory.mktemp("loop")) as clone:
            yield journey(clone, self.plan)

    def test_no_client_saw_an_error(self, done: Journey):
        assert [answers.failed() for answers in done.answers] == [0] * len(done.answers)

    def test_the_first_release_answers_every_row(self, done: Journey):
        assert done.answers[0].releases == {done.first: len(done.rows)}

    def test_each_answer_is_in_the_log_once_under_the_release_that_gave_it(self, done: Journey):
        rows = done.workshop.predictions(done.workshop.staging, "request_id", "release", "shadow")
        found = Counter((row["request_id"], row["release"]) for row in rows if not row["shadow"])
        assert set(found.values()) == {1}
        assert {name for name, _ in found} == set[str]().union(*(answers.ids for answers in done.answers))
        given = sum((answers.releases for answers in done.answers), Counter[str]())
        assert Counter(release for _, release in found) == given

    def test_the_second_release_goes_from_the_shadow_over_a_canary_to_all_of_the_traffic(self, done: Journey):
        passed = [percent for percent, record in done.trial if record.verdict == "go"]
        assert passed == STEPS
        assert {record.verdict for _, record in done.trial} <= {"go", "hold"}
        assert (done.rolled_out.stable, done.rolled_out.candidate) == (done.second, None)
        assert done.rolled_out.traffic.candidate == done.rolled_out.traffic.shadow == 0

    def test_in_the_shadow_the_candidate_answers_nobody(self, done: Journey):
        assert done.answers[1].releases == {done.first: len(done.rows)}

    def test_in_the_canary_each_track_is_answered_by_its_release(self, done: Journey):
        canary = done.answers[-2]
        assert canary.tracks["candidate"] > 0
        assert canary.releases == {done.first: canary.tracks["stable"], done.second: canary.tracks["candidate"]}

    def test_the_anchor_stays_the_first_release(self, done: Journey):
        assert done.rolled_out.anchor == done.first

    def test_the_watch_finds_that_other_rows_came(self, done: Journey):
        assert (done.watch.verdict, done.watch.subject) == ("drift", done.second)

    def test_retraining_learns_from_the_log_and_reaches_the_head_by_a_commit(self, done: Journey):
        head = done.workshop.dev
        assert done.again.verdict == "proposed"
        assert done.again.details["new_rows"]["local-staging"] >= len(done.rows[done.plan.newcomers(done.rows)])
        assert head.endpoint().stable == done.again.subject
        assert done.again.subject not in (done.first, done.second)

    def test_a_file_is_scored_by_the_release_that_answers(self, done: Journey):
        newcomers = done.rows[done.plan.newcomers(done.rows)]
        assert (done.batch.subject, done.batch.details["rows"]) == (done.second, len(newcomers))

    def test_a_rollback_brings_the_release_before_back(self, done: Journey):
        assert done.workshop.staging.endpoint().stable == done.first
        assert done.answering == done.first

    def test_each_change_of_the_declaration_is_a_commit_with_the_release_and_the_ledgers_head(self, done: Journey):
        env = done.workshop.staging
        made = [git.trailers(env.root, one.commit) for one in git.history(env.endpoint_file())]
        ours = [trailers for trailers in made if "Release" in trailers]
        assert [trailers["Release"] for trailers in ours] == [done.first, *[done.second] * 3, done.first]
        assert all(trailers["Ledger-Head"] for trailers in ours)

    def test_ledgers_records_attestations_releases_and_commits_agree(self, done: Journey):
        for env in (done.workshop.dev, done.workshop.staging):
            assert audit(env).verdict == "intact"


class TestRegression(Loop):
    plan = DIABETES


class TestMultiClass(Loop):
    plan = WINE
