"""Results in Markdown: a suite's section is replaced, the rest stays, no folder of this machine is told."""

import pytest

from mislabel.bench.results import duration, without_paths, write_results
from mislabel.bench.runner import run_bench
from mislabel.bench.suites import read_suite
from mislabel.errors import InputError
from mislabel.methods import METHODS

METHODS_RUN = ["ce:epochs=1", "ce:epochs=0"]


@pytest.fixture
def done(blob_suite, tmp_path):
    """A suite, what was found, and its folder; gold was asked for by the suite and not run."""
    suite, out = read_suite(str(blob_suite)), tmp_path / "some where" / "out"
    command = f"mislabel bench blobs.toml --out '{out}' --data-dir {tmp_path}/deep --results={tmp_path}/R.md"
    found = run_bench(suite, out, methods=METHODS_RUN, seeds=1, data_dir=tmp_path, command=command)
    return suite, found, out


def test_the_section(done, tmp_path):
    suite, found, out = done
    path = tmp_path / "RESULTS.md"
    write_results(suite, found, out, path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Results")
    assert text.index("<!-- bench blobs -->") < text.index("## Blobs") < text.index("<!-- /bench blobs -->")
    assert "Points around three centres." in text
    assert (out / "table.md").read_text(encoding="utf-8").strip() in text
    assert "mislabel bench blobs.toml --out out --data-dir deep --results=R.md" in text
    for words in ("Machine: ", " cores", "torch ", "python 3", "batch_size 16"):
        assert words in text
    assert str(tmp_path) not in text
    assert "![Accuracy against seconds](RESULTS-blobs.svg)" in text
    assert (tmp_path / "RESULTS-blobs.svg").read_bytes() == (out / "plot.svg").read_bytes()
    failed, missing = text.split("**Failed**")[1].split("**Not run**")
    assert "- planted, ce:epochs=0, seed 0: InputError: epochs is 0" in failed
    assert "- gold: nothing" in missing
    for name in METHODS:
        assert f"- {name}: nothing" in missing
    assert "ce:epochs" not in missing


def test_what_was_run_in_part_is_listed_by_data_and_seed(blob_suite, tmp_path):
    suite, out = read_suite(str(blob_suite)), tmp_path / "out"
    found = run_bench(suite, out, methods=["ce"], data=["real"], seeds=1, data_dir=tmp_path)
    write_results(suite, found, out, tmp_path / "R.md")
    assert "- ce: planted, seed 0, 1; real, seed 1\n" in (tmp_path / "R.md").read_text(encoding="utf-8")


def test_written_again_it_takes_the_place_of_the_old_one(done, tmp_path):
    path = tmp_path / "RESULTS.md"
    before, after = "# My words\n\nAbove.\n\n<!-- bench other -->\nkept\n<!-- /bench other -->\n", "\n\nBelow: ü\n"
    path.write_text(f"{before}<!-- bench blobs -->\nold table\n<!-- /bench blobs -->{after}", encoding="utf-8")
    write_results(*done, path)
    once = path.read_text(encoding="utf-8")
    assert once.startswith(before)
    assert once.endswith(f"<!-- /bench blobs -->{after}")
    assert "old table" not in once
    write_results(*done, path)
    assert path.read_text(encoding="utf-8") == once


def test_a_file_with_one_mark_is_left_alone(done, tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text("<!-- bench blobs -->\nwhere does it end?")
    with pytest.raises(InputError, match="mend it"):
        write_results(*done, path)
    assert path.read_text() == "<!-- bench blobs -->\nwhere does it end?"


def test_words():
    assert [duration(value) for value in (7.4, 600, 9000)] == ["7 s", "10 min", "2.5 h"]
    told = without_paths("mislabel bench ~/s.toml --out /a/b --methods ce,ido --data-dir=/x/z --results '/c d/R.md'")
    assert told == "mislabel bench s.toml --out b --methods ce,ido --data-dir=z --results R.md"
    told = without_paths("mislabel bench quick --out runs/b --address ray://host:1 --jobs 2")
    assert told == "mislabel bench quick --out runs/b --address ADDRESS --jobs 2"
