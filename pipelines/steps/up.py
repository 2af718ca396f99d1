"""How does a declaration become real? Pulumi makes it so; then it is asked whether it is."""

from collections.abc import Callable, Sequence

import click

from environments.location import Deployed
from pipelines.attestation import DEPLOYMENT, attest, newest, reference
from pipelines.engine import Project
from pipelines.environment import Environment, open_environment
from pipelines.errors import NotReady, ToolFailed
from pipelines.options import environment_option, json_option, progress, root, show
from pipelines.record import Record, keep
from pipelines.steps.data import silent
from serving.release import Schema, schema

PROGRAMS: tuple[Project, ...] = ("platform", "endpoint")
ALIASES = {"stable": "champion", "candidate": "challenger"}


def up(env: Environment, programs: Sequence[Project] = PROGRAMS, *, report: Callable[[str], None] = silent) -> Record:
    """Run the environment's Pulumi programs, test what runs, attest it, and let MLflow's aliases follow.

    Raises ToolFailed when a program fails or what runs is not what is declared; IntegrityError on changed bytes.
    """
    from pipelines import smoke
    from pipelines.engine import pulumi

    for program in programs:
        report(f"pulumi up of {program} in {env.name}")
        pulumi(env.root, program, env.name, "up", "--yes", "--skip-preview")
    if "endpoint" not in programs:
        text = f"{env.name}: {', '.join(programs)} is up"
        return keep(env, step="up", verdict="deployed", summary=text, programs=list(programs))
    running, model = env.deployed(), None
    refuse_other(env, running)
    if running.stable is not None:
        model = schema(env.release(running.stable.release))
    report("asking what was deployed")
    proven = smoke.prove(running, model.name if model else None)
    attested: list[str] = []
    if model is not None:
        attested = attest_deployment(env, running, model)
        move_aliases(env, running, model, report)
    tracks = releases(running)
    return keep(
        env, step="up", verdict="deployed", subject=tracks.get("stable", ""),
        summary=f"{env.name} is up at {running.gateway}: {', '.join(proven)}",
        programs=list(programs), step_id=running.step, releases=tracks, proven=proven, gateway=running.gateway,
        attested=reference(env.store, *attested),
    )  # fmt: skip


def releases(running: Deployed) -> dict[str, str]:
    """The digests that run, by track."""
    tracks = {"stable": running.stable, "candidate": running.candidate}
    return {name: track.release for name, track in tracks.items() if track is not None}


def refuse_other(env: Environment, running: Deployed) -> None:
    """What runs has to be what the endpoint's file declares; another program may have run in between."""
    declared = env.endpoint()
    if running.step != declared.step():
        raise ToolFailed(
            f"{env.name} runs step {running.step}, its file declares {declared.step()}. The file changed while "
            f"`pulumi up` ran, or endpoint was left out. Run `mlops up --env {env.name}` again."
        )


def attest_deployment(env: Environment, running: Deployed, model: Schema) -> list[str]:
    """State where each release runs, unless the newest statement says so already; the new statements' keys."""
    made: list[str] = []
    for track, digest in releases(running).items():
        predicate = {"environment": env.name, "track": track, "step": running.step}
        if newest(env.store, digest, DEPLOYMENT) != predicate:
            made.append(attest(env.store, digest, name=model.name, predicate_type=DEPLOYMENT, predicate=predicate))
    return made


def move_aliases(env: Environment, running: Deployed, model: Schema, report: Callable[[str], None]) -> None:
    """MLflow's aliases say what runs; nothing reads them to deploy, so that a release it does not know is only told."""
    from pipelines.tracking import delete_alias, set_alias

    tracks = releases(running)
    for track, alias in ALIASES.items():
        if track not in tracks:
            delete_alias(env, model, alias)
            continue
        try:
            set_alias(env, model, alias, tracks[track])
        except NotReady as problem:
            report(f"alias {alias} stays where it is: {problem}")


@click.command(
    "up",
    help="Run an environment's Pulumi programs in order (each is plain `pulumi up`, too), then ask through the gateway "
    "whether the declared releases answer.",
    epilog="Example: mlops up --env local-dev\n\nExit codes: 0 done, 6 bytes changed, 7 no engine, 8 a program failed.",
)
@environment_option()
@click.option(
    "--program", "programs", multiple=True, type=click.Choice(PROGRAMS), help="Only this program; may be given again."
)
@json_option
def command(env: str, programs: tuple[Project, ...], as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    record = up(open_environment(root(), env), programs or PROGRAMS, report=progress)
    show(record, as_json)
