"""Without the packages that training needs, runs are read, reported, exported and reviewed; the rest says so."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid

import pytest
from patience import PATIENCE

from mislabel.errors import TRAINING

LACKS = re.compile(r'error: this needs torch, which is not installed: pip install "mislabel\[train\]"\n')


@pytest.fixture(scope="module")
def missing(tmp_path_factory) -> str:
    """A folder before all others on the path of Python, where these packages are as good as missing."""
    folder = tmp_path_factory.mktemp("missing")
    for name in set(TRAINING) - {"safetensors"}:  # which the extra `review` brings
        (folder / name).mkdir()
        told = f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n"
        (folder / name / "__init__.py").write_text(told, encoding="utf-8")
    return str(folder) + os.pathsep


@pytest.fixture(scope="module")
def light(missing, environment):
    """Runs Python so, with words after `python`."""

    def run(*words: object) -> subprocess.CompletedProcess:
        line, there = [sys.executable, *map(str, words)], environment["PYTHONPATH"]
        return subprocess.run(
            line, env=environment | {"PYTHONPATH": missing + there}, capture_output=True, text=True, timeout=PATIENCE
        )

    return run


@pytest.fixture
def run(evidence_run, tmp_path):
    return shutil.copytree(evidence_run, tmp_path / "run")


@pytest.mark.slow
def test_runs_are_reported_exported_and_corrected(light, run, swallowed_file, tmp_path):
    for words in (
        ("report", run),
        ("export", run, "-o", tmp_path / "corrected.csv"),
        ("export", run, "-o", tmp_path / "tasks.json", "--as", "label-studio"),
        ("import-decisions", run, tmp_path / "tasks.json"),
        ("corrupt", swallowed_file, "--label", "gold", "--kind", "sym", "--rate", "0.2", "-o", tmp_path / "n.csv"),
        ("--help",),
        ("--version",),
    ):
        done = light("-m", "mislabel", *words)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "audit DATA --features x* --label label --out new", "train DATA --features x* --label label --out new",
        "predict RUN DATA -o new", "methods", "bench quick --out new", "review RUN --order stability --no-browser",
    ],
)  # fmt: skip
def test_what_needs_more_says_so(light, run, swallowed_file, tmp_path, words):
    named = {"DATA": swallowed_file, "RUN": run, "new": tmp_path / "new.csv"}
    done = light("-m", "mislabel", *(named.get(word, word) for word in words.split()))
    assert done.returncode == 2, done.stderr
    if "stability" not in words:
        assert LACKS.fullmatch(done.stderr.split("note: ")[0]), done.stderr
    assert "Traceback" not in done.stderr


def test_python_says_so_too(light):
    done = light(
        "-c",
        "import mislabel\nprint(mislabel.Audit.__name__, sorted(dir(mislabel))[0])\n"
        "for name in ('TextClassifier', 'Recorder'):\n"
        "    try: getattr(mislabel, name)\n"
        "    except ImportError as error: print(error)\n"
        "try: import mislabel.hf\n"
        "except ImportError as error: print(error)\n",
    )
    assert done.returncode == 0, done.stderr
    first, *told = done.stdout.splitlines()
    assert first == "Audit Audit"
    assert told == ['this needs torch, which is not installed: pip install "mislabel[train]"'] * 3


@pytest.mark.slow
def test_a_review_goes_on_and_greys_what_it_cannot_tell(missing, run):
    from review.browser import Server

    server = Server(run, "--order", "trust", before=missing)

    def ask(path, said=None):
        body = None if said is None else json.dumps(said).encode()
        headers = {"Content-Type": "application/json"} if body else {}
        with urllib.request.urlopen(
            urllib.request.Request(server.address + path, body, headers), timeout=PATIENCE
        ) as answer:
            return json.loads(answer.read())

    try:
        for _ in range(25):
            row = ask("api/next")["row"]["row"]
            ask("api/decide", {"key": str(uuid.uuid4()), "rows": [row], "kind": "keep"})
        until = time.monotonic() + PATIENCE
        while 'pip install "mislabel[train]"' not in (said := " ".join(ask("api/estimate")["taught"]["words"])):
            assert time.monotonic() < until, said
            time.sleep(0.05)
        assert ask(f"api/rows/{row}/neighbours")
    finally:
        server.kill()
