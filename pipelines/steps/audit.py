"""Do ledger, records, attestations, releases and Git's history tell one story, and who vouches for it?"""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from pipelines import attestation, git, ledger
from pipelines.environment import Environment, open_environment
from pipelines.errors import IntegrityError, MlopsError
from pipelines.options import environment_option, json_option, progress, root, show
from pipelines.record import Record, history
from pipelines.steps.data import silent
from pipelines.store import RELEASES, content_digest, get_release, keys, read

DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")
DECLARING = ("promote", "rollout", "rollback")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an audit saw: how many of each kind, what contradicts, and what a reader should know."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    contradictions: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])


def audit(env: Environment, *, report: Callable[[str], None] = silent) -> Record:
    """Check everything that `env` recorded against each other; reads only.

    Raises IntegrityError, listing every contradiction, when there is one.
    """
    record = examine(env, report=report)
    if record.details["contradictions"]:
        raise IntegrityError("\n  ".join([f"{record.summary}:", *record.details["contradictions"]]))
    return record


def examine(env: Environment, *, report: Callable[[str], None] = silent) -> Record:
    """The same, as a record with the verdict intact or contradiction; it is not kept, since nothing was decided."""
    found = Found()
    for check in (chain, records, releases, statements, declared, commits):
        report(f"{env.name}: {check.__name__}")
        try:
            check(env, found)
        except MlopsError as problem:
            found.contradictions.append(str(problem))
    contradictions = list(dict.fromkeys(found.contradictions))
    verdict, summary = "contradiction", f"{env.name}: {len(contradictions)} contradictions"
    if not contradictions:
        verdict = "intact"
        summary = f"{env.name} is intact: {', '.join(f'{count} {name}' for name, count in found.counts.items())}"
    return Record(
        step="audit", environment=env.name, at=env.now(), verdict=verdict, summary=summary,
        details={"counts": found.counts, "contradictions": contradictions, "notes": found.notes},
    )  # fmt: skip


def chain(env: Environment, found: Found) -> None:
    """Every ledger entry is there, and is the one that the next names."""
    found.counts["ledger entries"] = len(ledger.entries(env.store))


def records(env: Environment, found: Found) -> None:
    """Every record is the one that was chained."""
    found.counts["records"] = len(history(env))


def releases(env: Environment, found: Found) -> None:
    """Every stored release has the bytes of its digest."""
    digests = sorted({key.split("/")[1] for key in keys(env.store, f"{RELEASES}/")})
    found.counts["releases"] = len(digests)
    with tempfile.TemporaryDirectory(prefix="mlops-audit-") as folder:
        for digest in digests:
            try:
                get_release(env.store, digest, Path(folder))
            except MlopsError as problem:
                found.contradictions.append(str(problem))


def statements(env: Environment, found: Found) -> None:
    """Every attestation that a record names has its bytes; nobody has signed any of them here."""
    stored = keys(env.store, f"{attestation.PREFIX}/")
    known: dict[str, str] = {}
    for record in history(env):
        known |= record.details.get("attested", {})
    for key, digest in known.items():
        if key not in stored:
            found.contradictions.append(f"{key} is missing; a record says that it had SHA-256 {digest[:12]}.")
        elif (now := content_digest(read(env.store, key))) != digest:
            found.contradictions.append(f"{key} has SHA-256 {now[:12]}, a record says {digest[:12]}: it was changed.")
    found.counts["attestations"] = len(stored)
    if stored:
        found.notes.append(f"origin not proven: none of the {len(stored)} attestations is signed")
    if loose := sorted(set(stored) - set(known)):
        found.notes.append(f"{len(loose)} attestations are named by no record, for example {loose[0]}")


def declared(env: Environment, found: Found) -> None:
    """Every release that the endpoint declares has passed this environment's gates once."""
    endpoint = env.endpoint()
    for role, digest in (("stable", endpoint.stable), ("candidate", endpoint.candidate)):
        if digest is None:
            continue
        judged = attestation.statements(env.store, digest, attestation.GATES)
        if not any(one.predicate["environment"] == env.name and one.predicate["verdict"] == "pass" for one in judged):
            found.contradictions.append(
                f"{env.name} declares {digest[:12]} as {role}, and no attestation says that it passed the gates there. "
                f"Run `mlops validate --env {env.name} {digest[:12]}`, "
                f"or `mlops rollback --env {env.name} --reason WHY`."
            )


def commits(env: Environment, found: Found) -> None:
    """Every commit of the endpoint's file names a head that the ledger had, and the ledger's commits exist."""
    hashes = {ledger.GENESIS, *(digest for _, digest in ledger.entries(env.store))}
    file, seen = env.endpoint_file(), set[str]()
    for revision in git.history(file):
        seen.add(revision.commit)
        said = git.trailers(file.parent, revision.commit)
        if said.get("Environment") != env.name or "Ledger-Head" not in said:
            if not DIGEST.search(revision.content):
                continue  # the template's own commits, before any release
            found.notes.append(f"commit {revision.commit[:12]} changed {file.name} by hand: it names no ledger")
        elif said["Ledger-Head"] not in hashes:
            found.contradictions.append(
                f"commit {revision.commit[:12]} says that the ledger's head was {said['Ledger-Head'][:12]}; "
                f"the ledger of {env.name} never had it: it was rewritten or cut."
            )
    found.counts["commits"] = len(seen)
    if loose := behind(env, file):
        found.notes.append(f"the newest {loose} ledger entries are younger than the newest commit that names a head")
    for record in history(env):
        commit = record.details.get("commit")
        if record.step in DECLARING and commit and commit not in seen:
            found.contradictions.append(
                f"the ledger says that {record.step} made commit {commit[:12]}; Git's history of {file.name} lacks it."
            )


def behind(env: Environment, file: Path) -> int:
    """How many entries no commit holds yet: the chain alone does not show a change of the last one."""
    hashes = [digest for _, digest in ledger.entries(env.store)]
    heads = {git.trailers(file.parent, revision.commit).get("Ledger-Head") for revision in git.history(file)}
    return next((later for later, digest in enumerate(reversed(hashes)) if digest in heads), len(hashes))


@click.command(
    "audit",
    help="Check an environment's ledger, records, attestations and releases, and the commits of its endpoint file, "
    "against each other. It reads only.",
    epilog="Example: mlops audit --env local-prod\n\n"
    "Exit codes: 0 no contradiction, 6 something was changed or is missing.",
)
@environment_option()
@json_option
def command(env: str, as_json: bool) -> None:
    """Show the record; the exit code says whether it is intact."""
    record = examine(open_environment(root(), env), report=progress)
    show(record, as_json, [f"  note: {note}" for note in record.details["notes"]])
    if record.details["contradictions"]:
        raise IntegrityError("\n  ".join([f"{record.summary}:", *record.details["contradictions"]]))
