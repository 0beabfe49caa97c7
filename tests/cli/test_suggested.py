"""What train and audit suggest at their end, in words and as JSON."""

import json

import pytest

from mislabel.cli.summary import in_folder, suggestion_lines
from mislabel.run.folder import RunFolder
from mislabel.run.suggestions import Suggestion


def test_a_class_that_swallows_others_is_asked_about(swallowed_file, evidence_options, tmp_path, mislabel):
    out = tmp_path / "a run"
    done = mislabel("audit", swallowed_file, *evidence_options, "--out", out)
    assert done.exit_code == 0, done.stderr
    told = done.stdout[done.stdout.index("worth trying:") :].splitlines()
    assert len(told) == 3
    assert told[1].startswith("  --trusted COL: ")
    assert "it seems to swallow other classes. Is as much of your data really “wolf”?" in told[1]
    assert told[2].startswith(f"  mislabel review '{out}' --order trust: ")


@pytest.mark.slow
@pytest.mark.parametrize("trusted", [True, False])
def test_json_has_them_as_a_list(swallowed_file, evidence_options, tmp_path, mislabel, trusted):
    line = [*evidence_options, *(["--trusted", "checked"] if trusted else []), "--out", tmp_path / "run", "--json"]
    done = mislabel("audit", swallowed_file, *line)
    assert done.exit_code == 0, done.stderr
    steps = json.loads(done.stdout)["suggestions"]
    assert [step["name"] for step in steps] == ([] if trusted else ["sink", "looks"])
    assert all(set(step) == {"name", "text", "command"} for step in steps)
    again = mislabel("report", tmp_path / "run", "--json")
    assert json.loads(again.stdout)["suggestions"] == steps
    assert "suggestions" not in json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))


def test_commands_name_the_folder_where_there_is_one(tmp_path):
    steps = [Suggestion("looks", "why RUN", "mislabel review RUN --order trust")]
    assert in_folder(steps, None) == steps
    (step,) = in_folder(steps, RunFolder(tmp_path / "it's \\1"))
    assert step.command == f"""mislabel review '{tmp_path}/it'"'"'s \\1' --order trust"""
    assert step.text == "why RUN"


def test_what_comes_from_data_cannot_drive_a_terminal():
    assert suggestion_lines([Suggestion("sink", "“a\x1b[31m\nb”", "--trusted COL")]) == [
        "worth trying:", "  --trusted COL: “a\\u001b[31m\\nb”",
    ]  # fmt: skip
