"""The commands: parse, call, print. What they do lives in the rooms."""

import os
import sys
from io import TextIOWrapper

import typer

from mislabel.cli.bench_commands import bench, corrupt, methods
from mislabel.cli.review_commands import export, import_decisions, review
from mislabel.cli.run_commands import predict, report
from mislabel.cli.train_commands import audit, train
from mislabel.modalities import unusable_modalities

app = typer.Typer(
    name="mislabel",
    help="Train on the labels you have; get a model that is not fooled, and the list of the wrong ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def note_unusable() -> None:
    """Say which modality of another package is missing from the options, and why."""
    for why in unusable_modalities().values():
        print(f"note: {why}", file=sys.stderr)


# In the order of the help.
for command in (train, audit, predict, report, review, export, import_decisions, corrupt, methods, bench):
    app.command()(command)


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
