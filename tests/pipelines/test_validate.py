"""Does `validate` ask every gate, stop at each, and leave evidence that others can rely on?"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pipelines import ledger
from pipelines.attestation import GATES, PARITY, attest, statements
from pipelines.cli import main
from pipelines.contract import Folds, Model
from pipelines.decisions import gates
from pipelines.errors import GateFailed, Insufficient, InvalidInput
from pipelines.frames import read_data
from pipelines.record import newest
from pipelines.steps.data import write_data
from pipelines.steps.validate import validate
from tests.pipelines import worlds
from tests.pipelines.lifecycle import Trained, each, judged, lenient, trained, with_contract

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(tmp_path_factory.mktemp("wine") / "world", "wine")


@pytest.fixture
def copy(wine: Trained, tmp_path: Path) -> Trained:
    return wine.copy(tmp_path / "world")


def test_a_good_first_release_passes_and_every_gate_has_spoken(copy: Trained):
    record = validate(copy.env, copy.model, copy.good)
    assert record.verdict == "pass", record.summary
    asked = [one["gate"] for one in record.details["findings"]]
    assert set(asked) == {*gates.OVERALL, *gates.BY_GROUP}
    assert "no champion" in next(one["message"] for one in record.details["findings"] if one["gate"] == "champion")


def test_the_evidence_is_attested_with_what_it_depends_on(copy: Trained):
    record = validate(copy.env, copy.model, copy.good)
    predicate = statements(copy.env.store, copy.good, GATES)[-1].predicate
    assert predicate["environment"] == "local-dev"
    assert predicate["verdict"] == "pass"
    assert (predicate["champion"], predicate["anchor"], predicate["shift"]) == (None, None, None)
    assert predicate["data"]["version"] >= 0
    assert len(predicate["contract"]) == 64
    promised = predicate["metrics"]["accuracy"]
    assert promised["low"] <= promised["value"] <= promised["high"]
    assert promised["rows"] > 40
    assert predicate["findings"] == record.details["findings"]


def test_against_a_champion_the_expected_shift_is_attested(copy: Trained):
    copy.declare(stable=copy.bad, anchor=copy.bad)
    validate(copy.env, copy.model, copy.good)
    shift = statements(copy.env.store, copy.good, GATES)[-1].predicate["shift"]
    assert len(shift["mean"]) == len(shift["std"]) == 3
    assert any(abs(mean) > 0.01 for mean in shift["mean"])
    assert sum(shift["mean"]) == pytest.approx(0, abs=1e-6)  # probabilities


def test_the_champion_itself_is_compared_by_identity(copy: Trained):
    copy.declare(stable=copy.good, anchor=copy.good)
    findings = judged(copy.env, copy.model, copy.good)
    said = [one.message for one in findings if one.gate in ("champion", "anchor")]
    assert len(said) == 2
    assert all("one digest" in message for message in said)


def test_the_same_release_on_the_same_data_is_judged_the_same_twice(copy: Trained):
    assert judged(copy.env, copy.model, copy.good) == judged(copy.env, copy.model, copy.good)


def test_a_refusal_is_recorded_and_attested_and_registers_nothing(copy: Trained):
    with pytest.raises(GateFailed) as refusal:
        validate(copy.env, copy.model, copy.bad)
    assert "floor: accuracy" in str(refusal.value)
    record = newest(copy.env, "validate")
    assert record is not None
    assert record.verdict == "fail"
    assert statements(copy.env.store, copy.bad, GATES)[-1].predicate["verdict"] == "fail"
    assert [entry.step for entry, _ in ledger.entries(copy.env.store)][-1] == "validate"


def test_too_few_rows_are_insufficient_with_their_own_exit_code(copy: Trained):
    model = with_contract(copy.model, gates=each(copy.model.contract.gates, minimum=10_000))
    with pytest.raises(Insufficient, match="the contract asks for 10000"):
        validate(copy.env, model, copy.good)


def test_a_release_that_takes_a_column_which_is_gone_is_refused_with_the_way_out(copy: Trained):
    kept = [feature for feature in copy.model.contract.features if feature.name != "alcohol"]
    from pipelines.evaluation import rows_of, score, validation_rows

    rows = validation_rows(copy.env, copy.model.contract)
    contract = msgspec.structs.replace(copy.model.contract, features=kept)
    with pytest.raises(InvalidInput, match="'alcohol'.*Keep it as an input"):
        score(copy.env, copy.good, contract, rows_of(rows.version, contract, rows.frame))


# A failing instance of each gate that leaves all others content


Spoil = Callable[[Trained], tuple[Model, str]]


def narrower_range(copy: Trained) -> tuple[Model, str]:
    features = [
        msgspec.structs.replace(feature, maximum=12) if feature.name == "alcohol" else feature
        for feature in copy.model.contract.features
    ]
    return with_contract(copy.model, features=features), copy.good


def other_folds(copy: Trained) -> tuple[Model, str]:
    return with_contract(lenient(copy.model), folds=Folds(validation=0.4, salt="other")), copy.good


def bad_alone(copy: Trained) -> tuple[Model, str]:
    gates_of_it = each(copy.model.contract.gates, tolerance=1e9)
    return without_examples(with_contract(copy.model, gates=gates_of_it)), copy.bad


def worse_than_the_champion(copy: Trained) -> tuple[Model, str]:
    copy.declare(stable=copy.good)
    return without_examples(losing(copy.model)), copy.bad


def worse_than_the_anchor(copy: Trained) -> tuple[Model, str]:
    copy.declare(stable=copy.bad, anchor=copy.good)
    return without_examples(losing(copy.model)), copy.bad


def losing(model: Model) -> Model:
    """Only the comparison of the contract's gates can refuse."""
    lax = lenient(model)
    return with_contract(lax, gates=each(lax.contract.gates, tolerance=0.05))


def without_examples(model: Model) -> Model:
    return replace(model, behaviour=SimpleNamespace(INVARIANCES=[], DIRECTIONS={}, EXAMPLES=[]))


def wrong_example(copy: Trained) -> tuple[Model, str]:
    row, _ = copy.model.behaviour.EXAMPLES[0]
    asked = SimpleNamespace(INVARIANCES=[], DIRECTIONS={}, EXAMPLES=[(row, "class_2")])
    return replace(copy.model, behaviour=asked), copy.good


def another_graph(copy: Trained) -> tuple[Model, str]:
    attest(
        copy.env.store, copy.good, name="wine", predicate_type=PARITY,
        predicate={"difference": 0.1, "scale": 1.0, "flips": 3, "rows": 70},
    )  # fmt: skip
    return copy.model, copy.good


def broken_server(copy: Trained) -> tuple[Model, str]:
    package = copy.world.root / "serving"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("raise SystemExit('this server cannot load anything')\n")
    return copy.model, copy.good


def worse_slice(copy: Trained) -> tuple[Model, str]:
    copy.declare(stable=copy.good)
    lax = lenient(copy.model)
    return without_examples(with_contract(lax, slices=each(lax.contract.slices, tolerance=0.05))), copy.bad


@pytest.mark.parametrize(
    ("gate", "spoil"),
    [
        ("data contract", narrower_range),
        ("folds", other_folds),
        ("floor", bad_alone),
        ("champion", worse_than_the_champion),
        ("anchor", worse_than_the_anchor),
        ("behaviour", wrong_example),
        ("parity", another_graph),
        ("server", broken_server),
        ("slices", worse_slice),
    ],
)
def test_each_gate_alone_stops_a_release(copy: Trained, gate: str, spoil: Spoil):
    model, digest = spoil(copy)
    with pytest.raises(GateFailed) as refusal:
        validate(copy.env, model, digest)
    record = newest(copy.env, "validate")
    assert record is not None
    failing: set[Any] = {one["gate"] for one in record.details["findings"] if one["verdict"] == "fail"}
    assert failing == {gate}
    assert f"{gate}: " in str(refusal.value)


def test_the_fairness_gate_alone_stops_a_release(tmp_path: Path):
    world = worlds.make(tmp_path / "world", "diabetes")
    world.with_data()
    _, frame = read_data(world.env(), world.model.contract)
    unfair = frame.assign(progression=frame["progression"] + 150 * (frame["sex"] == "2"))
    write_data(world.env(), world.model, unfair, "a course that depends on sex")
    findings = judged(world.env(), lenient(world.model), world.with_release())
    assert {one.gate for one in findings if one.verdict == "fail"} == {"fairness"}


def test_a_regression_passes_the_same_gates(tmp_path: Path):
    world = worlds.make(tmp_path / "world", "diabetes")
    record = validate(world.env(), world.model, world.with_release())
    assert record.verdict == "pass"
    assert {one["gate"] for one in record.details["findings"]} == {*gates.OVERALL, *gates.BY_GROUP}


def test_a_graph_that_nobody_compared_with_its_estimator_is_insufficient(copy: Trained):
    for file in (copy.world.root / ".local/local-dev/store/attestations" / copy.good).iterdir():
        file.unlink()
    with pytest.raises(Insufficient, match="nobody attested"):
        validate(copy.env, copy.model, copy.good)


def test_an_environment_may_accept_missing_evidence(copy: Trained):
    file = copy.world.root / "environments/platform/Pulumi.local-dev.yaml"
    file.write_text(file.read_text().replace("platform: local", "platform: local\n    gates: {insufficient: pass}"))
    model = with_contract(copy.model, gates=each(copy.model.contract.gates, minimum=10_000))
    record = validate(copy.env, model, copy.good)
    assert record.verdict == "pass"
    assert "too small to judge" in record.summary


# The command line


@pytest.fixture
def mlops(copy: Trained, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line in the world; its exit code."""
    (copy.world.root / "Pulumi.yaml").touch()
    monkeypatch.chdir(copy.world.root)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["mlops", *arguments])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run


def test_exit_codes_tell_a_pass_a_refusal_and_missing_evidence_apart(
    copy: Trained, mlops: Callable[..., int], capsys: pytest.CaptureFixture[str]
):
    assert mlops("validate", "--env", "local-dev", copy.good[:8], "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"
    assert mlops("validate", "--env", "local-dev", copy.bad) == 4
    assert "is refused by the gates of local-dev" in capsys.readouterr().err
    contract = copy.model.folder / "model.toml"
    contract.write_text(contract.read_text().replace("minimum = 40", "minimum = 4000"))
    assert mlops("validate", "--env", "local-dev", copy.good) == 5
    assert mlops("validate", "--env", "local-dev", "0" * 64) == 7
    assert mlops("validate", "--env", "local-dev", "nonsense") == 3
