"""The command line: what it prints, its exit codes, and messages that say what to do."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE

from mislabel.cli.options import PANELS

COMMANDS = [
    "train", "audit", "predict", "report", "review", "export", "import-decisions", "ask", "corrupt", "methods", "bench",
]  # fmt: skip


def test_a_run_prints_its_metrics_as_json(toy_run):
    printed = json.loads((toy_run.parent / "toy.stdout").read_text())
    kept = json.loads((toy_run / "metrics.json").read_text())
    assert printed["out"] == str(toy_run)
    assert {name: printed[name] for name in ("rows", "noise_rate", "detection")} == {
        name: kept[name] for name in ("rows", "noise_rate", "detection")
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name, mislabel):
    done = mislabel(name, "--help")
    assert done.exit_code == 0
    assert f"Example: mislabel {name}" in done.stdout


def test_the_version_is_told(mislabel):
    assert mislabel("--version").stdout == f"mislabel {version('mislabel')}\n"


@pytest.mark.parametrize("command", ["train", "audit"])
def test_help_stands_in_panels(command, mislabel):
    shown = mislabel(command, "--help").stdout
    titles = [name for name in re.findall(r"^╭─ (\w+) ─", shown, re.MULTILINE) if name not in ("Arguments", "Options")]
    assert titles == list(PANELS)
    for name in (
        name
        for names in PANELS.values()
        for name in names
        if name not in ("as_json", "tune", "lora_rank", "keep_checkpoints")
    ):
        assert f"--{name.replace('_', '-')} " in shown


def test_help_and_import_leave_torch_alone(environment):
    """Both stay quick: neither torch nor transformers, pandas or scikit-learn is imported."""
    script = (
        "import sys, mislabel\n"
        "heavy = {'torch', 'transformers', 'accelerate', 'sklearn', 'pandas', 'scipy', 'numpy', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from mislabel.cli import main\n"
        "sys.argv = ['mislabel', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "print('still light')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "still light" in done.stdout
    assert all(name in done.stdout for name in COMMANDS)


def test_the_public_names(environment):
    import mislabel as package

    for name in package.__all__:
        assert getattr(package, name) is not None
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = package.Nothing


def test_methods(mislabel):
    listed = json.loads(mislabel("methods", "--json").stdout)
    assert {"ce", "ido"} <= set(listed)
    assert "2505.00812" in listed["ido"]["paper"]
    shown = mislabel("methods").stdout
    for name, entry in listed.items():
        assert name in shown
        assert entry["when"] in shown


def test_methods_stand_under_what_the_labels_look_like(mislabel):
    from mislabel.methods.registry import GROUPS

    listed = json.loads(mislabel("methods", "--json").stdout)
    under, heading = {}, None
    for line in mislabel("methods").stdout.splitlines():
        if line.endswith(":"):
            heading = line[:-1]
        elif line and not line.startswith(" "):
            under[line.split()[0]] = heading
    assert under == {name: GROUPS[about["group"]] for name, about in listed.items()}
    assert not mislabel("methods", "--scores").stdout.splitlines()[0].endswith(":")


def test_the_options_of_a_method_are_listed(mislabel):
    from dataclasses import fields

    from mislabel.methods import METHODS

    for name, entry in METHODS.items():
        listed = json.loads(mislabel("methods", name, "--json").stdout)
        defaults = {field.name: field.default for field in fields(entry.make)}
        assert {option: about["default"] for option, about in listed.items()} == defaults
    assert "global, class or both  [default: global]" in mislabel("methods", "ido").stdout
    assert mislabel("methods", "idoo").exit_code == 2


def test_the_options_of_train_are_the_settings_of_a_run(mislabel):
    """Every setting of a run or of its data is an option of the command, with its choices."""
    from mislabel.data.plan import Plan
    from mislabel.run.settings import RunConfig
    from mislabel.settings import declarations

    shown = mislabel("train", "--help").stdout
    for name, declaration in {**declarations(Plan), **declarations(RunConfig)}.items():
        if name not in ("options", "held_out", "classes", "need_labels"):
            assert f"--{name.replace('_', '-')} " in shown
            assert "|".join(declaration.choices) in shown


def test_every_command_that_reads_inputs_takes_those_of_every_modality(mislabel, monkeypatch):
    from mislabel.cli.options import takes_inputs
    from mislabel.modalities import modality, modality_names, registry

    for command in ("train", "audit", "predict", "ask", "corrupt"):
        shown = mislabel(command, "--help").stdout
        assert all(f"--{name} " in shown and modality(name).help[:20] in shown for name in modality_names())
    monkeypatch.setitem(registry._REGISTERED, "sound", modality("text"))

    @takes_inputs("Beside it.")
    def listen(data: str, loud: bool = False, **inputs: str | None) -> None: ...

    assert list(signature(listen).parameters) == ["data", *modality_names(), "loud"]
    assert modality_names()[-1] == "sound"


def test_report_is_written_again(toy_run, tmp_path, mislabel):
    import shutil

    shutil.copytree(toy_run, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    done = mislabel("report", tmp_path / "run", "--rows", "5", "--json")
    assert done.exit_code == 0, done.stderr
    path = json.loads(done.stdout)["report"]
    assert path == str(tmp_path / "run" / "report.html")
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_corrupt_plants_what_it_says(toy_file, tmp_path, mislabel):
    out = tmp_path / "noisy.csv"
    line = ["corrupt", toy_file, "--label", "gold", "--kind", "sym", "--rate", "0.3", "--exact", "--seed", "3"]
    done = mislabel(*line, "-o", out, "--json")
    assert done.exit_code == 0, done.stderr
    told, frame = json.loads(done.stdout), pd.read_csv(out)
    wrong = frame["noisy_label"] != frame["gold"]
    assert int(wrong.sum()) == told["flipped"] == 27
    assert told["realised_rate"] == pytest.approx(0.3)
    assert json.loads((tmp_path / "noisy.csv.noise.json").read_text())["flipped"] == 27
    again = mislabel(*line, "-o", tmp_path / "again.csv")
    assert again.exit_code == 0
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()


@pytest.mark.slow
def test_a_run_tells_a_person_what_it_found(toy_file, tiny_options, tmp_path, mislabel):
    done = mislabel("train", toy_file, *tiny_options, "--gold", "gold", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    likely = metrics["likely_wrong"]
    assert f"{likely['likely']} of {likely['judged']} judged rows are more likely wrong than right." in done.stdout
    assert f"At least {metrics['noise_rate']['at_least']:.1%} of the labels are wrong" in done.stdout
    assert "wrong labels by gold: 20.0%" in done.stdout
    assert f"mislabel review {tmp_path / 'run'} --order random --budget 50" in done.stdout.replace("\n", "")
    assert f"run: {tmp_path / 'run'}" in done.stdout
    assert f"mislabel review {tmp_path / 'run'}" in done.stdout.replace("\n", "")
    worst = pd.read_parquet(tmp_path / "run" / "audit.parquet").head(10)
    for name in worst["id"]:
        assert name in done.stdout
    assert "panel 1/5" in done.stderr
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["method"] == metrics["method"] == "panel"  # the name, not "the default"


BASE = ["--text", "text", "--label", "label"]


@pytest.fixture
def table(tmp_path, make_toy):
    """Writes a table that differs from the toy by what is given; gives its path."""

    def write(**columns):
        frame = make_toy(60).assign(**columns)
        path = tmp_path / "data.parquet"
        frame.to_parquet(path)
        return path

    return write


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--text", "texts", "--label", "label"], ['"texts"', 'did you mean "text"?']),
        (["--text", "text", "--label", "labl"], ['"labl"', 'did you mean "label"?']),
        ([*BASE, "--gold", "golden"], ['"golden"', 'did you mean "gold"?']),
        ([*BASE, "--method", "idoo"], ["method 'idoo' is not known (did you mean \"ido\"?); choose one of ce, "]),
        ([*BASE, "--method", "ido", "--option", "warm_epoch=2"], ["IDO has no option", 'did you mean "warm_epochs"']),
        ([*BASE, "--option", "epoch=2"], ["and panel, which is then taken, has no option", '"epochs"']),
        ([*BASE, "--tune", "head", "--option", "epoch=2"], ["and panel, which is then taken, has no", '"epochs"']),
        ([*BASE, "--option", "warm_epochs"], ["'warm_epochs' is not of the form name=value"]),
        ([*BASE, "--option", "epochs=0"], ["epochs is 0, needed 1 to"]),
        ([*BASE, "--branches", "heads"], ["has no option 'branches'", "name the --method that it belongs to"]),
        ([*BASE, "--tune", "half"], ["tune is 'half', needed one of full, head"]),
        ([*BASE, "--missing", "ignore"], ["missing", "ignore", "error", "drop", "unlabeled"]),
        ([*BASE, "--holdout", "1.5"], ["holdout is 1.5"]),
        ([*BASE, "--batch-size", "0"], ["batch_size is 0"]),
        ([*BASE, "--device", "abacus"], ["device is 'abacus'"]),
        ([*BASE, "--backbone", "/no/such/model"], ["/no/such/model", "cannot be loaded"]),
        ([*BASE, "--learning-rates", "1"], ["--learning-rates"]),
    ],
)
def test_wrong_words_get_exit_code_2_and_a_way_out(line, words, toy_file, tmp_path, mislabel):
    done = mislabel("train", toy_file, *line, "--out", tmp_path / "run")
    assert done.exit_code == 2
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"label": ["a"] * 60}, ["1 class", "'a'", "at least 2"]),
        ({"label": [None, ""] + ["a", "b"] * 29}, ["2 of 60 rows have no label", "rows 0, 1", "drop"]),
        ({"text": list(range(60))}, ["60 of 60 rows hold no text but int", "rows 0, 1, 2, 3, 4 (and 55 more)"]),
        ({"label": [0.5] * 60}, ["label", "regression"]),
        ({"id": ["same"] * 60}, ["same"]),
    ],
)
def test_wrong_data_gets_exit_code_2_and_the_rows(columns, words, table, tiny_encoder, tmp_path, mislabel):
    more = ["--id", "id"] if "id" in columns else []
    done = mislabel("train", table(**columns), *BASE, *more, "--backbone", tiny_encoder, "--out", tmp_path / "run")
    assert done.exit_code == 2
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["train", "/no/such/file.csv", *BASE, "--out", "/tmp/never"], ["/no/such/file.csv"]),
        (["predict", "/no/such/run", "x.csv", "-o", "/tmp/never.csv"], ["/no/such/run is no run folder"]),
        (["report", "/no/such/run"], ["/no/such/run is no run folder"]),
    ],
)
def test_missing_files_are_named(line, words, mislabel):
    done = mislabel(*line)
    assert done.exit_code == 2
    for word in words:
        assert word in done.stderr, done.stderr


def test_exit_codes_of_the_real_process(command, toy_file, tmp_path):
    done = command("train", toy_file, "--text", "texts", "--label", "label", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert 'did you mean "text"?' in done.stderr


def test_predictions_for_data_without_the_column(toy_run, tmp_path, mislabel):
    pd.DataFrame({"body": ["boat1 boat2 boat3 boat4"]}).to_csv(tmp_path / "new.csv", index=False)
    done = mislabel("predict", toy_run, tmp_path / "new.csv", "-o", tmp_path / "p.csv")
    assert done.exit_code == 2
    assert "text" in done.stderr
    assert "body" in done.stderr
    done = mislabel("predict", toy_run, tmp_path / "new.csv", "-o", tmp_path / "p.csv", "--text", "body")
    assert done.exit_code == 0, done.stderr
    assert pd.read_csv(tmp_path / "p.csv")["predicted_label"].tolist() == ["boat"]


def test_predictions_do_not_depend_on_the_batch(toy_run, toy_file, tmp_path, mislabel):
    """One row alone gets what it got among ninety, whatever padding they shared."""
    frame = pd.read_csv(toy_file)
    frame.iloc[[7]].to_csv(tmp_path / "one.csv", index=False)
    for source, out in ((toy_file, "all.parquet"), (tmp_path / "one.csv", "one.parquet")):
        assert mislabel("predict", toy_run, source, "-o", tmp_path / out, "--id", "id").exit_code == 0
    many, one = (pd.read_parquet(tmp_path / name) for name in ("all.parquet", "one.parquet"))
    np.testing.assert_allclose(one.filter(like="p_"), many.filter(like="p_").iloc[[7]], atol=1e-6)


def test_what_cannot_be_judged_is_not_assessed_and_never_a_clean_bill(tiny_options, tmp_path, mislabel):
    for rows, labels in ((40, ["a"] * 40), (2, ["a", "b"])):
        path = tmp_path / f"{rows}.csv"
        texts = [f"apple{k % 20} boat{k % 20}" for k in range(rows)]
        pd.DataFrame({"id": range(rows), "text": texts, "label": labels}).to_csv(path, index=False)
        done = mislabel("audit", path, *tiny_options)
        assert done.exit_code == 2
        assert done.stderr.startswith("not assessed: ")
        assert done.stdout == ""


RUNS_WITHOUT_TORCH = """
import sys
from inspect import signature

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "accelerate"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from mislabel.cli import main
sys.argv = ["mislabel", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["train", "DATA", "--text", "txt", "--label", "label", "--out", "run"], 'did you mean "text"?'),
        (["train", "DATA", *BASE, "--tune", "heads", "--out", "run"], 'did you mean "head"?'),
        (["train", "DATA", *BASE, "--out", "full"], "full is not empty"),
        (["train", "DATA", *BASE, "--out", "file/run"], "file is a file"),
        (["audit", "DATA", "--text", "text", "--label", "labl"], 'did you mean "label"?'),
        (["predict", "RUN", "DATA", "-o", "nowhere/p.csv"], "nowhere"),
        (["predict", "RUN", "DATA", "-o", "p.cvs"], "p.cvs"),
        (["predict", "RUN", "DATA", "-o", "p.csv", "--id", "idd"], 'did you mean "id"?'),
        (["corrupt", "DATA", "--label", "gold", "--kind", "sym", "--rate", "0.1", "-o", "nowhere/n.csv"], "nowhere"),
        (["bench", "quick", "--out", "file/bench"], "file is a file"),
    ],
)
def test_what_is_wrong_is_told_before_torch_is_imported(line, words, toy_file, toy_run, tmp_path, environment):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    named = [{"DATA": str(toy_file), "RUN": str(toy_run)}.get(word, word) for word in line]
    done = subprocess.run(
        [sys.executable, "-c", RUNS_WITHOUT_TORCH, *named],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (["train", "DATA", *BASE, "--method", "idoo"], "ido"),
        (["train", "DATA", *BASE, "--method", "ce", "--option", "epocs=3"], "epochs"),
        (["train", "DATA", *BASE, "--method", "ido", "--option", "scope=globl"], "global"),
        (["train", "DATA", *BASE, "--score", "aun"], "aum"),
        (["train", "DATA", *BASE, "--tune", "heads"], "head"),
        (["train", "DATA", *BASE, "--precision", "bf61"], "bf16"),
        (["train", "DATA", *BASE, "--device", "cdua"], "cuda"),
        (["train", "DATA", *BASE, "--optimizer", "adam"], "adamw"),
        (["train", "DATA", *BASE, "--schedule", "cosin"], "cosine"),
        (["train", "DATA", *BASE, "--missing", "eror"], "error"),
        (["train", "DATA", *BASE, "--on-bad", "quarantin"], "quarantine"),
        (["train", "DATA", "--text", "txt", "--label", "label"], "text"),
        (["train", "DATA", "--text", "text", "--label", "lable"], "label"),
        (["train", "DATA", "--features", "txt", "--label", "label"], "text"),
        (["train", "DATA", *BASE, "--gold", "golt"], "gold"),
        (["train", "DATA", *BASE, "--id", "idd"], "id"),
        (["train", "DATA", *BASE, "--split", "gld"], "gold"),
        (["predict", "RUN", "DATA", "-o", "OUT/p.csv", "--by", "modle"], "model"),
        (["predict", "RUN", "DATA", "-o", "OUT/p.csv", "--device", "cpuu"], "cpu"),
        (["review", "RUN", "--order", "wrost"], "worst"),
        (["export", "RUN", "-o", "OUT/t.csv", "--as", "tabel"], "table"),
        (["corrupt", "DATA", "--label", "gold", "--kind", "symm", "--rate", "0.1", "-o", "OUT/n.csv"], "sym"),
        (["corrupt", "DATA", "--label", "golt", "--kind", "sym", "--rate", "0.1", "-o", "OUT/n.csv"], "gold"),
        (["methods", "dygem"], "dygen"),
        (["bench", "quik"], "quick"),
        (["bench", "quick", "--methods", "ce,idoo"], "ido"),
        (["bench", "quick", "--data", "digit"], "digits"),
        (["bench", "quick", "--backend", "rya"], "ray"),
        (["bench", "quick", "--tune", "heads"], "head"),
    ],
)
def test_a_misspelt_name_gets_the_one_that_was_meant(line, meant, toy_file, toy_run, tmp_path, mislabel):
    named = [{"DATA": toy_file, "RUN": toy_run}.get(word, word.replace("OUT", str(tmp_path))) for word in line]
    more = ["--out", tmp_path / "out"] if line[0] in ("train", "bench") else []
    done = mislabel(*named, *more)
    assert done.exit_code == 2
    assert f'did you mean "{meant}"?' in done.stderr


@pytest.mark.slow
def test_a_run_on_a_relative_backbone_is_usable_from_anywhere(toy_file, tiny_options, tmp_path, mislabel, monkeypatch):
    encoder = Path(tiny_options[tiny_options.index("--backbone") + 1])
    monkeypatch.chdir(encoder.parent)
    line = ["audit", toy_file, *[encoder.name if word == str(encoder) else word for word in tiny_options]]
    assert mislabel(*line, "--out", tmp_path / "run").exit_code == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings["backbone"] == str(encoder.resolve())
    monkeypatch.chdir(tmp_path)
    assert mislabel("predict", tmp_path / "run", toy_file, "-o", "p.csv").exit_code == 0
    again = mislabel("audit", toy_file, *tiny_options, "--out", tmp_path / "run", "--resume")  # spelled in full
    assert again.exit_code == 0, again.stderr
    assert "nothing to continue" in again.stderr
