"""`mislabel review`, `export` and `import-decisions`: a person decides."""

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mislabel.cli import interrupts
from mislabel.cli.exit_codes import errors, finished_run, notes, say
from mislabel.cli.options import DataNow, Json, Run
from mislabel.errors import some_ids
from mislabel.exchange.targets import targets
from mislabel.terminal import answer, tell


def review(
    run: Run,
    order: Annotated[
        str,
        typer.Option(
            help="worst, gain, pair, stability (texts and images), random, trust: rows that teach --decisions most, "
            "or differ: those on which two reviewers do."
        ),
    ] = "worst",
    budget: Annotated[int | None, typer.Option(help="How many rows to plan; gain makes the most of them.")] = None,
    probe: Annotated[
        float, typer.Option(help="Share of rows that chance chooses, to estimate how many labels are wrong.")
    ] = 0.0,
    reviewer: Annotated[str | None, typer.Option(help="Your name, stored with each decision; none without it.")] = None,
    shared: Annotated[
        float | None,
        typer.Option(
            help="Share of rows that every reviewer decides, none seeing what others said; the first one holds."
        ),
    ] = None,
    static: Annotated[
        Path | None,
        typer.Option(
            help="Write the rows to look at, 200 or --budget, into this one .html file for somebody without Python; "
            "serve nothing."
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Let others in: the one name or number by which they reach this machine. Without it nobody else can."
        ),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate for --host, a PEM file.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Key of --tls-cert, a PEM file without a password.")] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Folder or Parquet file that the images lie in: originals are shown from there and nowhere else.",
            metavar="PATH",
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
) -> None:
    """Open a page on which a person decides, row by row. Every decision is on disk at once; Ctrl-C ends it.

    Example: mislabel review runs/messages --probe 0.1
    """
    with errors():
        from mislabel.review.serve import serve
        from mislabel.training.progress import Terminal

        looks = {"order": order, "budget": budget, "probe": probe, "reviewer": reviewer, "shared": shared}
        if static is not None:
            return _write_file(run, static, looks)
        again = shlex.join(["mislabel", *sys.argv[1:]])
        with interrupts.going_on(lambda: f"every decision is safe; go on with: {again}"):
            serve(
                finished_run(run), **looks, images=images, host=host, tls_cert=tls_cert, tls_key=tls_key, port=port,
                browser=not no_browser, progress=Terminal(), say=answer, serving=interrupts.ended_elsewhere(),
            )  # fmt: skip


def _write_file(run: Path, path: Path, looks: dict[str, Any]) -> None:
    from mislabel.review.one_file import write_review_file
    from mislabel.training.progress import Terminal

    count = write_review_file(finished_run(run), path, **looks, progress=Terminal())
    tell(f"note: {path} contains the data of {count} rows: share it as you would share them")
    answer(
        [
            f"{count} rows to look at in {path}: whoever opens it in a browser decides there, and sends a file back",
            f"take it with: mislabel import-decisions {shlex.quote(str(run))} FILE",
        ]
    )


def export(
    run: Run,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File: .csv, .tsv, .jsonl, .parquet, .xlsx, or .json.")
    ],
    kind: Annotated[str, typer.Option("--as", help="; ".join(map(": ".join, targets().items())) + ".")] = "table",
    data: DataNow = None,
    take_suggestions: Annotated[
        float | None,
        typer.Option(help="Take the suggestion for undecided rows that are at least this likely wrong, 0 to 1."),
    ] = None,
    reviewers: Annotated[
        bool, typer.Option("--reviewers", help="Tell who decided each row, though there are not two names.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Take suggestions though no random rows were checked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the data with the labels that a person decided, and the columns label_before and decided_by.

    Example: mislabel export runs/messages -o corrected.csv
    """
    with errors():
        from mislabel.exchange.export import export as write
        from mislabel.run.kept_inputs import BY_PLACE_ALONE
        from mislabel.tables.formulas import note

        taken = {"take_suggestions": take_suggestions, "unchecked": unchecked, "reviewers": reviewers}
        result = write(finished_run(run), output, kind=kind, data=data, **taken)
        lines = [
            f"{result['rows']} rows in {output}: {result['person']} decided by a person, {result['suggestion']} by a "
            f"suggestion, {result['kept']} kept; {result['changed']} labels changed"
        ]
        if result["suggestion"]:
            lines.append(_suggestions_taken(result["suggestion"], result["expected_wrong"]))
        if result["formulas"]:
            lines.append(note(result["formulas"]))
        if result.get("by_place_alone"):
            tell(BY_PLACE_ALONE)
        say(as_json, result, lines)


def _suggestions_taken(taken: int, wrong: float | None) -> str:
    if wrong is None:
        return "how many of the suggestions taken are wrong is not known: no random rows were checked"
    return f"of the {taken} suggestions taken about {wrong:.0f} are expected to be wrong"


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
    with errors():
        from mislabel.exchange.importing import import_decisions as take
        from mislabel.run.kept_inputs import BY_PLACE_ALONE

        imported = take(finished_run(run), file, data=data)
        lines = [
            f"{imported.imported} decisions taken from {file}, {imported.unchanged} known already, {imported.skipped} "
            f"lines without one, {len(imported.refused)} refused"
        ]
        if imported.replaced:
            lines.append(
                f"{imported.replaced} of them took the place of another decision, as of an older file: rows "
                f"{some_ids(imported.replaced_ids)}; one undo (U on the page) brings those back"
            )
        notes(imported.notes)
        if imported.by_place_alone:
            tell(BY_PLACE_ALONE)
        for line in imported.refused if not as_json else ():
            tell(f"line {line['line']}, id {line['id']}: {line['reason']}")
        say(as_json, asdict(imported), lines)
        if imported.refused:
            raise typer.Exit(2)
