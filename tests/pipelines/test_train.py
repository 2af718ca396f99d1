"""Does a data version become one release, the same one everywhere, tracked with all that it follows from?"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.build import measure, on_one_job
from pipelines.contract import load
from pipelines.decisions.folds import split
from pipelines.errors import InvalidInput
from pipelines.frames import columns, main_score, read_data, truth
from pipelines.record import Record
from pipelines.search import search_parameters
from pipelines.steps.data import write_data
from pipelines.steps.train import chosen_parameters, parse_parameters, train
from pipelines.tracking import client, find_run, get_run
from serving.graph import Graph
from serving.release import LINEAGE, PROFILE, verify
from tests.pipelines import worlds
from tests.pipelines.worlds import REPOSITORY, World

pytestmark = pytest.mark.services

TRAIN_ELSEWHERE = """
import sys
from pathlib import Path
from tests.pipelines import worlds
for model in ("wine", "diabetes", "model"):
    world = worlds.make(Path(sys.argv[1]) / model, model)
    world.with_data()
    print(model, world.built())
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world with data; its tests add releases and read what they made."""
    made = worlds.make(tmp_path_factory.mktemp("world"))
    made.with_data()
    return made


@pytest.fixture(scope="module")
def trained(world: World) -> Record:
    return train(world.env(), world.model)


def test_two_clean_folders_and_processes_give_one_digest_for_each_model(tmp_path: Path):
    printed: set[str] = set()
    for name, hash_seed in (("here", "1"), ("some/where/else", "2")):
        command = [sys.executable, "-c", TRAIN_ELSEWHERE, str(tmp_path / name)]
        variables = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) == 3


def test_the_release_is_stored_whole_under_its_digest(world: World, trained: Record):
    manifest = verify(world.env().release(trained.subject), trained.subject)
    assert sorted(manifest.files) == ["lineage.json", "model.onnx", "profile.json", "schema.json"]


def test_the_lineage_names_data_code_versions_seed_and_parameters(world: World, trained: Record):
    lineage = json.loads((world.env().release(trained.subject) / LINEAGE).read_text())
    assert lineage["data"] == {"digest": trained.details["data"], "rows": 178}
    assert lineage["parameters"] == dict(world.model.estimator.PARAMETERS)
    assert lineage["seed"] == 0
    assert {"lightgbm", "onnxmltools", "scikit-learn", "skl2onnx", "numpy"} <= set(lineage["versions"])


def test_the_profile_counts_every_training_and_validation_row(world: World, trained: Record):
    profile = json.loads((world.env().release(trained.subject) / PROFILE).read_text())
    held_back = trained.details["validation_rows"]
    assert profile["rows"] + held_back == 178
    assert sum(profile["decisions"].values()) == held_back
    assert sum(profile["features"]["alcohol"]["counts"]) == profile["rows"]
    assert [sum(score["counts"]) for score in profile["scores"]] == [held_back] * 3


def test_training_again_is_the_same_release_in_another_run(world: World, trained: Record):
    again = train(world.env(), world.model)
    assert again.subject == trained.subject
    assert again.details["run"] != trained.details["run"]


def test_the_record_names_the_release_that_building_gives(world: World, trained: Record):
    assert world.built() == trained.subject


def test_another_seed_or_parameter_is_another_release(world: World, trained: Record):
    others = {world.built(seed=3), world.built(parameters={**world.model.estimator.PARAMETERS, "n_estimators": 5})}
    assert len({trained.subject, *others}) == 3


def test_a_given_parameter_replaces_the_models_own(world: World):
    assert chosen_parameters(world.model, {"n_estimators": 5})["n_estimators"] == 5
    assert chosen_parameters(world.model, {})["n_estimators"] == 30


def test_card_gates_owners_and_metrics_do_not_change_the_release(world: World, trained: Record, tmp_path: Path):
    folder = worlds.make(tmp_path).model.folder
    (folder / "card.md").write_text("Other words.\n")
    (folder / "metrics.py").write_text((folder / "metrics.py").read_text() + "\nUNUSED = 1\n")
    toml = (folder / "model.toml").read_text().replace("@tests", "@others").replace("floor = 0.7", "floor = 0.6")
    (folder / "model.toml").write_text(toml)
    assert replace(world, model=load(folder)).built() == trained.subject


def test_a_file_that_the_estimator_imports_changes_the_release(world: World, trained: Record, tmp_path: Path):
    digests = [trained.subject]
    for number, text in enumerate(("", "# another comment\n")):
        folder = worlds.make(tmp_path / str(number)).model.folder
        (folder / "shared.py").write_text(text)
        (folder / "estimator.py").write_text("from . import shared\n" + (folder / "estimator.py").read_text())
        digests.append(replace(world, model=load(folder)).built())
    assert len(set(digests)) == 3


def test_the_run_in_mlflow_says_what_the_release_follows_from(world: World, trained: Record):
    run = get_run(world.env(), trained.details["run"])
    assert find_run(world.env(), world.model.contract, trained.subject) is not None
    assert run.data.tags["mlops.release"] == trained.subject
    assert run.data.tags["mlops.data"] == trained.details["data"]
    assert run.data.tags["mlops.data_version"] == "0"
    assert json.loads(run.data.tags["mlops.platform"]) == trained.details["platform"]
    assert run.data.params["n_estimators"] == "30"
    assert run.data.metrics["accuracy"] == trained.details["metrics"]["accuracy"]


def test_the_run_holds_plots_card_release_and_model_and_no_pickle(world: World, trained: Record):
    run = get_run(world.env(), trained.details["run"])
    connection = client(world.env())
    artefacts = {file.path for file in connection.list_artifacts(run.info.run_id)}
    assert artefacts == {"card.md", "plots", "release"}
    model = (
        world.root / ".local/local-dev/mlflow/artifacts/models" / run.outputs.model_outputs[0].model_id / "artifacts"
    )
    names = {file.name for file in model.iterdir()}
    assert names == {"MLmodel", "model.onnx", "requirements.txt", "conda.yaml", "python_env.yaml"}
    assert (model / "model.onnx").read_bytes() == (world.env().release(trained.subject) / "model.onnx").read_bytes()
    assert not [file for file in world.root.rglob("*") if file.suffix in {".pkl", ".pickle", ".joblib", ".skops"}]


def test_an_older_version_can_be_trained_from(world: World, trained: Record, tmp_path: Path):
    copy = worlds.make(tmp_path)
    copy.with_data()
    write_data(copy.env(), copy.model, copy.model.data.read("wine").head(150), "wine")
    assert train(copy.env(), copy.model, version=0).subject == trained.subject
    assert train(copy.env(), copy.model).details["version"] == 1


def test_a_search_is_repeatable_and_does_not_look_at_the_validation_fold(world: World):
    contract, seen = world.model.contract, list[str]()
    _, frame = read_data(world.env(), contract, 0)
    held_back = split(frame[contract.entity], contract.folds)
    hidden = frame.assign(**{contract.target: frame[contract.target].mask(held_back, "class_0")})
    searched = [
        search_parameters(world.model, rows, world.model.estimator.PARAMETERS, number=2, seed=0, report=seen.append)
        for rows in (frame, hidden)
    ]
    assert searched[0] == searched[1]
    assert seen[:2] == seen[2:]
    assert seen[1].startswith("search 2 of 2: accuracy")


def test_only_the_head_of_a_chain_trains(world: World):
    with pytest.raises(InvalidInput, match="mlops train` in local-staging.*Use --env local-dev, then promote"):
        train(world.env("local-staging"), world.model)


def test_an_unknown_parameter_is_refused_with_the_known_ones(world: World):
    with pytest.raises(InvalidInput, match="'depth' is no parameter of wine; it has: learning_rate"):
        train(world.env(), world.model, parameters={"depth": 3})


def test_a_value_that_the_estimator_refuses_is_named_with_its_error(world: World):
    with pytest.raises(InvalidInput, match="fitting with .*'n_estimators': -5.*failed"):
        train(world.env(), world.model, parameters={"n_estimators": -5})


def test_a_fold_without_a_class_is_refused(tmp_path: Path):
    world = worlds.make(tmp_path)
    rows = world.model.data.read("wine")
    write_data(world.env(), world.model, rows[rows["cultivar"] != "class_2"], "wine")
    with pytest.raises(InvalidInput, match="training fold .*no row of class 'class_2'.*Bring more data"):
        train(world.env(), world.model)


def test_training_starts_no_second_thread(world: World, trained: Record):
    estimator = on_one_job(world.model.estimator.build(world.model.estimator.PARAMETERS, 0))
    assert estimator.get_params()["trees__n_jobs"] == 1


def test_the_stored_graph_gives_the_metrics_of_the_record(world: World, trained: Record):
    contract = world.model.contract
    _, frame = read_data(world.env(), contract, 0)
    held_back = frame[split(frame[contract.entity], contract.folds)]
    scores = Graph(world.env().release(trained.subject)).score(columns(contract, held_back))
    found = measure(world.model, truth(contract, held_back), main_score(contract, scores), held_back)
    assert found == pytest.approx(trained.details["metrics"])


def test_parameters_on_the_command_line_are_json_where_they_can_be():
    given = parse_parameters(("depth=3", "rate=0.1", "kind=fast", "on=true"))
    assert given == {"depth": 3, "rate": 0.1, "kind": "fast", "on": True}


def test_a_parameter_without_a_value_is_refused_with_an_example():
    with pytest.raises(InvalidInput, match=r"there is no '='. Write it like learning_rate=0\.1"):
        parse_parameters(("depth",))
