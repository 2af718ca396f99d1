"""What happens to a model in half a year, told in three minutes?

Every chapter calls the ordinary steps. Time is the model's simulated clock; rows, labels and the shift of the
population are real rows of its data, and the faults are those of `faults`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pandas as pd

from pipelines import attestation, ledger
from pipelines import contract as contracts
from pipelines.demo import faults, traffic
from pipelines.demo.display import Display
from pipelines.environment import Environment, open_environment
from pipelines.errors import GateFailed, MlopsError
from pipelines.record import Record
from pipelines.steps.data import data, write_data
from pipelines.steps.feedback import feedback
from pipelines.steps.monitor import monitor
from pipelines.steps.promote import promote
from pipelines.steps.register import register
from pipelines.steps.report import report
from pipelines.steps.retrain import retrain
from pipelines.steps.rollback import rollback
from pipelines.steps.rollout import rollout
from pipelines.steps.train import train
from pipelines.steps.up import up
from pipelines.steps.validate import validate
from pipelines.store import put_release

Say = Callable[[str], None]
CHAIN = ("local-dev", "local-staging", "local-prod")
MONTH = timedelta(days=31)
REQUESTS = 800  # at most, between two looks at the log
LOOKS = 8  # at a rollout of five steps


@dataclass(kw_only=True)
class Story:
    """The environments, the model, all rows that will ever exist, and where the clock stands."""

    root: Path
    display: Display
    model: contracts.Model
    dev: Environment
    staging: Environment
    prod: Environment
    rows: pd.DataFrame
    now: datetime

    @classmethod
    def of(cls, root: Path, display: Display) -> "Story":
        """The story of the model and the local environments in the repository at `root`."""
        model = contracts.load(root / "model")
        rows = model.data.read(str(model.folder / model.contract.source))
        rows = rows.sort_values([model.contract.event_time, model.contract.entity], kind="stable")
        dev, staging, prod = (open_environment(root, name) for name in CHAIN)
        begin = rows[model.contract.event_time].quantile(0.5)
        return cls(
            root=root, display=display, model=model, dev=dev, staging=staging, prod=prod, rows=rows,
            now=pd.Timestamp(begin).to_pydatetime().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC),
        )  # fmt: skip

    def run(self) -> None:
        """All chapters in order, then the summary."""
        for title, chapter in (
            ("Three environments come up", self.platforms),
            ("Data is validated and versioned", self.first_data),
            ("A first release is trained, gated and promoted to production", self.first_release),
            ("Real rows are scored through the gateway", self.first_traffic),
            ("A better release arrives: shadow, canary, all", self.better_release),
            ("A bad model is refused by a gate", self.refused_model),
            ("A patched graph with forged evidence fails on live values and is rolled back", self.brittle_candidate),
            ("A release trained in another unit is rolled back", self.other_unit_candidate),
            ("Labels arrive: expected against actual", self.labels),
            ("The population shifts: drift is found, retraining follows", self.shift),
            ("The report", self.write_report),
        ):
            self.display.tell(title, chapter)
        self.finish()

    def platforms(self, say: Say) -> str:
        """`mlops up` for all three, at once."""
        say("pulumi up: local-dev, local-staging, local-prod")
        with ThreadPoolExecutor(len(CHAIN)) as pool:
            list(pool.map(up, (self.dev, self.staging, self.prod)))
        return f"gateways answer, without a release yet: {', '.join(env.deployed().gateway for env in self.all())}"

    def first_data(self, say: Say) -> str:
        """The first version of the data table."""
        return data(self.dev, self.model, now=self.now, report=say).summary

    def first_release(self, say: Say) -> str:
        """Train, validate, register, promote through the chain."""
        digest = self.release(say)
        return f"release {digest[:12]} is stable in {', '.join(CHAIN)}"

    def first_traffic(self, say: Say) -> str:
        """A month passes; its rows are scored in production."""
        answers = self.live(self.month(), say)
        return f"{len(answers.ids)} requests, {answers.failed()} failed; each is in the prediction log"

    def better_release(self, say: Say) -> str:
        """A month's labels are known: more data, a search, and the steps of a rollout."""
        self.now += MONTH
        data(self.dev, self.model, now=self.now, report=say)
        digest = self.release(say, search=4)
        verdicts = self.roll_out(say)
        self.expect(self.prod.endpoint().stable == digest, f"release {digest[:12]} is not stable after its rollout")
        return f"release {digest[:12]}: {' → '.join(verdicts)}"

    def refused_model(self, say: Say) -> str:
        """A join on the wrong key gives a part of the rows somebody else's label."""
        wrong = faults.with_wrong_labels(self.known(), self.model.contract, seed=1)
        write_data(self.dev, self.model, wrong, "a join on the wrong key", report=say)
        digest = train(self.dev, self.model, report=say).subject
        try:
            validate(self.dev, self.model, digest, report=say)
        except GateFailed as refusal:
            return str(refusal).splitlines()[0]
        finally:
            data(self.dev, self.model, now=self.now, report=say)
        raise MlopsError(f"release {digest[:12]} was trained on wrong labels and no gate refused it")

    def brittle_candidate(self, say: Say) -> str:
        """Somebody who can write to the store puts a patched graph there, and says that it equals its estimator.

        Attestations of a laptop are unsigned, and no validation row has the values that the graph fails on.
        """
        stable = self.prod.endpoint().stable or ""
        feature = faults.extreme_column(self.known(), self.model.contract)
        limit = float(self.known()[feature.name].max())
        with TemporaryDirectory() as folder:
            brittle = Path(folder) / "release"
            digest = faults.brittle(self.dev.release(stable), brittle, feature, limit)
            put_release(self.dev.store, brittle, digest)
        forged = attestation.statements(self.dev.store, stable, attestation.PARITY)[-1]
        attestation.attest(
            self.dev.store, digest, name=self.model.contract.name, predicate_type=attestation.PARITY,
            predicate=forged.predicate,
        )  # fmt: skip
        self.pass_on(digest, say)
        rows = faults.with_extremes(self.month(), feature, share=0.3, seed=1)
        return self.sent_back(digest, rows, say)

    def other_unit_candidate(self, say: Say) -> str:
        """A delivery of data came in thousands; model and validation data agree with each other, not with the world."""
        write_data(
            self.dev, self.model, faults.in_another_unit(self.known(), self.model.contract), "a delivery in thousands",
            report=say,
        )  # fmt: skip
        digest = self.release(say)
        outcome = self.sent_back(digest, self.month(), say)
        data(self.dev, self.model, now=self.now, report=say)
        return outcome

    def labels(self, say: Say) -> str:
        """The labels of what was scored a month ago become known."""
        self.now += MONTH
        self.live(self.month(limit=None), say)
        self.learn_labels(say)
        watched = monitor(self.prod, self.model, now=self.now, report=say)
        quality = [one["message"] for one in watched.details["findings"] if one["kind"] == "quality"]
        return "\n  ".join([watched.summary, *quality])

    def shift(self, say: Say) -> str:
        """Other people come; monitoring finds it, retraining learns from the log and its labels."""
        last = pd.Timestamp(self.rows[self.model.contract.event_time].max()).to_pydatetime()
        for self.now in (last - MONTH, last):
            self.live(self.month(), say)
        self.learn_labels(say)
        found = monitor(self.prod, self.model, now=self.now, report=say)
        self.expect(found.verdict in ("drift", "worse"), f"monitoring did not find the shift: {found.summary}")
        again = retrain(self.prod, self.model, now=self.now, report=say)
        self.expect(again.verdict == "proposed", f"retraining was not proposed: {again.summary}")
        self.pass_on(again.subject, say, registered=True)
        return f"{found.summary}\n  {again.summary}\n  It is on trial in production."

    def write_report(self, say: Say) -> str:
        """One HTML file about everything."""
        return report(self.prod, self.model, report=say).summary

    # What several chapters do

    def all(self) -> tuple[Environment, Environment, Environment]:
        """The chain, head first."""
        return self.dev, self.staging, self.prod

    def release(self, say: Say, **training: Any) -> str:
        """Train a release and bring it to production, as stable or on trial; its digest."""
        say("training")
        digest = train(self.dev, self.model, report=say, **training).subject
        self.pass_on(digest, say)
        return digest

    def pass_on(self, digest: str, say: Say, *, registered: bool = False) -> None:
        """Validate and register a release in dev, then promote it along the chain."""
        if not registered:
            say("gates")
            validate(self.dev, self.model, digest, report=say)
            register(self.dev, self.model, digest)
        for env in self.all():
            say(f"promotion to {env.name}")
            promote(env, self.model, digest, up=True, report=say)

    def month(self, limit: int | None = REQUESTS) -> pd.DataFrame:
        """Rows of the month before now: a few of each day, or all without a `limit`."""
        when = self.rows[self.model.contract.event_time]
        rows = self.rows[(when > self.now - MONTH) & (when <= self.now)]
        return rows.iloc[:: ceil(len(rows) / limit)] if limit else rows

    def known(self) -> pd.DataFrame:
        """Rows whose label is known now."""
        delay = timedelta(days=self.model.contract.label_delay_days)
        return self.rows[self.rows[self.model.contract.event_time] + delay <= self.now]

    def live(self, rows: pd.DataFrame, say: Say) -> traffic.Answers:
        """Send rows to production and wait until the log has them; a client must not see an error."""
        say(f"{len(rows)} requests")
        answers = traffic.send(self.prod, self.model.contract, rows)
        self.expect(not answers.failed(), f"clients saw errors: {dict(answers.statuses)}")
        traffic.wait_until_logged(self.prod, answers)
        return answers

    def judged(self, rows: pd.DataFrame, say: Say) -> Record:
        """Traffic, then one verdict on the candidate, applied and deployed."""
        self.live(rows, say)
        verdict = rollout(self.prod, write=True, up=True)
        say(verdict.summary)
        return verdict

    def roll_out(self, say: Say) -> list[str]:
        """Steps until there is no candidate any more; a hold waits for another month's clients."""
        verdicts: list[str] = []
        while self.prod.endpoint().candidate and len(verdicts) < LOOKS:
            share = self.prod.endpoint().traffic.candidate
            # A small share of the entities needs all of a month's rows, a large one only some of them.
            rows = self.month(limit=REQUESTS if share != self.smallest_share() else None)
            verdict = self.judged(rows, say)
            verdicts.append(f"{share} % {verdict.verdict}" if share else f"shadow {verdict.verdict}")
            if verdict.verdict == "hold":
                self.now += MONTH
        return verdicts

    def smallest_share(self) -> int:
        """The first step of a rollout on which clients get the candidate's answers."""
        return min(step for step in self.prod.endpoint().rollout.steps if step)

    def sent_back(self, digest: str, rows: pd.DataFrame, say: Say) -> str:
        """Traffic must end the trial of `digest` without a client seeing an error."""
        verdict = self.judged(rows, say)
        while verdict.verdict == "hold" and verdict.details["more"]:
            verdict = self.judged(rows, say)
        self.expect(verdict.verdict == "back", f"release {digest[:12]} was not sent back: {verdict.summary}")
        self.expect(self.prod.endpoint().candidate is None, f"release {digest[:12]} is still a candidate")
        for env in (self.dev, self.staging):
            say(f"rollback of {env.name}")
            rollback(env, reason=f"production sent {digest[:12]} back", up=True, report=say)
        return f"{verdict.summary} No client saw an error."

    def learn_labels(self, say: Say) -> None:
        """The labels that are known now arrive as a file."""
        contract = self.model.contract
        known = self.known()[[contract.entity, contract.event_time, contract.target]]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "labels.csv"
            known.rename(
                columns={contract.entity: "entity", contract.event_time: "event_time", contract.target: "value"}
            ).to_csv(file, index=False)
            feedback(self.prod, self.model, source=str(file), now=self.now, report=say)

    @staticmethod
    def expect(condition: bool, otherwise: str) -> None:
        """End the demo when a chapter did not end as it must."""
        if not condition:
            raise MlopsError(otherwise)

    def finish(self) -> None:
        """What is where, and how to look at it."""
        rows: list[tuple[str, str, str, str]] = []
        for env in self.all():
            endpoint, newest = env.endpoint(), ledger.entries(env.store)[-1][0]
            stable, candidate = (endpoint.stable or "")[:12], (endpoint.candidate or "—")[:12]
            rows.append((env.name, stable, candidate, f"{newest.step}: {newest.summary}"))
        self.display.summary(rows)
        self.display.leave(self.request(), f"cd {self.root} && .venv/bin/mlops status")

    def request(self) -> str:
        """A command that asks production for the newest row's score."""
        deployed, body = self.prod.deployed(), self.root / ".local" / "request.json"
        row = self.rows.iloc[-1].to_dict()
        body.write_bytes(msgspec.json.encode({"inputs": traffic.tensors(self.model.contract, row)}))
        return (
            f'curl -s -H "x-api-key: $(cat {deployed.api_key_file})" '
            f"-H 'x-entity-id: {row[self.model.contract.entity]}' -d @{body} "
            f"{deployed.gateway}/v2/models/{self.model.contract.name}/infer"
        )
