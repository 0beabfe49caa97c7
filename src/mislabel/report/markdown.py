"""The report for a pull request or an issue: GitHub-flavoured Markdown, in which nothing of the data is markup."""

import re
from collections.abc import Iterable

from mislabel.report.classes import confusions
from mislabel.report.findings import Findings
from mislabel.report.formatting import count, decimal, percent, short
from mislabel.report.summary import assessed, banners, data_name, method_name
from mislabel.report.trusted import trusted_check
from mislabel.report.workload import workload
from mislabel.report.worst import WorstRow
from mislabel.run.headline import certain, in_list
from mislabel.terminal import one_line

MOST_PAIRS, MOST_ROWS, LONGEST = 10, 10, 120
# All that may begin something in Markdown or HTML, a link or a mention among them; and the dot that makes www. a link.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#+\-!|~&$@:\"'/=^]|(?<=www)\.", re.IGNORECASE)


def markdown(findings: Findings, worst: list[WorstRow]) -> str:
    """report.md of a run; `worst` are the rows that the page lists, of which it shows the first."""
    parts = [f"# Labels of {quoted(data_name(findings))}", *banners(findings)]
    if assessed(findings):
        likely = int(findings.likely_wrong.sum())
        parts += [f"**{in_list(likely, findings.n_assessed, findings.precision)}** {certain(findings.rate)}"]
        parts += [_box(findings), *_mix_ups(findings), *_rows(worst)]
    parts += _check(findings)
    parts += [f"Method {quoted(method_name(findings))}. `report.html` tells more, `audit.parquet` all."]
    return "\n\n".join(part for part in parts if part) + "\n"


def quoted(text: str) -> str:
    """Any text as code on one line, which no Markdown takes for more.

    Entities stand for what could be markup: a backslash would not stop a mention, and in a code span of backticks
    nothing could stop a vertical bar from ending the cell of a table.
    """
    return f"<code>{_MARKUP.sub(lambda found: f'&#{ord(found[0])};', one_line(text)) or ' '}</code>"


def _box(findings: Findings) -> str:
    box = workload(findings)
    if box is None:
        return ""
    lines = [f"**{box.title}.** {' '.join(box.sentences)}"]
    if box.command:
        lines.append(f"`{box.command}`")
    if box.check:
        lines.append(f"{box.check[0]}: `{box.check[1]}`")
    return "\n>\n".join(f"> {line}" for line in lines)


def _mix_ups(findings: Findings) -> list[str]:
    pairs = confusions(findings, MOST_PAIRS)
    if not pairs:
        return []
    lines = ((quoted(pair.true), quoted(pair.given), count(pair.rows), percent(pair.share)) for pair in pairs)
    return ["## Most frequent mix-ups", _table(("Looks like", "Labelled as", "Rows", "Share of class"), lines)]


def _rows(worst: list[WorstRow]) -> list[str]:
    if not worst:
        return []
    worst = worst[:MOST_ROWS]
    texts = any(row.text is not None for row in worst)
    lines = (
        (
            quoted(short(row.id, LONGEST)),
            *([quoted(short(row.text or "", LONGEST))] if texts else []),
            quoted(row.given),
            quoted(row.suggested),
            decimal(row.p_mislabeled, 2),
            "" if row.decided is None else quoted(row.decided),
        )
        for row in worst
    )
    head = ("Row", *(["Text"] if texts else []), "Given", "Suggested", "P(wrong)", "Decided")
    return [f"## The {len(worst)} rows to look at first", _table(head, lines)]


def _check(findings: Findings) -> list[str]:
    found = trusted_check(findings)
    if found is None:
        return []
    reach = (
        "They were drawn at random, so this holds for all rows, within the intervals."
        if found.drawn_at_random
        else "They were chosen, so this tells of rows like them, and not of all rows."
    )
    lines = (
        (
            "all" if depth.share == 1 else percent(depth.share, 0),
            count(depth.rows),
            count(depth.wrong),
            percent(depth.wrong / depth.rows, 0),
            f"{percent(depth.low, 0)} to {percent(depth.high, 0)}",
        )
        for depth in found.depths
    )
    return [
        "## Check against trusted rows",
        f"Of {count(found.rows)} labels that somebody had checked before training {count(found.wrong)} are wrong. Each "
        f"row is judged without its own answer here. {reach}",
        _table(("The most doubtful", "Rows", "Wrong ones", "Of them wrong", "95% interval"), lines),
    ]


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rows = [head, ("---",) * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
