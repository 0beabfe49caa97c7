"""Hostile strings as id, label, text and name of a column, through every output.

Neutralised on the terminal, escaped in HTML, kept exactly in data files, and no cell of a CSV is a formula.
"""

import csv
import html
import io
import json
import re
from contextlib import closing
from html.parser import HTMLParser

import pandas as pd
import pytest
import yaml
from fake_runs import make_run
from markdown_it import MarkdownIt
from patience import PATIENCE
from review.client import Client
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mislabel.data.lookalikes import lookalike_note
from mislabel.errors import InputError, some_ids
from mislabel.exchange.export import export
from mislabel.files import json_bytes
from mislabel.report import write_report
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder
from mislabel.run.model_card import model_card
from mislabel.tables import read_table, write_table
from mislabel.tables.characters import utf8_safe
from mislabel.tables.formulas import is_formula
from mislabel.terminal import one_line, tell

HOSTILE = {
    "formula": "=cmd|'/C calc'!A0",
    "formula behind a blank": " \u200b=1+1",
    "full-width formula": '＝HYPERLINK("http://x")',
    "minus formula": "-1+1|x",
    "at formula": "@SUM(A1)",
    "tab": "\t=1",
    "escape": "\x1b[31mred\x1b[2J",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x1b\\",
    "C1": "\x9b2J\x9d0;x\x9c",
    "bidi": "abc\u202egpj.exe\u2066",
    "no width": "ca\u200bt\u2060\ufeff",
    "forged line": "x\nerror: all is well\r\nnote: forged",
    "carriage return": "secret\rshown",
    "NUL": "a\0b",
    "half a pair": "a\ud800b",
    "lines of Unicode": "a\u2028b\u2029c\x85d",
    "script": "</script><script>alert(1)</script><img src=x onerror=alert(2)>",
    "attribute": "\" onmouseover='alert(1)' x=\"&lt;",
    "template": "{{ 7*7 }}{% raw %}${7*7}",
    "markup": "[red]x[/red][link=http://x]y[/link]",
    "quotes": '"a","b"\'\'; DROP TABLE x; --',
    "path": "../../etc/passwd",
    "long": "w" * 20_000,
}
DRIVES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@pytest.fixture(params=HOSTILE)
def hostile(request):
    return HOSTILE[request.param]


def frame_of(text):
    columns = [[text, "b", "c"], [text, "plain", "other"], [text, "ok", text], ["x", text, "y"]]
    frame = pd.DataFrame(dict(enumerate(pd.Series(column, dtype=object) for column in columns)))
    return frame.set_axis(pd.Index(["id", "text", "label", text], dtype=object), axis=1)


@pytest.fixture
def run(hostile, tmp_path):
    """A run whose ids, labels, texts and a column of whose data are hostile."""
    frame = frame_of(utf8_safe(hostile))
    frame.to_parquet(tmp_path / "data.parquet")
    return make_run(
        tmp_path / "run", frame, source=tmp_path / "data.parquet", text="text", captions=True,
        suggested={utf8_safe(hostile): "ok"}, p={utf8_safe(hostile): 0.9},
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx"])
def test_data_files_keep_it(ending, hostile, tmp_path):
    path, frame = tmp_path / f"data{ending}", frame_of(hostile)
    write_table(frame, path)
    back = read_table(path)
    assert back.columns.tolist() == list(map(utf8_safe, frame.columns))
    assert back.to_numpy().tolist() == [list(map(utf8_safe, row)) for row in frame.to_numpy().tolist()]
    if ending in (".csv", ".tsv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter="," if ending == ".csv" else "\t") for cell in row]
        assert [cell for cell in cells if is_formula(cell)] == []


@pytest.mark.parametrize("kind", ["table", "cleanlab", "label-studio"])
def test_exports_keep_it(kind, hostile, run, tmp_path):
    out = tmp_path / ("out.json" if kind == "label-studio" else "out.csv")
    if kind == "label-studio" and re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", hostile):  # its classes are in XML
        with pytest.raises(InputError, match="export a table instead"):
            export(run, out, kind=kind)
        return
    export(run, out, kind=kind)
    if out.suffix == ".csv":
        with out.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert [cell for cell in cells if is_formula(cell)] == []
        assert utf8_safe(hostile) in read_table(out).astype(str).to_numpy().ravel().tolist()
    else:
        assert json.dumps(utf8_safe(hostile))[1:-1] in json.dumps(json.loads(out.read_text(encoding="utf-8")))


class Page(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, its scripts, and the text that is shown."""

    def __init__(self, page):
        super().__init__(convert_charrefs=False)
        self.handlers, self.scripts, self.images, self.shown = [], [], [], []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.images += [value for name, value in attrs if tag == "img" and name == "src"]

    def handle_data(self, data):
        (self.scripts if self.inside == "script" else self.shown).append(data)

    def handle_entityref(self, name):
        self.shown.append(html.unescape(f"&{name};"))

    def handle_charref(self, name):
        self.shown.append(chr(int(name)))

    def handle_endtag(self, tag):
        self.inside = ""


def words_of(text):
    """A text as a page shows it: blanks of any kind and number are one, and for control characters stand pictures."""
    return " ".join(re.sub(f"{DRIVES.pattern}|[\u2400-\u2426\ufffd]", "", text.replace("\r", " ")).split())


def test_the_report_escapes_it(hostile, run):
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert page.handlers == []
    assert "x" not in page.images
    assert not any("alert(1)" in script for script in page.scripts)
    assert words_of(utf8_safe(hostile))[:50] in words_of("".join(page.shown))
    markdown = run.report_md.read_text(encoding="utf-8")
    assert DRIVES.findall(markdown) == []
    assert not re.search("<(?!/?code>)", markdown)
    assert utf8_safe(hostile) in [row["given_label"] for row in json.loads(run.report_json.read_bytes())["worst"]]
    assert "49" not in "".join(page.shown) or hostile != HOSTILE["template"]


def test_the_model_card_holds_it_as_a_name(hostile, run, tmp_path):
    """As class, name of the data, encoder, method, option and setting: read by another YAML and another Markdown."""
    about = {"classes": [utf8_safe(hostile), "ok"], "backbone": utf8_safe(hostile)}
    (tmp_path / "mislabel.json").write_bytes(json_bytes(about))
    config, metrics = run.read_config(), run.read_metrics()
    config["data"]["name"] = hostile
    config["settings"] = {"method": hostile, "recipe": hostile, "options": {"stop": hostile}}
    card = model_card(tmp_path, config, metrics)
    card.encode()
    assert DRIVES.findall(card) == []
    _, front, text = card.split("---\n", 2)
    usual = {"library_name": "transformers", "pipeline_tag": "text-classification"}
    assert yaml.safe_load(front) == usual | {"tags": ["mislabel", "noisy-labels"]}
    blocks = MarkdownIt().parse(text)
    tokens = [*blocks, *(child for block in blocks for child in block.children or ())]
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    plain = {"heading", "paragraph", "bullet_list", "list_item", "inline", "text", "softbreak", "fence"}
    assert kinds - plain == {"code_inline"}
    assert sum(token.type == "heading_open" for token in tokens) == 7
    shown = [token.content for token in tokens if token.type == "code_inline"]
    assert one_line(utf8_safe(hostile))[:50].strip() in " ".join(shown)


def test_the_page_is_told_it_exactly(hostile, run):
    with closing(Session(RunFolder(run.path))) as session:
        server = Server(session)
        thread, client = server.start(), Client(server)
        status, said = client.get("api/run")
        rows = client.get("api/list?status=any")[1]["rows"]
        client.connection.close()
        server.stop()
        thread.join(timeout=PATIENCE)
    assert status == 200
    assert utf8_safe(hostile) in said["classes"]
    assert utf8_safe(hostile) in [row["id"] for row in rows]


def test_the_terminal_does_not_obey_it(hostile, tmp_path, capsys, mislabel):
    """Rows, labels, columns, names of files, values of options and unknown commands."""
    tell(f"error: {hostile}")
    tell(lookalike_note([hostile, hostile.upper() + "A", hostile + "a"], "label"))
    tell(some_ids([hostile]))
    drawn = io.StringIO()
    table = Table()
    table.add_column("id")
    table.add_row(Text(one_line(hostile)))
    Console(file=drawn, width=100).print(table)
    said = [capsys.readouterr().err, drawn.getvalue()]
    write_table(frame_of(hostile), tmp_path / "data.csv")
    word = hostile.replace("\0", "")
    for line in (
        ["audit", tmp_path / "data.csv", "--text", word, "--label", "nothing"],
        ["audit", tmp_path / "data.csv", "--text", "text", "--label", f"{word}x"],
        ["audit", f"{word}.csv", "--text", "text", "--label", "label"],
        ["audit", tmp_path / "data.csv", "--text", "text", "--label", "label", "--method", word],
        ["methods", word],
        [f"x{word}"],
        ["methods", f"--{word}"],
        ["report", "x", "--rows", word],
    ):
        done = mislabel(*line)
        assert done.exit_code in (1, 2), line
        said += [done.stderr, done.stdout]
    for printed in said:
        assert DRIVES.findall(printed) == []
        assert not re.search("^(note: forged|error: all is well)", printed, re.MULTILINE)
