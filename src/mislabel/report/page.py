"""The report as one page: all sections, put into the template."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mislabel.errors import in_range
from mislabel.files import atomic_write
from mislabel.report import formatting
from mislabel.report.classes import class_rows
from mislabel.report.copies import copies_section
from mislabel.report.decisions import decided_section
from mislabel.report.document import document, document_bytes
from mislabel.report.evidence import evidence_section
from mislabel.report.findings import Findings
from mislabel.report.markdown import markdown
from mislabel.report.models import model_rows
from mislabel.report.pictures import SHOWN
from mislabel.report.sections import dynamics_section, gold_section, noise_section, trajectory_section
from mislabel.report.settings import setting_groups, statuses
from mislabel.report.summary import assessed, banners, data_name, method_name, notes, sentences, tiles
from mislabel.report.trusted import trusted_section
from mislabel.report.votes import source_section
from mislabel.report.workload import workload
from mislabel.report.worst import LONGEST, WorstRow, worst_rows
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.suggestions import shown_by_run, suggestions
from mislabel.run.unusual_columns import is_far

HERE = Path(__file__).parent
CLASSES_AT_ONCE, MOST_CLASS_ROWS = 30, 500
COLUMNS_AT_ONCE = 20  # of a row of a table
FOLLOWED = 6  # rows in the picture of trajectories


def write_report(folder: RunFolder, *, rows: int = 50) -> Path:
    """Write RUN/report.html, one file that opens offline, report.json and report.md; older ones are replaced.

    Parameters
    ----------
    folder : RunFolder
        Of a finished run.
    rows : int
        How many of the worst rows to list.

    Returns
    -------
    Path
        Of report.html.

    Raises
    ------
    InputError
        If the folder is no run or the run is not finished, or `rows` is not 0 to 100,000.
    RunError
        If a file of the run is missing or cannot be read.
    """
    findings, worst = _read(folder, rows)
    page = _page(findings, worst)
    atomic_write(folder.report_json, document_bytes(document(findings, worst)))
    atomic_write(folder.report_md, markdown(findings, worst))
    atomic_write(folder.report, page)
    return folder.report


def render_report(folder: RunFolder, rows: int = 50) -> str:
    """The page of a finished run; the same run gives the same text. Raises as `write_report` does."""
    return _page(*_read(folder, rows))


def _read(folder: RunFolder, rows: int) -> tuple[Findings, list[WorstRow]]:
    in_range("rows", rows, 0, 100_000)
    findings = Findings(Run.open(folder))
    return findings, worst_rows(findings, rows) if assessed(findings) else []


def _page(findings: Findings, worst: list[WorstRow]) -> str:
    run = findings.run
    models, script = model_rows(findings), (HERE / "report.js").read_text(encoding="utf-8")
    template = _environment().get_template("report.html.jinja")
    return template.render(
        css=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=Markup("'sha256-{}'").format(b64encode(sha256(script.encode()).digest()).decode()),
        name=data_name(findings),
        method=method_name(findings),
        assessed=assessed(findings),
        banners=banners(findings),
        sentences=sentences(findings),
        workload=workload(findings),
        tiles=tiles(findings),
        notes=notes(findings),
        next_steps=suggestions(shown_by_run(run)),
        has_gold=findings.gold is not None,
        has_inputs=run.keeps_inputs,
        content=findings.modality.words,
        pictures=run.keeps_inputs and findings.modality.pictures,
        picture_width=max([row.picture.width for row in worst if row.picture], default=SHOWN),
        worst=worst,
        likely_wrong=int(findings.likely_wrong.sum()),
        longest=LONGEST,
        columns_at_once=COLUMNS_AT_ONCE,
        score=None if findings.score is None else findings.metrics.get("score"),
        decided=decided_section(findings),
        copies=copies_section(findings) if assessed(findings) else {},
        votes=source_section(findings),
        evidence=evidence_section(findings),
        noise=noise_section(findings),
        classes=class_rows(findings),
        classes_at_once=CLASSES_AT_ONCE,
        most_class_rows=MOST_CLASS_ROWS,
        dynamics=dynamics_section(findings),
        trajectory=trajectory_section(findings, worst[:FOLLOWED]),
        models=models,
        models_by_gold=any(line.accuracy is not None for line in models),
        trusted=trusted_section(findings),
        gold=gold_section(findings),
        test=run.test,
        groups=setting_groups(findings),
        command=str(run.config.get("command", "")),
        statuses=statuses(findings),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.tests["far"] = is_far
    environment.filters |= {
        "breakable": formatting.breakable,
        "count": formatting.count,
        "decimal": formatting.decimal,
        "duration": formatting.duration,
        "percent": formatting.percent,
        "with_options": formatting.with_options,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Whatever the template prints goes through here, so no text reaches the page uncleaned."""
    return formatting.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
