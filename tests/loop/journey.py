"""Which way does a tiny model go through the whole loop? Two releases, a rollout, labels, a watch, retraining, back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from environments.declaration import Endpoint, Platform
from pipelines.demo.traffic import Answers
from pipelines.record import Record
from pipelines.steps.data import data
from pipelines.steps.feedback import feedback
from pipelines.steps.monitor import monitor
from pipelines.steps.retrain import retrain
from pipelines.steps.rollback import rollback
from pipelines.steps.score import score
from pipelines.steps.up import up
from tests.clones import Clone
from tests.loop.workshop import Workshop, known, labels, open_workshop

JANUARY = pd.Timestamp("2025-01-02", tz="UTC")  # later than all other rows
NOW = datetime(2025, 3, 5, tzinfo=UTC)  # every label is known
STEPS = [0, 50]
TRIAL = {
    "steps": STEPS, "minimum_requests": 20, "failure_tolerance": 0.2, "shift_tolerance": 1.0,
    "latency_floor_ms": 5000.0,  # other tests run beside this one
}  # fmt: skip
WATCH = {"window_days": 62, "minimum_rows": 20, "minimum_labels": 20}
AGAIN = {"minimum_rows": 30}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What differs between two models: when their releases are made, of what, and who comes in the end."""

    model: str
    first: datetime
    second: datetime
    parameters: dict[str, Any]
    newcomers: Callable[[pd.DataFrame], "pd.Series[bool]"]


DIABETES = Plan(
    model="diabetes", first=datetime(2024, 10, 1, tzinfo=UTC), second=datetime(2024, 12, 1, tzinfo=UTC),
    parameters={"alpha": 5.0}, newcomers=lambda rows: rows["bmi"] > 27,
)  # fmt: skip
WINE = Plan(
    model="wine", first=datetime(2024, 11, 1, tzinfo=UTC), second=datetime(2025, 1, 15, tzinfo=UTC),
    parameters={"n_estimators": 40}, newcomers=lambda rows: rows["proline"] > 800,
)  # fmt: skip


@dataclass(kw_only=True)
class Journey:
    """What happened on the way."""

    workshop: Workshop
    plan: Plan
    rows: pd.DataFrame
    first: str = ""
    second: str = ""
    answers: list[Answers] = field(default_factory=list)
    trial: list[tuple[int, Record]] = field(default_factory=list)
    rolled_out: Endpoint | None = None
    watch: Record | None = None
    again: Record | None = None
    batch: Record | None = None
    back: Record | None = None
    answering: str = ""

    def walk(self) -> None:
        """All of it, in order."""
        self.first_release()
        self.second_release()
        self.newcomers()
        self.way_back()

    def first_release(self) -> None:
        """Staging comes up empty; the first release is stable there at once and answers rows."""
        at = self.workshop
        up(at.staging)
        data(at.dev, at.model, now=self.plan.first)
        self.first = at.released()
        at.bring(self.first)
        self.answers.append(at.live(at.staging, self.rows))

    def second_release(self) -> None:
        """More labels are known; a release with other parameters goes through its trial."""
        at = self.workshop
        data(at.dev, at.model, now=self.plan.second)
        self.second = at.released(parameters=self.plan.parameters)
        at.bring(self.second)
        while at.staging.endpoint().candidate and len(self.trial) < 8:
            percent = at.staging.endpoint().traffic.candidate
            answers, verdict = at.judged(at.staging, self.rows)
            self.answers.append(answers)
            self.trial.append((percent, verdict))
        self.rolled_out = at.staging.endpoint()

    def newcomers(self) -> None:
        """A part of the population comes again in January; labels arrive, the watch looks, retraining follows."""
        at, contract = self.workshop, self.workshop.model.contract
        rows = self.rows[self.plan.newcomers(self.rows)]
        days = pd.to_timedelta([number * 30 // len(rows) for number in range(len(rows))], unit="D")
        rows = rows.assign(**{contract.event_time: JANUARY + pd.Timedelta(hours=12) + days})
        self.answers.append(at.live(at.staging, rows))
        delivered = labels(known(rows, at.model, NOW), at.model, at.root / ".local" / "labels.csv")
        feedback(at.staging, at.model, source=str(delivered), now=NOW)
        self.watch = monitor(at.staging, at.model, now=NOW)
        self.again = retrain(at.staging, at.model, now=NOW, promote=True)
        rows.to_csv(source := str(at.root / ".local" / "rows.csv"), index=False)
        self.batch = score(at.staging, source=source, output=str(at.root / ".local" / "scores.parquet"))

    def way_back(self) -> None:
        """One command returns to the release before."""
        self.back = rollback(self.workshop.staging, reason="a test", up=True)
        self.answering = self.workshop.answering(self.workshop.staging)


def journey(clone: Clone, plan: Plan) -> Journey:
    """Walk it in a clone whose declarations a user made small."""
    workshop = open_workshop(clone, f"tests/models/{plan.model}")
    workshop.choose(Endpoint, "local-staging", rollout=TRIAL)
    workshop.choose(Platform, "local-staging", monitor=WATCH, retraining=AGAIN)
    rows = workshop.model.data.read(workshop.model.contract.source)
    done = Journey(workshop=workshop, plan=plan, rows=rows)
    done.walk()
    return done
