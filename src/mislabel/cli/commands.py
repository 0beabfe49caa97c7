"""All commands in one typer application."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mislabel import __version__
from mislabel.cli.ask_commands import ask
from mislabel.cli.bench_commands import bench, corrupt, methods
from mislabel.cli.exit_codes import notes
from mislabel.cli.review_commands import export, import_decisions, review
from mislabel.cli.run_commands import predict, push, report
from mislabel.cli.train_commands import audit, train
from mislabel.modalities import unusable_modalities
from mislabel.terminal import one_line


class Commands(TyperGroup):
    """Commands whose usage errors, which repeat what was typed, show hidden characters by their numbers."""

    def make_context(self, *words: Any, **named: Any) -> Any:
        return _shown(super().make_context, *words, **named)

    def invoke(self, *words: Any, **named: Any) -> Any:
        return _shown(super().invoke, *words, **named)


def _shown(action: Any, *words: Any, **named: Any) -> Any:
    try:
        return action(*words, **named)
    except Exception as error:
        if hasattr(error, "format_message"):
            for name, value in vars(error).items():
                if isinstance(value, str):
                    setattr(error, name, one_line(value))
        raise


app: typer.Typer = typer.Typer(
    name="mislabel",
    cls=Commands,
    help="Train on the labels you have; get a model that is not fooled, and the list of the wrong ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mislabel {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_say_version)
]


@app.callback()
def note_unusable(version: Version = False) -> None:
    """Say which modality of another package is missing from the options, and why."""
    notes(unusable_modalities().values())


# In the order of the help.
for command in (train, audit, predict, report, review, export, import_decisions, ask, push, corrupt, methods, bench):
    app.command()(command)
