"""The commands: parse, call, print. What they do lives in the rooms."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from mislabel.cli_options import AUDIT, BENCH, TRAIN, Data, DataNow, Device, Id, Json, OnBad, Run, takes
from mislabel.errors import InputError, NotAssessed, RunError
from mislabel.run.pairs import read_pairs

app = typer.Typer(
    name="mislabel",
    help="Train on the labels you have; get a model that is not fooled, and the list of the wrong ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.command()
@takes(TRAIN)
def train(**given: Any) -> None:
    """Train a classifier on noisy labels and audit them.

    Example: mislabel train messages.csv --text text --label label --out runs/messages
    """
    _train(given)


@app.command()
@takes(AUDIT)
def audit(**given: Any) -> None:
    """List the labels that look wrong, the cheap way: a small head on frozen embeddings, or on the features themselves.

    Example: mislabel audit messages.csv --text text --label label --out runs/audit
    """
    # Random weights have nothing to freeze: with --scratch the whole network trains.
    _train({**given, "tune": "full" if given["scratch"] or given["recipe"] else "head", "keep_checkpoints": False})


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Run folder of `mislabel train` or `audit`.", metavar="RUN")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .csv, .tsv, .jsonl or .parquet.")],
    text: Annotated[str | None, typer.Option(help="Column of texts; as in training without it.")] = None,
    image: Annotated[str | None, typer.Option(help="Column of images; as in training without it.")] = None,
    features: Annotated[str | None, typer.Option(help="Columns, or .npy; as in training without it.")] = None,
    id: Id = None,
    on_bad: OnBad = "error",
    by: Annotated[
        str, typer.Option(help="model: RUN/model; trajectory: the generative model of dygen or npc.")
    ] = "model",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Predict labels for new texts, images or features.

    Example: mislabel predict runs/messages new.csv -o predictions.csv
    """
    with _errors():
        from mislabel.run.folder import RunFolder
        from mislabel.run.predict import predict_table
        from mislabel.training.progress import Terminal

        rows = predict_table(
            RunFolder(run), data, output, text=text, image=image, features=features, id=id, on_bad=cast(Any, on_bad),
            device=device, by=by, progress=Terminal(),
        )  # fmt: skip
        _say(as_json, {"rows": rows, "output": str(output)}, f"{rows} predictions in {output}")


@app.command()
def report(
    run: Run,
    rows: Annotated[int, typer.Option(help="How many of the worst rows to show.")] = 50,
    as_json: Json = False,
) -> None:
    """Write RUN/report.html again.

    Example: mislabel report runs/messages
    """
    with _errors():
        from mislabel.report import write_report
        from mislabel.run.folder import RunFolder

        folder = RunFolder(run)
        folder.read_metrics()
        with folder.locked():
            path = write_report(folder, rows=rows)
        _say(as_json, {"report": str(path)}, f"report: {path}")


@app.command()
def review(
    run: Run,
    order: Annotated[str, typer.Option(help="worst, gain, pair, stability (texts and images) or random.")] = "worst",
    budget: Annotated[int | None, typer.Option(help="Looks to plan; gain makes the most of them.")] = None,
    probe: Annotated[
        float, typer.Option(help="Share of looks at random rows, to estimate how many labels are wrong.")
    ] = 0.0,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
) -> None:
    """Open a page on which a person decides, row by row. Every decision is on disk at once; Ctrl-C ends it.

    Example: mislabel review runs/messages --probe 0.1
    """
    with _errors():
        from mislabel.review.serve import serve
        from mislabel.run.folder import RunFolder
        from mislabel.training.progress import Terminal

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
        looks = {"order": order, "budget": budget, "probe": probe}
        serve(RunFolder(run), **looks, port=port, browser=not no_browser, progress=Terminal())


@app.command()
def export(
    run: Run,
    output: Annotated[Path, typer.Option("--output", "-o", help="File: .csv, .tsv, .jsonl, .parquet, or .json.")],
    kind: Annotated[
        str, typer.Option("--as", help="table; cleanlab: its column names too; label-studio: tasks, as .json.")
    ] = "table",
    data: DataNow = None,
    take_suggestions: Annotated[
        float | None,
        typer.Option(help="Take the suggestion for undecided rows that are at least this likely wrong, 0 to 1."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the data with the labels that a person decided, and the columns label_before and decided_by.

    Example: mislabel export runs/messages -o corrected.csv
    """
    with _errors():
        from mislabel.review.export import export as write
        from mislabel.run.folder import RunFolder

        told = write(RunFolder(run), output, kind=cast(Any, kind), data=data, take_suggestions=take_suggestions)
        said = (
            f"{told['rows']} rows in {output}: {told['person']} decided by a person, {told['suggestion']} by a "
            f"suggestion, {told['kept']} kept; {told['changed']} labels changed"
        )
        _say(as_json, told, said)


@app.command(name="import-decisions")
def import_decisions(
    run: Run,
    file: Annotated[
        Path, typer.Argument(help="What export wrote, reviewed; or any table with id and label.", metavar="FILE")
    ],
    data: DataNow = None,
    as_json: Json = False,
) -> None:
    """Take decisions from a file, line by line; what does not fit is refused with its reason (exit code 2).

    Example: mislabel import-decisions runs/messages reviewed.csv
    """
    with _errors():
        from mislabel.review.importing import import_decisions as take
        from mislabel.run.folder import RunFolder

        found = take(RunFolder(run), file, data=data)
        said = f"{found.imported} decisions taken from {file}, {found.unchanged} known already, {found.skipped} lines "
        said += f"without one, {len(found.refused)} refused"
        for line in found.refused if not as_json else ():
            print(f"line {line['line']}, id {line['id']}: {line['reason']}", file=sys.stderr)
        _say(as_json, asdict(found), said)
        if found.refused:
            raise typer.Exit(2)


@app.command()
def corrupt(
    data: Data,
    kind: Annotated[
        str, typer.Option(help="sym, asym (along a map of classes), idn (depends on the input), matrix, or IDO's str.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    rate: Annotated[float | None, typer.Option(help="Share of labels to make wrong; matrix has its own.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the true labels; folders name their own.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of texts, for idn.")] = None,
    image: Annotated[str | None, typer.Option(help="Column of images, for idn.")] = None,
    features: Annotated[str | None, typer.Option(help="Columns or .npy file of features, for idn.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Column that says train, valid or test; test keeps its labels.")
    ] = None,
    column: Annotated[str, typer.Option(help="Name of the new column.")] = "noisy_label",
    seed: Annotated[int, typer.Option(help="Of the noise; training has its own.")] = 0,
    convention: Annotated[
        str, typer.Option(help="sym only: transition (never the own class) or replace_incl_own.")
    ] = "transition",
    flips: Annotated[str, typer.Option(help="asym only: next, block5, superclass or cifar10.")] = "next",
    superclass: Annotated[str | None, typer.Option(help="Column of coarse labels, for --flips superclass.")] = None,
    transition: Annotated[
        Path | None, typer.Option(help="matrix only: .npy or .csv, P(given | true), classes in sorted order.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="idn only: how strongly the input settles the wrong label.")] = 3.0,
    compat: Annotated[
        str | None,
        typer.Option(help="What a rate means in a published code: raw, dygen, ido, dividemix, sed, npc, m-correction."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Exactly rate x rows wrong, not each row by chance.")] = False,
    as_json: Json = False,
) -> None:
    """Plant known errors in labels, to see what a method makes of them.

    Writes the table with a new column, and OUTPUT.noise.json with the realised rate and transition matrix.

    Example: mislabel corrupt gold.csv --label label --text text --kind idn --rate 0.4 -o noisy.csv
    """
    with _errors():
        from mislabel.data import write_table
        from mislabel.files import atomic_write
        from mislabel.run.corrupting import corrupt_source

        frame, planted = corrupt_source(
            data,
            text=text,
            image=image,
            features=features,
            label=label,
            kind=cast(Any, kind),  # checked there, as the other words are
            rate=rate,
            seed=seed,
            split=split,
            column=column,
            exact=exact,
            convention=cast(Any, convention),
            flips=cast(Any, flips),
            superclass=superclass,
            compat=cast(Any, compat),
            transition=transition,
            temperature=temperature,
        )
        write_table(frame, output)
        atomic_write(Path(f"{output}.noise.json"), json.dumps(planted, indent=1, ensure_ascii=False, default=str))
        _say(
            as_json,
            {**planted, "output": str(output)},
            f"{planted['flipped']} of {planted['changeable']} labels changed (rate {planted['realised_rate']:.4f}, "
            f"{planted['kind']}, {planted['convention']}), column {column} in {output}",
        )


@app.command()
def methods(
    scores: Annotated[bool, typer.Option("--scores", help="List what `--score` takes instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the methods, with paper, cost and when to use them.

    Example: mislabel methods
    """
    with _errors():
        from mislabel.methods import METHODS
        from mislabel.posterior.detection import SCORES

        if scores:
            if as_json:
                listed = {
                    name: {"paper": one.paper, "when": one.when, "needs": one.needs} for name, one in SCORES.items()
                }
                print(json.dumps(listed, indent=1))
            else:
                for name, one in SCORES.items():
                    print(f"{name:20} {one.when}\n{'':20} {one.paper}")
            return
        if as_json:
            listed = {
                name: {"paper": entry.paper, "cost": entry.describe_cost(), "when": entry.when}
                for name, entry in METHODS.items()
            }
            print(json.dumps(listed, indent=1))
            return
        width = max(map(len, METHODS))
        for name, entry in METHODS.items():
            print(f"{name:{width}} {entry.describe_cost():12} {entry.when}\n{'':{width + 13}} {entry.paper}")


@app.command()
@takes(BENCH)
def bench(**given: Any) -> None:
    """Methods side by side on many data sets: what each costs and brings, in one table.

    Suites that ship: quick, text-synthetic, text-real, image-real; or a .toml file of your own. A bench that was
    stopped goes on with the same command; cells that failed are tried again, and while there are some it exits with 1.

    Example: mislabel bench text-synthetic --methods ce,ido,dygen --seeds 3 --data-dir DATA --out runs/bench
    """
    with _errors():
        from mislabel.bench.results import write_results
        from mislabel.bench.runner import run_bench
        from mislabel.bench.suites import read_suite
        from mislabel.training.progress import Terminal

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
        suite = read_suite(given["suite"]).with_run(tune=given["tune"], device=given["device"])
        names = {name: given[name].split(",") if given[name] else None for name in ("methods", "data")}
        wanted = {name: given[name] for name in ("seeds", "data_dir", "jobs", "backend", "address", "keep_models")}
        found = run_bench(suite, given["out"], **names, **wanted, progress=Terminal())
        if given["results"]:
            write_results(suite, found, given["out"], given["results"])
        table = (given["out"] / "table.md").read_text(encoding="utf-8").split("\n\n")[0]
        said = f"{table}\n\n{len(found.failed)} cells failed; all tables: {given['out'] / 'table.md'}"
        _say(given["as_json"], {"out": str(given["out"]), "cells": found.lines}, said)
        if found.failed:
            raise typer.Exit(1)


def _train(given: dict[str, Any]) -> None:
    with _errors():
        from mislabel.data import load_dataset
        from mislabel.review.known import apply_decisions, carry_over
        from mislabel.run.about import describe
        from mislabel.run.config import RunConfig
        from mislabel.run.folder import RunFolder
        from mislabel.run.job import run
        from mislabel.run.saved import load_audit
        from mislabel.training.device import leave_processes
        from mislabel.training.progress import Quiet, Terminal

        columns = {name: given[name] for name in ("text", "image", "features", "label", "gold", "id", "split")}
        checks = {name: given[name] for name in ("missing", "on_bad", "holdout", "seed")}
        dataset = load_dataset(given["data"], **columns, **checks)
        settings = {name: given[name] for name in RunConfig.__dataclass_fields__ if name in given}
        config = RunConfig(**settings, options=_options(given))
        folder = RunFolder(given["out"]) if given["out"] else None
        before, decisions = RunFolder(given["decisions"]) if given["decisions"] else None, None
        if before is not None:
            if folder and folder.path.resolve() == before.path.resolve():
                raise InputError(f"--decisions and --out are the same run, {before.path}: choose another --out")
            dataset, decisions = apply_decisions(dataset, before)
        main = os.environ.get("RANK", "0") == "0"
        progress = Terminal() if main else Quiet()
        with folder.locked() if folder and main else nullcontext(), _interruptible(folder) as interrupted:
            if folder and main:
                about = describe(config, dataset, columns, decisions)
                folder.prepare(about, resume=given["resume"], overwrite=given["overwrite"])
            if folder and given["resume"] and folder.finished:
                progress.line(f"{folder.path} is finished: nothing to continue")
                found = load_audit(folder)
            else:
                found = run(
                    dataset, config, folder, resume=given["resume"], decisions=decisions,
                    content=not given["no_content"], keep_checkpoints=given["keep_checkpoints"],
                    progress=progress, interrupted=interrupted,
                ).audit  # fmt: skip
            leave_processes()
            if not main:
                return
            if before and folder:
                carry_over(before, folder)
            path = None
            if folder:
                from mislabel.report import write_report

                path = write_report(folder)
        if given["as_json"]:
            print(json.dumps({**found.metrics, "out": str(folder.path) if folder else None}, indent=1))
        else:
            from mislabel.run.show import show_result

            show_result(found, dataset, folder, path)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Those with a name of their own, and name=value pairs."""
    named = {name: given[name] for name in ("branches", "trajectory_dim") if given[name] is not None}
    return named | read_pairs(given["option"] or [])


def _say(as_json: bool, plain: dict[str, Any], text: str) -> None:
    print(json.dumps(plain, indent=1, ensure_ascii=False, default=str) if as_json else text)


@contextmanager
def _errors() -> Iterator[None]:
    """Exit codes: 2 where the input is wrong, 130 after Ctrl-C, 1 for anything else."""
    try:
        yield
    except InputError as error:
        word = "not assessed" if isinstance(error, NotAssessed) else "error"
        print(f"{word}: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(130) from None


@contextmanager
def _interruptible(folder: Any) -> Iterator[Callable[[], bool]]:
    """Ctrl-C once ends training after the running step; twice at once."""
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    except KeyboardInterrupt:
        if folder and any(folder.checkpoints.glob("*/state.json")):
            words = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
            print(
                f"\nevery finished epoch is safe; continue with: mislabel {shlex.join(words)} --resume", file=sys.stderr
            )
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def main() -> None:
    """Entry point of the `mislabel` command."""
    # Threads that wait give their core away: beside another heavy process spinning ones cost ten times the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character still gets the rest
    try:
        app()
    except SystemExit as end:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            # Threads of torch's process group can abort Python's own way out, and the launcher then kills the others.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise
