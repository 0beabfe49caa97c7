"""`mislabel corrupt`, `methods` and `bench`: which methods there are, and what each makes of known errors."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from mislabel.cli import interrupts
from mislabel.cli.exit_codes import errors, notes, say
from mislabel.cli.options import BENCH, Data, Json, takes, takes_inputs
from mislabel.errors import InputError
from mislabel.settings import Declaration, declarations


@takes_inputs("For idn.")
def corrupt(
    data: Data,
    kind: Annotated[
        str, typer.Option(help="sym, asym (along a map of classes), idn (depends on the input), matrix, or IDO's str.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    rate: Annotated[float | None, typer.Option(help="Share of labels to make wrong; matrix has its own.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the true labels; folders name their own.")] = None,
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
    **inputs: str | None,
) -> None:
    """Plant known errors in labels, to see what a method makes of them.

    Writes the table with a new column, and OUTPUT.noise.json with the realised rate and transition matrix.

    Example: mislabel corrupt gold.csv --label label --text text --kind idn --rate 0.4 -o noisy.csv
    """
    with errors():
        from mislabel.files import write_json
        from mislabel.tables import check_output, write_table
        from mislabel.tables.formulas import note

        check_output(output)

        from mislabel.noise.planting import corrupt_source

        frame, planted = corrupt_source(
            data,
            inputs=inputs,
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
        changed = write_table(frame, output)
        notes([*frame.attrs.get("notes", []), *([note(changed)] if changed else [])])
        write_json(Path(f"{output}.noise.json"), planted, default=str)
        say(
            as_json,
            {**planted, "output": str(output)},
            f"{planted['flipped']} of {planted['changeable']} labels changed (rate {planted['realised_rate']:.4f}, "
            f"{planted['kind']}, {planted['convention']}), column {column} in {output}",
        )


def methods(
    name: Annotated[str | None, typer.Argument(help="List the options of this method.", metavar="[NAME]")] = None,
    scores: Annotated[bool, typer.Option("--scores", help="List what `--score` takes instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the methods by what the labels look like, with paper, cost and when to use them; or the options of one.

    Methods of other packages are among them; one that cannot be used is told on stderr.

    Example: mislabel methods ido
    """
    with errors():
        if name is not None:
            from mislabel.methods import method_entry

            known = declarations(method_entry(name).make)
            say(as_json, {option: each.plain() for option, each in known.items()}, option_lines(known))
            return
        from mislabel.methods import METHODS
        from mislabel.posterior.detection import SCORES

        listed: dict[str, dict[str, Any]] = {}
        if scores:
            listed = {
                key: {"paper": each.paper, "when": each.when, "needs": each.needs} for key, each in SCORES.items()
            }
        for key in () if scores else METHODS:
            try:
                each = METHODS[key]
                about = {"paper": each.paper, "cost": each.describe_cost(), "when": each.when, "group": each.group}
                listed[key] = about
            except InputError as error:
                notes([str(error)])
        say(as_json, listed, entry_lines(listed) if scores else grouped_lines(listed))


def grouped_lines(listed: dict[str, dict[str, Any]]) -> list[str]:
    """The lines of methods, under a heading for each group that has one."""
    from mislabel.methods.registry import GROUPS

    width, lines = max(map(len, listed)), list[str]()
    for group, heading in GROUPS.items():
        if members := {key: about for key, about in listed.items() if about["group"] == group}:
            lines += [*([""] if lines else []), f"{heading}:", *entry_lines(members, width)]
    return lines


def entry_lines(listed: dict[str, dict[str, Any]], width: int = 0) -> list[str]:
    """Two lines for each name, which take `width` characters at least."""
    width, lines = max(width, *map(len, listed)), list[str]()
    for key, about in listed.items():
        cost = f"{about['cost']:12} " if "cost" in about else ""
        lines += [f"{key:{width}} {cost}{about['when']}", f"{'':{width + len(cost)}} {about['paper']}"]
    return lines


def option_lines(known: dict[str, Declaration]) -> list[str]:
    """The options of a method, each with its values, its default and what it does."""
    width = max(map(len, known))
    lines = []
    for name, declaration in known.items():
        lines.append(f"{name:{width}} {declaration.allowed}  [default: {declaration.shown_default}]")
        if declaration.setting.help:
            lines.append(f"{'':{width}} {declaration.setting.help}")
    return lines


@takes(BENCH)
def bench(**given: Any) -> None:
    """Methods side by side on many data sets: what each costs and brings, in one table.

    Suites that ship: quick, text-synthetic, text-real, image-real; or a .toml file of your own. A bench that was
    stopped goes on with the same command; cells that failed are tried again, and while there are some it exits with 1.

    Example: mislabel bench text-synthetic --methods ce,ido,dygen --seeds 3 --data-dir DATA --out runs/bench
    """
    with errors():
        from mislabel.files import check_writable
        from mislabel.run.folder import check_folder

        check_folder(given["out"])
        if given["results"]:
            check_writable(given["results"])

        from mislabel.bench.results import write_results
        from mislabel.bench.runner import run_bench
        from mislabel.bench.suites import read_suite
        from mislabel.training.progress import Terminal

        over = ("tune", "balance", "noise_stability", "device")
        suite = read_suite(given["suite"]).with_run(**{name: given[name] for name in over})
        names = {name: given[name].split(",") if given[name] else None for name in ("methods", "data")}
        wanted = {name: given[name] for name in ("seeds", "data_dir", "jobs", "backend", "address", "keep_models")}
        command = shlex.join(["mislabel", *sys.argv[1:]])
        with interrupts.going_on(lambda: f"every finished cell is safe; go on with: {command}"):
            outcome = run_bench(suite, given["out"], **names, **wanted, command=command, progress=Terminal())
        if given["results"]:
            write_results(suite, outcome, given["out"], given["results"])
        table = (given["out"] / "table.md").read_text(encoding="utf-8").split("\n\n")[0]
        lines = [*table.split("\n"), "", f"{len(outcome.failed)} cells failed; all tables: {given['out'] / 'table.md'}"]
        say(given["as_json"], {"out": str(given["out"]), "cells": outcome.lines}, lines)
        if outcome.failed:
            raise typer.Exit(1)
