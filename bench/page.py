"""How does a result read? `docs/bench.md`, which the README quotes."""

from bench.result import MLFLOW_ONNX, MLFLOW_SKLEARN, QUIET, THROUGHPUT_TARGET, Measured, Ratio, Result

INTRODUCTION = (
    "Written by `make bench`; the numbers are in `bench/result.json`. Ratios first: absolute numbers are those of one "
    "machine."
)
ABOUT = {
    MLFLOW_SKLEARN: "the fitted pipeline, as `mlflow.sklearn` logs it",
    MLFLOW_ONNX: "the very graph that this server runs, as `mlflow.onnx` logs it",
}


def page(result: Result) -> str:
    """The page, in Markdown."""
    lines = [
        "# The model server beside MLflow's own",
        "",
        INTRODUCTION,
        "",
        "| Beside | Throughput | 99th percentile ÷ its median | Its processor time for an answer |",
        "| --- | --- | --- | --- |",
        *(ratio_row(name, ratio) for name, ratio in result.ratios.items()),
        "",
        *(verdict(name, ratio) for name, ratio in result.ratios.items()),
        "",
        "| Server | Answers per second | Median | 99th percentile | Processor time for an answer | Answers | Failed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(server_row(name, server) for name, server in result.servers.items()),
        "",
        method(result),
        "",
        place(result),
    ]
    return "\n".join(lines) + "\n"


def method(result: Result) -> str:
    """How it was measured."""
    return (
        f"Model `{result.model}`, release `{result.release[:12]}`. {result.connections} connections, each with one "
        f"request of one row under way; {result.rounds} rounds in which every server is measured in turn for "
        f"{result.seconds:g} s, medians of the rounds. All get the same bytes, and their answers were compared first. "
        "Every server has one process and its own defaults; the client shares the machine. The prediction log was on: "
        f"it held {result.logged} predictions at the end, none missing."
    )


def place(result: Result) -> str:
    """Where it was measured, and when."""
    machine = result.machine
    versions = ", ".join(f"{name} {version}" for name, version in sorted(machine.versions.items()))
    used = f"other programs used {machine.others:.0%} of it meanwhile"
    if machine.others > QUIET:
        used = f"**not quiet: {used}**, which costs the faster server most"
    return f"{result.at} · {machine.processor}, {machine.cores} cores, {machine.system}; {used} · {versions}"


def ratio_row(name: str, ratio: Ratio) -> str:
    """One row of the first table."""
    return (
        f"| {name}: {ABOUT.get(name, name)} | {ratio.throughput:.0f} × "
        f"| {ratio.p99_to_median:.2f} | {ratio.cpu:.0f} × |"
    )


def server_row(name: str, server: Measured) -> str:
    """One row of the second table."""
    return (
        f"| {name} | {server.throughput:.0f} | {server.p50_ms:.2f} ms | {server.p99_ms:.2f} ms "
        f"| {server.cpu_ms:.3f} ms | {server.answers} | {server.failed} |"
    )


def verdict(name: str, ratio: Ratio) -> str:
    """Whether the targets are met beside this server."""
    return (
        f"- {name}: at least {THROUGHPUT_TARGET:.0f} times its throughput is "
        f"{met(ratio.throughput >= THROUGHPUT_TARGET)}, 99th percentile below its median is "
        f"{met(ratio.p99_to_median < 1)}."
    )


def met(reached: bool) -> str:
    """The word for it."""
    return "reached" if reached else "**not reached**"
