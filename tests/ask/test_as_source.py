"""Answers of a model as a source: what `ask` writes trains as it is, and the report measures it on trusted rows."""

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ask.model_server import by_name, completion, says, serving
from fake_runs import review_run

from mislabel.modalities.loading import load_dataset
from mislabel.run.reading import Run
from mislabel.run.source_facts import interval

CENTRES = {"fox": (0, 4), "hare": (4, 0), "wolf": (-3, -3)}  # of `swallowed_file`


def nearest(asked):
    """The class whose centre is nearest, but for every fifth row, which is a hare."""
    x, y = (float(line.split(": ")[1]) for line in asked.row.split("\n"))
    name = min(CENTRES, key=lambda each: (x - CENTRES[each][0]) ** 2 + (y - CENTRES[each][1]) ** 2)
    key = asked.keys["hare" if int(abs(x) * 1000) % 5 == 0 else name]
    others = [other for other in asked.keys.values() if other != key]
    return says(key, {key: 0.9, others[0]: 0.06, others[1]: 0.04}, asked=asked)


@pytest.fixture(scope="module")
def asked(swallowed_file, tmp_path_factory, mislabel):
    """The file of answers about the animals, and what the command said."""
    out = tmp_path_factory.mktemp("asked") / "out.csv"
    with serving(nearest) as server:
        words = ["--features", "x*", "--label", "label", "--id", "id", "--endpoint", server.url, "--model", "tiny"]
        done = mislabel("ask", swallowed_file, *words, "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    return out, json.loads(done.stdout)


@pytest.mark.slow
def test_the_next_command_trains_with_the_answers_and_measures_them(asked, mislabel, tmp_path):
    out, said = asked
    words = shlex.split(said["next"])
    assert words[:2] == ["mislabel", "audit"]
    assert words[-1] == "RUN"
    more = ["--trusted", "checked", "--gold", "gold", "--method", "panel", "--option", "epochs=1", "--device", "cpu"]
    done = mislabel(*words[1:-1], tmp_path / "run", *more)
    assert done.exit_code == 0, done.stderr
    run, frame = Run.open(tmp_path / "run"), pd.read_csv(out)
    [line] = run.sources.to_dict("records")
    assert (line["source"], line["kind"], line["rows"]) == ("p_llm", "model", 240)
    known = frame["checked"].notna()
    right = (frame["llm"] == frame["checked"])[known]
    assert right.mean() < 1  # there is something to measure
    assert (line["checked"], line["checked_right"]) == (30, pytest.approx(right.mean()))
    assert (line["checked_low"], line["checked_high"]) == pytest.approx(interval(right.sum(), 30))
    page = run.folder.report.read_text(encoding="utf-8")
    low, high = (round(100 * each) for each in interval(right.sum(), 30))
    assert "Right, on checked rows" in page
    assert f"<b>{100 * right.mean():.0f}%</b> of 30 <small>{low}% to {high}%</small>" in page
    assert "on rows that were chosen, so of others it may differ" in page


def test_soft_answers_are_read_as_they_were_given(asked):
    data = load_dataset(
        str(asked[0]), features="x*", label="label", id="id", sources="p_llm", source_kind="p_llm=model"
    )
    shares = data.sources.soft(0, 3)
    assert shares.sum(1) == pytest.approx(np.ones(240), abs=1e-5)
    assert shares.max(1) == pytest.approx(np.full(240, 0.9), abs=1e-5)
    said = [data.labels.classes[code] for code in data.sources.votes[:, 0]]
    assert said == pd.read_csv(asked[0])["llm"].tolist()


def test_the_votes_about_a_run_are_read_with_its_data(mislabel, tmp_path):
    names = ["fox", "hare", "wolf"]
    texts = [f"a {names[k % 3]}" for k in range(9)]
    frame = pd.DataFrame(
        {"id": [f"m{k}" for k in range(9)], "text": texts, "label": [names[(k + 1) % 3] for k in range(9)]}
    )
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = review_run(tmp_path / "run", texts, [(k + 1) % 3 for k in range(9)], [k % 3 for k in range(9)], names)
    with serving(lambda asked: says(asked.keys[asked.row.split()[1]], asked=asked)) as server:
        words = ["--endpoint", server.url, "--model", "tiny", "--budget", "5", "--out", tmp_path / "votes.csv"]
        assert mislabel("ask", run.path, *words).exit_code == 0
    votes = tmp_path / "votes.csv"
    data = load_dataset(
        str(tmp_path / "d.csv"), text="text", label="label", id="id", votes=votes, source_kind="llm=model"
    )
    assert data.sources.kinds == ["model"]
    said = [None if code < 0 else data.labels.classes[code] for code in data.sources.votes[:, 0]]
    assert said == [*(names[k % 3] for k in range(5)), None, None, None, None]


def test_sources_that_abstain_are_read_back(tmp_path, mislabel):
    """In every format: a row without an answer is no vote, and numbers stay the classes that they are."""
    frame = pd.DataFrame({"text": ["class 3", "no class", "class 7", "class 3"], "label": [3, 3, 7, 7]})
    frame.to_parquet(tmp_path / "d.parquet")

    def known_or_refused(asked):
        key = asked.keys.get(asked.row[-1])
        return says(key, {"A": 0.5, "B": 0.5}, asked=asked) if key else completion("I cannot tell")

    for ending in ("csv", "parquet", "jsonl", "xlsx"):
        with serving(known_or_refused) as server:
            words = ["--text", "text", "--label", "label", "--endpoint", server.url, "--model", "tiny"]
            out = tmp_path / f"o.{ending}"
            assert mislabel("ask", tmp_path / "d.parquet", *words, "--out", out).exit_code == 0
        for column in ("llm", "p_llm"):
            data = load_dataset(str(out), text="text", label="label", sources=column, source_kind=f"{column}=model")
            assert data.labels.classes == [3, 7]
            assert (data.sources.votes[:, 0] >= 0).tolist() == [True, False, True, True]
        assert data.sources.soft(0, 2)[[0, 2, 3]] == pytest.approx(np.full((3, 2), 0.5))


@pytest.mark.slow
def test_the_commands_of_the_page(make_toy, tiny_encoder, mislabel, tmp_path, monkeypatch):
    """As docs/llm.md has them, with names of files in place of DATA and RUN."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "llm.md").read_text(encoding="utf-8")
    commands = [line for line in page.splitlines() if line.startswith("mislabel ")]
    assert [command.split()[1] for command in commands] == ["ask", "audit", "ask"]
    frame = make_toy(60)
    frame.assign(checked=frame["gold"].where(frame.index < 12)).to_csv("DATA.csv", index=False)
    Path("classes.toml").write_text('apple = "a fruit"\nboat = "it swims"\ncloud = "it flies"\n')
    with serving(lambda asked: by_name(asked, 0.9)) as server:
        for command in commands:
            words = shlex.split(command.replace("DATA", "DATA.csv").replace("http://localhost:8000/v1", server.url))
            small = ["--backbone", tiny_encoder, "--device", "cpu"] if words[1] == "audit" else []
            done = mislabel(*words[1:], *small)
            assert done.exit_code == 0, done.stderr
    [line] = Run.open("RUN").sources.to_dict("records")
    assert (line["source"], line["kind"], line["checked"], line["checked_right"]) == ("p_llm", "model", 12, 1.0)
    assert set(pd.read_csv("votes.csv")["source"]) == {"llm"}
