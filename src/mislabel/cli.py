"""The commands: parse, call, print. What they do lives in the rooms."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from mislabel.backbones import DEFAULT_ENCODER
from mislabel.errors import InputError, NotAssessed, RunError

app = typer.Typer(
    name="mislabel",
    help="Train on the labels you have; get a model that is not fooled, and the list of the wrong ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Data = Annotated[str, typer.Argument(help="CSV, TSV, JSON lines or Parquet file, or hf:NAME[:SPLIT].", metavar="DATA")]
Text = Annotated[str, typer.Option(help="Column of the texts.")]
Label = Annotated[str, typer.Option(help="Column of the given labels, right or wrong.")]
Gold = Annotated[str | None, typer.Option(help="Column of true labels where known; they only score.")]
Id = Annotated[str | None, typer.Option(help="Column that names the rows; 0, 1, 2, … without it.")]
Split = Annotated[str | None, typer.Option(help="Column that says train, valid or test; all rows train without it.")]
Holdout = Annotated[float, typer.Option(help="Share of rows to hold out as test, where there is no split column.")]
Missing = Annotated[str, typer.Option(help="Rows without a label: error, drop or unlabeled.")]
MethodName = Annotated[str, typer.Option("--method", help="One of `mislabel methods`.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", help="Option of the method, as name=value; may be repeated.")
]
Backbone = Annotated[str, typer.Option(help="Hugging Face encoder: hub name or folder.")]
MaxLength = Annotated[int, typer.Option(help="Tokens kept per text, from its start.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows per step.  [default: 32, less for under 1,280 rows]")]
Accumulate = Annotated[int, typer.Option(help="Split each step into this many passes: less memory, same result.")]
LearningRate = Annotated[float | None, typer.Option(help="Peak learning rate.  [default: 3e-5, head 1e-3]")]
Precision = Annotated[str, typer.Option(help="auto, bf16 or fp32.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int, typer.Option(help="Of training.")]
BranchKind = Annotated[str | None, typer.Option("--branches", help="dygen: networks, or heads on one network.")]
TrajectoryDim = Annotated[int | None, typer.Option(help="dygen: project trajectories to so many dimensions.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")]
NoContent = Annotated[bool, typer.Option("--no-content", help="Keep texts out of the run folder and the report.")]
KeepCheckpoints = Annotated[bool, typer.Option("--keep-checkpoints", help="Keep what --resume needs.")]


@app.command()
def train(
    data: Data,
    text: Text,
    label: Label,
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    gold: Gold = None,
    id: Id = None,
    split: Split = None,
    holdout: Holdout = 0.0,
    missing: Missing = "error",
    method: MethodName = "ido",
    option: Options = None,
    branches: BranchKind = None,
    trajectory_dim: TrajectoryDim = None,
    tune: Annotated[str, typer.Option(help="full: the whole encoder; head: a head on frozen embeddings.")] = "full",
    backbone: Backbone = DEFAULT_ENCODER,
    max_length: MaxLength = 128,
    batch_size: BatchSize = None,
    accumulate: Accumulate = 1,
    learning_rate: LearningRate = None,
    precision: Precision = "auto",
    device: Device = "auto",
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
    no_content: NoContent = False,
    keep_checkpoints: KeepCheckpoints = False,
    as_json: Json = False,
) -> None:
    """Fine-tune a classifier on noisy labels and audit them.

    Example: mislabel train messages.csv --text text --label label --out runs/messages
    """
    _train(locals())


@app.command()
def audit(
    data: Data,
    text: Text,
    label: Label,
    out: Annotated[Path | None, typer.Option(help="Run folder to write; nothing is written without it.")] = None,
    gold: Gold = None,
    id: Id = None,
    split: Split = None,
    holdout: Holdout = 0.0,
    missing: Missing = "error",
    method: MethodName = "ido",
    option: Options = None,
    branches: BranchKind = None,
    trajectory_dim: TrajectoryDim = None,
    backbone: Backbone = DEFAULT_ENCODER,
    max_length: MaxLength = 128,
    batch_size: BatchSize = None,
    accumulate: Accumulate = 1,
    learning_rate: LearningRate = None,
    precision: Precision = "auto",
    device: Device = "auto",
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
    no_content: NoContent = False,
    as_json: Json = False,
) -> None:
    """List the labels that look wrong, the cheap way: a small head on frozen embeddings.

    Example: mislabel audit messages.csv --text text --label label --out runs/audit
    """
    _train({**locals(), "tune": "head", "keep_checkpoints": False})


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Run folder of `mislabel train` or `audit`.", metavar="RUN")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .csv, .tsv, .jsonl or .parquet.")],
    text: Annotated[str | None, typer.Option(help="Column of the texts; that of the training data without it.")] = None,
    id: Id = None,
    by: Annotated[
        str, typer.Option(help="model: RUN/model; trajectory: dygen's generative model, with every epoch's weights.")
    ] = "model",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Predict labels for new texts.

    Example: mislabel predict runs/messages new.csv -o predictions.csv
    """
    with _errors():
        from mislabel.run.folder import RunFolder
        from mislabel.run.predict import predict_table
        from mislabel.training.progress import Terminal

        rows = predict_table(RunFolder(run), data, output, text=text, id=id, device=device, by=by, progress=Terminal())
        _say(as_json, {"rows": rows, "output": str(output)}, f"{rows} predictions in {output}")


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN")],
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
def corrupt(
    data: Data,
    label: Annotated[str, typer.Option(help="Column of the true labels.")],
    kind: Annotated[str, typer.Option(help="sym, asym (next class) or idn (depends on the text).")],
    rate: Annotated[float, typer.Option(help="Share of labels to make wrong.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    text: Annotated[str | None, typer.Option(help="Column of the texts; idn needs it.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Column that says train, valid or test; test keeps its labels.")
    ] = None,
    column: Annotated[str, typer.Option(help="Name of the new column.")] = "noisy_label",
    seed: Annotated[int, typer.Option(help="Of the noise; training has its own.")] = 0,
    convention: Annotated[
        str, typer.Option(help="sym only: transition (never the own class) or replace_incl_own.")
    ] = "transition",
    exact: Annotated[bool, typer.Option("--exact", help="Exactly rate x rows wrong, not each row by chance.")] = False,
    as_json: Json = False,
) -> None:
    """Plant known errors in labels, to see what a method makes of them.

    Writes the table with a new column, and OUTPUT.noise.json with the realised rate and transition matrix.

    Example: mislabel corrupt gold.csv --label label --text text --kind idn --rate 0.4 -o noisy.csv
    """
    with _errors():
        from mislabel.data import corrupt_table, read_table, write_table
        from mislabel.files import atomic_write

        table = read_table(data, strings=[text] if text else [], lossless=[label])
        frame, planted = corrupt_table(
            table,
            label=label,
            text=text,
            kind=cast(Any, kind),  # checked there
            rate=rate,
            seed=seed,
            split=split,
            column=column,
            exact=exact,
            convention=cast(Any, convention),
        )
        write_table(frame, output)
        atomic_write(Path(f"{output}.noise.json"), json.dumps(planted, indent=1, ensure_ascii=False, default=str))
        _say(
            as_json,
            {**planted, "output": str(output)},
            f"{planted['flipped']} of {planted['changeable']} labels changed (rate {planted['realised_rate']:.4f}, "
            f"asked {rate}, {planted['kind']}, {planted['convention']}), column {column} in {output}",
        )


@app.command()
def methods(as_json: Json = False) -> None:
    """List the methods, with paper, cost and when to use them.

    Example: mislabel methods
    """
    with _errors():
        from mislabel.methods import METHODS

        if as_json:
            print(json.dumps({name: vars(entry) | {"make": None} for name, entry in METHODS.items()}, indent=1))
            return
        for name, entry in METHODS.items():
            print(f"{name:6} {entry.cost:10} {entry.when}\n{'':17} {entry.paper}")


def _train(given: dict[str, Any]) -> None:
    with _errors():
        from mislabel.data import load_dataset
        from mislabel.run.about import describe
        from mislabel.run.config import RunConfig
        from mislabel.run.folder import RunFolder
        from mislabel.run.job import run
        from mislabel.run.saved import load_audit
        from mislabel.training.device import leave_processes
        from mislabel.training.progress import Quiet, Terminal

        columns = {name: given[name] for name in ("text", "label", "gold", "id", "split")}
        dataset = load_dataset(
            given["data"], **columns, missing=given["missing"], holdout=given["holdout"], seed=given["seed"]
        )
        settings = ("method", "backbone", "tune", "max_length", "batch_size", "accumulate", "learning_rate",
                    "precision", "device", "seed")  # fmt: skip
        config = RunConfig(**{name: given[name] for name in settings}, options=_options(given))
        folder = RunFolder(given["out"]) if given["out"] else None
        main = os.environ.get("RANK", "0") == "0"
        progress = Terminal() if main else Quiet()
        with folder.locked() if folder and main else nullcontext(), _interruptible(folder) as interrupted:
            if folder and main:
                folder.prepare(describe(config, dataset, columns), resume=given["resume"], overwrite=given["overwrite"])
            if folder and given["resume"] and folder.finished:
                progress.line(f"{folder.path} is finished: nothing to continue")
                found = load_audit(folder)
            else:
                found = run(
                    dataset, config, folder, resume=given["resume"], content=not given["no_content"],
                    keep_checkpoints=given["keep_checkpoints"], progress=progress, interrupted=interrupted,
                ).audit  # fmt: skip
            leave_processes()
            if not main:
                return
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
    """Those with a name of their own, and name=value pairs; a value is read as JSON where it is, else as text."""
    options = {name: given[name] for name in ("branches", "trajectory_dim") if given[name] is not None}
    for pair in given["option"] or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--option {pair!r} is not of the form name=value")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


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
