"""`mislabel ask`: a language model labels rows, as one more source."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mislabel.cli import interrupts
from mislabel.cli.exit_codes import errors, notes, say
from mislabel.cli.options import DATA_HELP, Id, Json, option_of, takes_inputs
from mislabel.errors import InputError, RunError, some_ids

KEY = "OPENAI_API_KEY"


@takes_inputs("Not of a run, which knows its columns.")
def ask(
    source: Annotated[str, typer.Argument(help=f"{DATA_HELP} Or a run folder.", metavar="DATA|RUN")],
    endpoint: Annotated[str, typer.Option(help="Server that speaks OpenAI's chat completions: http://HOST:PORT/v1.")],
    model: Annotated[str, typer.Option(help="The model, as the server calls it.")],
    out: Annotated[
        Path, typer.Option(help="File to write: the data with a column of answers; of a run a table for --votes.")
    ],
    label: Annotated[
        str | None, typer.Option(help="Column of labels, for its classes alone; without it those of --describe.")
    ] = None,
    id: Id = None,
    describe: Annotated[Path | None, option_of("describe", "FILE")] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Of a run an order of `mislabel review`, worst first without it; of data random, else as it is."
        ),
    ] = None,
    budget: Annotated[int | None, typer.Option(help="Ask about so many rows at most.")] = None,
    column: Annotated[str, typer.Option(help="Name of the new column, and so of the source.")] = "llm",
    cache: Annotated[
        Path | None, typer.Option(help="File that keeps every answer.  [default: OUT.ask.sqlite]", metavar="FILE")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say rows, tokens and cost; connect to nothing.")] = False,
    price_in: Annotated[float | None, typer.Option(help="Of a million tokens of prompts.")] = None,
    price_out: Annotated[float | None, typer.Option(help="Of a million tokens of answers.")] = None,
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the API key; no key goes out where it is not set.")
    ] = KEY,
    workers: Annotated[int, typer.Option(help="Requests at a time.")] = 4,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute at most.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 60.0,
    max_characters: Annotated[
        int, typer.Option(help="Characters of a row that are shown; the rest is cut off.")
    ] = 8000,
    max_tokens: Annotated[int, typer.Option(help="Of an answer; a model that thinks first needs thousands.")] = 32,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file in --out.")] = False,
    as_json: Json = False,
    **inputs: str | None,
) -> None:
    """Ask a language model which class each row is. Rows leave this machine, to the server that you name.

    Its answers are one more source of labels, for --sources, and never truth. Answers are kept: the same command again
    goes on, and asks nothing twice.

    Example: mislabel ask t.csv --text text --label label --endpoint http://localhost:8000/v1 --model M --out asked.csv
    """
    with errors():
        from mislabel.ask.endpoint import Endpoint
        from mislabel.ask.job import Terms, check_files, estimate, prepare, write
        from mislabel.ask.job import ask as ask_rows
        from mislabel.data.descriptions import read_descriptions
        from mislabel.errors import in_range
        from mislabel.training.progress import Terminal

        in_range("timeout", timeout, 0.05, 3600)
        terms = Terms(model, workers, per_minute, max_characters, max_tokens, column, price_in, price_out)
        server = Endpoint(endpoint, _key(api_key_env), timeout)
        kept = cache or out.with_name(f"{out.name}.ask.sqlite")
        if not dry_run:
            check_files(source, out, kept, overwrite=overwrite)
        described, progress = read_descriptions(describe) if describe else None, Terminal()
        which = {"label": label, "id": id, "describe": described, "order": order, "budget": budget}
        questions = prepare(source, inputs, terms, **which, progress=progress)
        notes(questions.notes)
        if dry_run:
            planned = estimate(questions, terms, kept)
            say(as_json, planned, _planned_lines(planned))
            return
        notes(_leaving(server, api_key_env))
        again = shlex.join(["mislabel", *sys.argv[1:]])
        how = f"every answer is kept in {kept}; go on with: {again}"
        with interrupts.going_on(lambda: how):
            try:
                asked = ask_rows(questions, server, terms, kept, progress=progress)
            except (InputError, RunError) as error:
                raise type(error)(f"{error}. {how[0].upper()}{how[1:]}") from None
            columns = write(source, inputs, questions, asked, column, out)
        notes(asked.notes)
        result = _result(questions, asked, terms, out, columns)
        result["next"] = _next(source, {**inputs, "label": label, "id": id}, result, column)
        say(as_json, result, _lines(result))
        if asked.failed:
            raise typer.Exit(1)


def _key(name: str) -> str | None:
    """The API key that an environment variable holds; None where the usual one is not set."""
    key = os.environ.get(name)
    if key is None and name != KEY:
        raise InputError(f"--api-key-env: no variable {name} is set in the environment")
    return key.strip() if key and key.strip() else None


def _leaving(server: Any, variable: str) -> list[str]:
    """What goes out, and to whom."""
    what = f"The rows, and the key in {variable}, go" if server.has_key else "The rows go"
    unsafe = ", without encryption" if server.leaves_in_the_clear else ""
    return [f"{what} to {server.address}{unsafe}."]


def _result(questions: Any, asked: Any, terms: Any, out: Path, columns: list[str]) -> dict[str, Any]:
    rows = questions.rows
    named = [reply for reply in asked.answers.values() if reply.key is not None]
    none = [place for place, reply in asked.answers.items() if reply.key is None]
    return {
        "rows": len(questions.digests),
        "answered": len(named),
        "with_probabilities": sum(bool(reply.shares) for reply in named),
        "no_class": len(none),
        "no_class_rows": some_ids(rows.ids[place] for place in none),
        "no_class_said": asked.answers[none[0]].said[:100] if none else None,
        "failed": len(asked.failed),
        "failed_rows": some_ids(rows.ids[place] for place in asked.failed),
        "failed_reason": next(iter(asked.failed.values()), None),
        "requests": asked.requests,
        "tokens_in": asked.tokens_in,
        "tokens_out": asked.tokens_out,
        "cost": terms.cost(asked.tokens_in, asked.tokens_out),
        "columns": columns,
        "out": str(out),
    }


def _lines(result: dict[str, Any]) -> list[str]:
    """The answer for a person."""
    soft = result["with_probabilities"]
    told = "with" if soft == result["answered"] else f"{soft} of them with" if soft else "without"
    lines = [f"{result['answered']} of {result['rows']} rows answered, {told} probabilities, in {result['out']}"]
    if result["no_class"]:
        lines.append(
            f"{result['no_class']} answers name no class and count as none: rows {result['no_class_rows']}; such as "
            f"{result['no_class_said']!r}"
        )
    if result["failed"]:
        lines.append(
            f"{result['failed']} rows could not be asked about: rows {result['failed_rows']}; "
            f"{result['failed_reason']}. The same command with --overwrite asks about them again, and about no other"
        )
    cost = "" if result["cost"] is None else f", cost {result['cost']:.2f}"
    tokens = f"{result['tokens_in']} tokens of prompts and {result['tokens_out']} of answers"
    lines.append(f"{result['requests']} requests, {tokens}{cost}")
    return [*lines, f"answers are no truth; hear them as a source: {result['next']}"]


def _planned_lines(planned: dict[str, Any]) -> list[str]:
    cost = "" if planned["cost"] is None else f", cost about {planned['cost']:.2f}"
    return [
        f"{planned['rows']} rows, {planned['cached']} of them answered already: {planned['requests']} requests",
        f"about {planned['tokens_in']} tokens of prompts and {planned['tokens_out']} of answers{cost} (a token is "
        "taken for 4 bytes; languages other than English may take twice as many)",
    ]


def _next(source: str, given: dict[str, str | None], result: dict[str, Any], column: str) -> str:
    """The command that trains with the answers."""
    from mislabel.ask.answers_table import soft_column
    from mislabel.ask.asked_rows import is_run
    from mislabel.run.folder import RunFolder

    if is_run(source):
        about = RunFolder(source).read_config()["data"]
        data, columns = str(about.get("source") or "DATA"), dict(about.get("columns") or {})
        heard = ["--votes", result["out"], "--source-kind", f"{column}=model"]
    else:
        name = soft_column(column) if soft_column(column) in result["columns"] else column
        data, columns, heard = result["out"], given, ["--sources", name, "--source-kind", f"{name}=model"]
    kept = {name: value for name, value in columns.items() if value and name != "votes"}
    options = [word for name, value in kept.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return shlex.join(["mislabel", "audit", data, *options, *heard, "--out"]) + " RUN"
