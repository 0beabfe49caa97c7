"""Tasks for Label Studio (https://labelstud.io/guide/task_format, https://labelstud.io/guide/predictions).

Each row is a task: `data` holds the columns as they are in the data but for gold labels, which who decides must not
see, `predictions` the suggested label, `annotations` what a person decided, `meta` what the run says. Beside FILE,
FILE.config.xml is the labeling interface to paste into the project. Two keys are added to `data`, where Label Studio
can sort and filter by them: `mislabel_id`, by which decisions find their way back, and `p_mislabeled`; columns of the
user's own have to be called otherwise. The score of a prediction is the probability that it gives the right label, as
the audit has it: p_mislabeled where it differs from the given label, else 1 - p_mislabeled.

Images are paths as in the data: point the project's local or cloud storage at their folder. Encoded images become
``data:`` addresses. Features are shown in words. A row for which no class fits is an annotation without a choice; one
that a person could not tell, an annotation that was skipped.
"""

import base64
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from mislabel import __version__
from mislabel.decisions.events import Decision
from mislabel.errors import InputError
from mislabel.exchange.corrected import Corrected
from mislabel.exchange.source_table import Original
from mislabel.exchange.targets import OWN, register
from mislabel.exchange.tasks import TASK_ID
from mislabel.files import atomic_path, atomic_write, check_writable
from mislabel.modalities import modality
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import read_inputs
from mislabel.tables.json_text import json_text, plain_value

INPUT = "mislabel_input"  # the key of `data` that is shown, where the column itself cannot be
FROM_NAME = "label"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STARTS = {
    b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp",
    b"RIFF": "image/webp", b"II*\0": "image/tiff", b"MM\0*": "image/tiff",
}  # fmt: skip


@register
class LabelStudio:
    """Tasks in a JSON file, and beside it the labeling interface, whose path is returned as `config`."""

    name: str = "label-studio"
    help: str = OWN["label-studio"]

    def check(self, output: Path, take_suggestions: float | None) -> None:
        if take_suggestions is not None:
            raise InputError("Label Studio gets every suggestion as a prediction: leave take_suggestions out")
        if output.suffix.lower() != ".json":
            raise InputError(f"{output}: Label Studio reads .json files; give the output that ending")
        check_writable(output)
        check_writable(config_beside(output))

    def write(self, corrected: Corrected, folder: RunFolder, output: Path) -> dict[str, Any]:
        return {"config": str(write_tasks(corrected, folder, output))}


def config_beside(path: Path) -> Path:
    """Where the labeling interface of these tasks goes."""
    return path.with_name(path.name + ".config.xml")


def write_tasks(corrected: Corrected, folder: RunFolder, path: Path) -> Path:
    """Write the tasks as one JSON array, and the labeling interface beside it, whose path is returned.

    Raises
    ------
    InputError
        If two classes read the same or hold characters that XML cannot, or a column is called as a key that is added.
    """
    kind = modality(corrected.rows.modality)
    tag = "Image" if kind.pictures else "Text"
    config = config_beside(path)
    column = corrected.original.roles.get(kind.name) if kind.one_column else None
    shown = column if column in corrected.original.table.names and _NAME.fullmatch(column) else INPUT
    _refuse_clash(corrected.original, ["p_mislabeled", TASK_ID, *([INPUT] if shown == INPUT != column else [])])
    interface = _interface(corrected.rows.classes, tag, shown)
    version = f"mislabel {__version__} {folder.read_config()['settings'].get('method', '')}".strip()
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as handle:
        before = "[\n"
        for task in _tasks(corrected, _inputs(corrected, folder) if shown == INPUT else None, tag.lower(), version):
            handle.write(before + json_text(task))
            before = ",\n"
        handle.write("\n]\n")
    atomic_write(config, interface)
    return config


def _refuse_clash(original: Original, added: list[str]) -> None:
    """Raise InputError where a column of the data has a name that is added, unless it holds the same ids."""
    clash = [name for name in added if name in original.table.names and not name == TASK_ID == original.roles["id"]]
    if clash:
        raise InputError(
            f"{original.source} has a column {clash[0]!r} of its own, which an export for Label Studio adds: rename "
            "it, and give the file with --data"
        )


def _tasks(corrected: Corrected, inputs: list | None, to: str, version: str) -> Iterator[dict[str, Any]]:
    rows, frame = corrected.rows, _without_gold(corrected.original)
    given, suggested = rows.labels["given_label"].tolist(), rows.labels["suggested_label"].tolist()
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    cells = zip(*(column.array for column in columns), strict=True)
    for position, (row, values) in enumerate(zip(corrected.row_of.tolist(), cells, strict=True)):
        if row < 0:  # without a label, and not in the run: nothing to say
            continue
        data = {str(name): _plain(value) for name, value in zip(frame.columns, values, strict=True)}
        wrong, id = _plain(float(rows.numbers["p_mislabeled"][row])), rows.id(row)
        if inputs is not None:
            data[INPUT] = _plain(inputs[position])
        data |= {TASK_ID: id, "p_mislabeled": wrong}
        meta = {TASK_ID: id, "given_label": rows.label(given[row]), "p_mislabeled": wrong,
                "status": rows.status[row].as_py()}  # fmt: skip
        task = {"data": data, "meta": meta, "predictions": [], "annotations": []}
        if suggested[row] >= 0:
            prediction: dict[str, Any] = {"model_version": version, "result": [_choice(rows.label(suggested[row]), to)]}
            if wrong is not None:
                prediction["score"] = wrong if suggested[row] != given[row] else 1 - wrong
            task["predictions"].append(prediction)
        if position in corrected.decisions:
            task["annotations"].append(_annotation(corrected.decisions[position], to))
        yield task


def _without_gold(original: Original) -> pd.DataFrame:
    return original.table.frame().drop(columns=original.roles["gold"] or [])


def _annotation(decision: Decision, to: str) -> dict[str, Any]:
    result = [] if decision.kind in ("unsure", "none") else [_choice(decision.label, to)]
    return {"result": result, "was_cancelled": decision.kind == "unsure"}


def _choice(label: Any, to: str) -> dict[str, Any]:
    return {"from_name": FROM_NAME, "to_name": to, "type": "choices", "value": {"choices": [str(label)]}}


def _interface(classes: list, tag: str, shown: str) -> str:
    names = [str(value) for value in classes]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise InputError(f"two classes are written {twice[0]!r}: Label Studio knows text alone; export a table instead")
    broken = [name for name in names if _NOT_XML.search(name)]
    if broken:
        raise InputError(f"the class {broken[0]!r} holds characters that XML cannot: export a table instead")
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in names)
    return (
        f'<View>\n  <{tag} name="{tag.lower()}" value="${shown}"/>\n'
        f'  <Choices name="{FROM_NAME}" toName="{tag.lower()}" choice="single">\n{choices}\n  </Choices>\n</View>\n'
    )


def _inputs(corrected: Corrected, folder: RunFolder) -> list:
    """What is shown of each row where no column holds it that Label Studio could name."""
    original, kind = corrected.original, modality(corrected.rows.modality)
    column = original.roles.get(kind.name)
    if kind.one_column and column is not None:
        names = kind.columns(original.table.names, column, original.beside)
        if len(names) == 1:
            return list(original.table.column(names[0]))
        values = kind.values(original.table.frame(), column, original.beside)
        return list(cast(Any, kind.check(values, range(len(values)), column).values))
    if not folder.inputs.is_file() or corrected.rows.position is None:
        frame = _without_gold(original)
        return [", ".join(f"{name} {value}" for name, value in row.items()) for row in frame.to_dict("records")]
    words = read_inputs(folder.inputs, np.append(corrected.rows.position, -1)[corrected.row_of])
    return ["" if text is None else text for text in words]


def _plain(value: Any) -> Any:
    """What JSON can hold of a cell."""
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):  # an image of the datasets library
        value = value["bytes"]
    if isinstance(value, bytes):
        kind = next((kind for start, kind in _STARTS.items() if value.startswith(start)), "application/octet-stream")
        return f"data:{kind};base64,{base64.b64encode(value).decode()}"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, int, bool)):
        return value
    return plain_value(value)
