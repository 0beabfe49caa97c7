"""The notebooks run from top to bottom, and print what they were kept with."""

import re
import runpy
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra `notebooks` is not installed")
pytest.importorskip("nbclient", reason="the extra `notebooks` is not installed")
ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def printed(notebook) -> list[str]:
    """What the code cells say, each as one text, without pictures and tables of HTML."""
    said = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not [one for one in cell.outputs if one.output_type == "error"]
            texts = (one.get("text") or one["data"].get("text/plain", "") for one in cell.outputs)
            said.append("".join(texts))  # a kernel sends what is printed in pieces of any length
    return said


def test_there_are_four():
    assert {path.stem for path in NOTEBOOKS} == {"images", "table", "texts", "trainer"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_kept_whole_and_small(path):
    """Every cell was run, nothing is said on stderr, and nothing tells of the machine."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [one for cell in cells for one in cell.outputs if one.get("name") == "stderr"]
    assert any("image/png" in one.get("data", {}) for cell in cells for one in cell.outputs) or path.stem == "trainer"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 150_000
    assert not re.search(r"site-packages|/home/|/root/|/tmp/", text)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_again(path):
    kept = printed(nbformat.read(path, as_version=4))
    again = printed(runpy.run_path(str(ROOT / "tools" / "notebooks.py"))["run"](path, seconds=1500))
    assert len(again) == len(kept)
    for before, now in zip(kept, again, strict=True):
        words = [re.sub(r"[\d.]+", "#", text) for text in (before, now)]
        if "p_mislabeled" not in before:  # rows of nearly the same P(wrong) may change places
            assert words[0] == words[1]
            numbers = [[float(each) for each in re.findall(r"\d+(?:\.\d+)?", text)] for text in (before, now)]
            assert numbers[1] == pytest.approx(numbers[0], rel=0.15, abs=6)
