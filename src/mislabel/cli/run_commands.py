"""`mislabel predict`, `push` and `report`: what a finished run is for."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from mislabel.cli.exit_codes import errors, finished_run, say
from mislabel.cli.options import Data, Device, Id, Json, OnBad, Run, takes_inputs


@takes_inputs("As in training without it.")
def predict(
    run: Annotated[Path, typer.Argument(help="Run folder of `mislabel train` or `audit`.", metavar="RUN")],
    data: Data,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .csv, .tsv, .jsonl, .parquet or .xlsx.")
    ],
    id: Id = None,
    on_bad: OnBad = "error",
    by: Annotated[
        str, typer.Option(help="model: RUN/model; trajectory: the generative model of dygen or npc.")
    ] = "model",
    device: Device = "auto",
    as_json: Json = False,
    **inputs: str | None,
) -> None:
    """Predict labels for new texts, images or features.

    Example: mislabel predict runs/messages new.csv -o predictions.csv
    """
    with errors():
        from mislabel.modalities.early import check_columns
        from mislabel.tables import check_output

        folder = finished_run(run)
        check_output(output)
        check_columns(data, {**inputs, "id": id})

        from mislabel.run.predict import predict_table
        from mislabel.training.progress import Terminal

        rows = predict_table(
            folder, data, output, **inputs, id=id, on_bad=cast(Any, on_bad),
            device=device, by=by, progress=Terminal(),
        )  # fmt: skip
        say(as_json, {"rows": rows, "output": str(output)}, f"{rows} predictions in {output}")


def push(
    run: Run,
    name: Annotated[str, typer.Argument(help="USER/NAME on the Hugging Face hub.", metavar="NAME")],
    private: Annotated[bool, typer.Option("--private", help="Let nobody else see it.")] = False,
    as_json: Json = False,
) -> None:
    """Upload RUN/model with its model card, and nothing else, to the Hugging Face hub.

    Example: mislabel push runs/messages USER/messages --private
    """
    with errors():
        from mislabel.run import hub
        from mislabel.run.model_card import model_card

        folder = finished_run(run)

        def card() -> str:
            return model_card(folder.model, folder.read_config(), folder.read_metrics())

        address = hub.push(folder.model, name, private=private, card=card)
        say(as_json, {"address": address}, f"the model is at {address}")


def report(
    run: Run,
    rows: Annotated[int, typer.Option(help="How many of the worst rows to show.")] = 50,
    as_json: Json = False,
) -> None:
    """Write RUN/report.html, report.json and report.md again.

    Example: mislabel report runs/messages
    """
    with errors():
        from mislabel.cli.summary import in_folder
        from mislabel.report import write_report
        from mislabel.run import reading
        from mislabel.run.checked import known
        from mislabel.run.headline import certain
        from mislabel.run.suggestions import shown_by_run, suggestions

        folder = finished_run(run)
        with folder.locked():
            path = write_report(folder, rows=rows)
        opened = reading.Run.open(folder)
        rate, next_steps = known(opened).rate, in_folder(suggestions(shown_by_run(opened)), folder)
        out = {"report": str(path), "noise_rate": rate.plain(), "suggestions": [asdict(step) for step in next_steps]}
        say(as_json, out, [certain(rate), f"report: {path}"])
