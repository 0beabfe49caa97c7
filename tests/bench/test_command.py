"""`mislabel bench`: what it prints, where it writes, its exit codes."""

import json

import pytest


@pytest.mark.slow
def test_a_bench_from_the_command_line(blob_suite, tmp_path, mislabel):
    out, results = tmp_path / "out", tmp_path / "RESULTS.md"
    words = ["bench", blob_suite, "--methods", "ce:epochs=2, gold:epochs=2", "--seeds", 2, "--data", "real"]
    words += ["--data-dir", tmp_path, "--out", out, "--device", "cpu", "--balance", "half"]
    done = mislabel(*words, "--results", results)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("| method | cells | accuracy % |")
    assert "0 cells failed" in done.stdout
    assert "4/4 real gold:epochs=2 seed 1: accuracy" in done.stderr
    assert "## Blobs" in results.read_text(encoding="utf-8")
    assert sorted(path.name for path in out.iterdir() if path.name[0] != ".") == [
        "bench.json", "cells", "data", "plot.svg", "results.jsonl", "table.csv", "table.md",
    ]  # fmt: skip
    settings = [json.loads(path.read_text(encoding="utf-8"))["settings"] for path in out.glob("cells/*/config.json")]
    assert [one["balance"] for one in settings] == ["half"] * 4
    again = mislabel(*words, "--json")
    assert again.exit_code == 0, again.stderr
    printed = json.loads(again.stdout)
    assert printed["cells"] == [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert "4 of 4 cells are done already" in again.stderr


def test_a_failed_cell_is_told_at_the_end(blob_suite, tmp_path, mislabel):
    words = ["--methods", "ce:epochs=0", "--data", "real", "--data-dir", tmp_path, "--out", tmp_path / "out"]
    done = mislabel("bench", blob_suite, *words, "--seeds", 1)
    assert done.exit_code == 1
    assert "1 cells failed" in done.stdout
    assert "🟥 **failed**: InputError: epochs is 0" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quik"], 'did you mean "quick"?'),
        (["quick", "--methods", "ce,idoo"], 'did you mean "ido"?'),
        (["quick", "--data", "digit"], 'did you mean "digits"?'),
        (["quick", "--seeds", "0"], "--seeds is 0"),
        (["quick", "--jobs", "0"], "--jobs is 0"),
        (["quick", "--tune", "half"], "needed one of full, head"),
        (["quick", "--balance", "full"], "needed one of none, half, classes"),
        (["quick", "--backend", "spark"], "needed one of loky, ray, dask"),
    ],
)
def test_wrong_words(words, said, tmp_path, mislabel):
    done = mislabel("bench", *words, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.stderr
    assert said in done.stderr
