"""The options of the commands, each with its help; those that commands share are listed once."""

from collections.abc import Callable
from copy import copy
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.models import ArgumentInfo

from mislabel.data.plan import Plan
from mislabel.modalities import modality, modality_names
from mislabel.run.settings import RunConfig
from mislabel.settings import declarations

DATA_HELP = (
    "CSV, TSV, JSON, Parquet, Arrow or Excel file; a folder, glob, range or address of shards; "
    "hf:NAME[:CONFIG][:SPLIT]; a folder of class folders of images; or .npy."
)

Run = Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN")]
Data = Annotated[str, typer.Argument(help=DATA_HELP, metavar="DATA")]
Id = Annotated[str | None, typer.Option(help="Column that names the rows; 0, 1, 2, … without it.")]
Split = Annotated[str | None, typer.Option(help="Column that says train, valid or test; all rows train without it.")]
DataNow = Annotated[str | None, typer.Option("--data", help="Where the data are now, if not where the run read them.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

SETTINGS = {**declarations(Plan), **declarations(RunConfig)}


def option_of(name: str, metavar: str | None = None) -> Any:
    """The option that stands for a setting of data or of a run: its help, and the values that it takes."""
    declaration = SETTINGS[name]
    help = declaration.setting.help
    if declaration.setting.default:  # others are shown by typer
        help += f"  [default: {declaration.setting.default}]"
    if declaration.type is bool:
        return typer.Option(f"--{name.replace('_', '-')}", help=help)
    # The values are checked where all settings are, with one wording; here they are only shown.
    return typer.Option(help=help, metavar=metavar or "|".join(declaration.choices) or None)


def from_setting(name: str) -> tuple[Any, Any]:
    """The annotation and the default of the option that stands for a setting of data or of a run."""
    declaration = SETTINGS[name]
    kind = declaration.type | None if declaration.optional else declaration.type
    return Annotated[kind, option_of(name)], declaration.default


def input_option(name: str, addition: str = "") -> Any:
    """The option that says what the input is, for one modality."""
    return Annotated[str | None, typer.Option(help=f"{modality(name).help} {addition}".strip())]


Device = Annotated[str, option_of("device")]
OnBad = Annotated[str, option_of("on_bad")]

# Of `train` and `audit`, in the order of their help: name, annotation, default.
RUN: dict[str, tuple[Any, Any]] = {
    **{name: (input_option(name), None) for name in modality_names()},
    "label": (
        Annotated[str | None, typer.Option(help="Column of the given labels, right or wrong; folders name their own.")],
        None,
    ),
    "sources": (
        Annotated[
            str | None,
            typer.Option(
                help="Columns of what several sources say: 'rule_*,gpt', or one column of lists or soft labels; empty, "
                "null or -1 abstains. Beside --label or in its place."
            ),
        ],
        None,
    ),
    "votes": (
        Annotated[
            str | None,
            typer.Option(
                help="The same as a table of id, source, label; or an export of Label Studio or Argilla.",
                metavar="FILE",
            ),
        ],
        None,
    ),
    "source_kind": from_setting("source_kind"),
    "gold": (Annotated[str | None, typer.Option(help="Column of true labels where known; they only score.")], None),
    "trusted": (
        Annotated[str | None, typer.Option(help="Column of labels that somebody checked, on few rows; they teach.")],
        None,
    ),
    "id": (Id, None),
    "split": (Split, None),
    **{name: from_setting(name) for name in ("holdout", "missing", "on_bad", "missing_values", "join")},
    "method": from_setting("method"),
    "option": (
        Annotated[
            list[str] | None,
            typer.Option("--option", help="name=value, as `mislabel methods NAME` lists them; may be repeated."),
        ],
        None,
    ),
    "branches": (
        Annotated[str | None, typer.Option("--branches", help="dygen: networks, or heads on one network.")],
        None,
    ),
    "trajectory_dim": (
        Annotated[
            int | None,
            typer.Option(
                help="dygen: project trajectories to so many dimensions.  "
                "[default: as they are, or as many as take less than 4 GB]"
            ),
        ],
        None,
    ),
    **{
        name: from_setting(name)
        for name in declarations(RunConfig)
        if name not in ("method", "options", "tune", "lora_rank", "describe")
    },
    "describe": (Annotated[Path | None, option_of("describe", "FILE")], None),
    "decisions": (
        Annotated[
            Path | None,
            typer.Option(help="Earlier run: rows decided in its review are taken as known.", metavar="RUN"),
        ],
        None,
    ),
    "resume": (Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")], False),
    "overwrite": (Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")], False),
    "no_content": (
        Annotated[bool, typer.Option("--no-content", help="Keep inputs out of the run folder and the report.")],
        False,
    ),
    "track": (
        Annotated[
            str | None,
            typer.Option(
                help="Tell an experiment tracker of settings, epochs and scores.", metavar="tensorboard|wandb|mlflow"
            ),
        ],
        None,
    ),
    "as_json": (Json, False),
}

# Where the help of `train` and `audit` shows an option; one that is not named here is about the training.
PANELS = {
    "Input": (
        *modality_names(), "id", "split", "holdout", "missing", "on_bad", "missing_values", "join",
        "max_length", "resolution",
    ),
    "Labels": (
        "label", "sources", "votes", "source_kind", "gold", "trusted", "trusted_drawn", "describe", "decisions",
    ),
    "Method": (
        "method", "option", "branches", "trajectory_dim", "score", "recipe", "backbone", "scratch", "tune", "lora_rank",
        "balance",
    ),
    "Training": (),
    "Output": ("out", "resume", "overwrite", "no_content", "keep_checkpoints", "track", "as_json"),
}  # fmt: skip


def in_panels(options: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """The options of `train` or `audit`, panel by panel as their help shows them."""
    panel_of = {name: panel for panel, names in PANELS.items() for name in names}
    panels = list(PANELS)
    placed = {name: panel_of.get(name, "Training") for name in options}
    return {
        name: (Annotated[get_args(kind)[0], _shown_in(get_args(kind)[1], placed[name])], default)
        for name, (kind, default) in sorted(options.items(), key=lambda option: panels.index(placed[option[0]]))
    }


def _shown_in(option: Any, panel: str) -> Any:
    """A copy of an option, for a panel; arguments have one of their own."""
    if isinstance(option, ArgumentInfo):
        return option  # typer shows arguments first, wherever they stand
    placed = copy(option)
    placed.rich_help_panel = panel
    return placed


TRAIN = {
    "data": (Data, Parameter.empty),
    "out": (Annotated[Path, typer.Option(help="Run folder to write.")], Parameter.empty),
    **{name: from_setting(name) for name in ("tune", "lora_rank")},
    **RUN,
    "keep_checkpoints": (Annotated[bool, typer.Option("--keep-checkpoints", help="Keep what --resume needs.")], False),
}
AUDIT = {
    "data": (Data, Parameter.empty),
    "out": (Annotated[Path | None, typer.Option(help="Run folder to write; nothing is written without it.")], None),
    **RUN,
}
BENCH = {
    "suite": (
        Annotated[str, typer.Argument(help="A suite that ships, or a .toml file.", metavar="SUITE")],
        Parameter.empty,
    ),
    "out": (Annotated[Path, typer.Option(help="Folder to write; the same one again goes on.")], Parameter.empty),
    "methods": (
        Annotated[
            str | None,
            typer.Option(
                help="Names from `mislabel methods`, gold, cleanlab, or all; with options as "
                "ce:stop=label_wave or co_teaching:noise_rate=oracle;epochs=9.  [default: the suite's]"
            ),
        ],
        None,
    ),
    "seeds": (Annotated[int | None, typer.Option(help="How many: 3 means 0, 1, 2.  [default: the suite's]")], None),
    "data": (Annotated[str | None, typer.Option(help="Data sets of the suite, by name.  [default: all]")], None),
    "data_dir": (Annotated[Path | None, typer.Option(help="Folder of Parquet files; the hub without it.")], None),
    "tune": (Annotated[str | None, typer.Option(help="full, head or lora, over the suite's own.")], None),
    "balance": (Annotated[str | None, typer.Option(help="none, half or classes, over the suite's own.")], None),
    "noise_stability": (Annotated[float | None, typer.Option(help="As of train, over the suite's own.")], None),
    "device": (Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps, over the suite's own.")], None),
    "jobs": (Annotated[int, typer.Option(help="Cells at a time.")], 1),
    "backend": (Annotated[str, typer.Option(help="loky: processes on this machine; ray or dask: a cluster.")], "loky"),
    "address": (Annotated[str | None, typer.Option(help="Of the ray or dask cluster; a local one without it.")], None),
    "results": (
        Annotated[Path | None, typer.Option(help="Markdown file in which to write this suite's section again.")],
        None,
    ),
    "keep_models": (
        Annotated[bool, typer.Option("--keep-models", help="Keep weights and dynamics of every cell.")],
        False,
    ),
    "as_json": (Json, False),
}


def takes_inputs(addition: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command that takes `**inputs` an option for each modality, after its arguments and before its options.

    Parameters
    ----------
    addition : str
        What the help says beside that of the modality.
    """

    def declare(command: Callable[..., None]) -> Callable[..., None]:
        own = [each for each in signature(command).parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
        needed = [each for each in own if each.default is Parameter.empty]
        inputs = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=input_option(name, addition))
            for name in modality_names()
        ]
        ordered = [*needed, *inputs, *(each for each in own if each not in needed)]
        return takes({each.name: (each.annotation, each.default) for each in ordered})(command)

    return declare


def takes(options: dict[str, tuple[Any, Any]]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command that takes `**given` these options, as if they stood in its signature, where typer looks."""

    def declare(command: Callable[..., None]) -> Callable[..., None]:
        command.__signature__ = Signature(  # pyright: ignore[reportFunctionMemberAccess]
            [
                Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
                for name, (kind, default) in options.items()
            ]
        )
        command.__annotations__ = {name: kind for name, (kind, _) in options.items()}
        return command

    return declare
