"""Write the page of commands from their help: `python tools/commands_page.py`.

A test compares the two.
"""

from pathlib import Path

import typer.main

from mislabel.cli.commands import app

TARGET = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
HEAD = """# Commands

<!-- Made by tools/commands_page.py from the help of the commands: change that, then run it again. -->

`mislabel COMMAND --help` says the same. Every command that answers takes `--json`; exit codes are 0 for fine, 2 for an
input that is wrong, 130 after Ctrl-C and 1 for anything else.
"""


def commands_page() -> str:
    """The text of docs/commands.md."""
    group = typer.main.get_command(app)
    return "\n".join([HEAD, *(section(name, command) for name, command in group.commands.items())])


def section(name: str, command) -> str:
    """A heading, what the command does, and a table of options for each panel of its help."""
    words = [each.metavar or (each.name or "").upper() for each in command.params if each.param_type_name == "argument"]
    lines = [f"## {name}", "", f"`mislabel {' '.join([name, *words])} [OPTIONS]`", "", described(command.help), ""]
    panels: dict[str, list[str]] = {}
    for option in command.params:
        if option.param_type_name == "option" and not option.hidden and option.name != "help":
            panels.setdefault(getattr(option, "rich_help_panel", None) or "Options", []).append(row(option))
    for panel, rows in panels.items():
        lines += [f"| {panel} | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def described(help: str) -> str:
    """The help of a command, its example in a block."""
    text, _, example = help.strip().partition("Example:")
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n\n".join([*paragraphs, *([f"```\n{' '.join(example.split())}\n```"] if example else [])])


def row(option) -> str:
    """A line on an option: its names, what it takes, its help and its default."""
    names = ", ".join(f"`{name}`" for name in option.opts)
    takes = f" `{escaped(option.metavar)}`" if option.metavar and not option.is_flag else ""
    plain = not option.is_flag and option.default is not None and not callable(option.default)
    return f"| {names}{takes} | {escaped(option.help or '')}{f' Default: `{option.default}`.' if plain else ''} |"


def escaped(text: str) -> str:
    """Text in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    TARGET.write_text(commands_page(), encoding="utf-8")
