"""What would be published says the same everywhere, and the workflows call nothing but our own commands."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import mislabel

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
JOBS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
]


def test_citation():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "date-released", "license"} <= set(cited)
    assert (cited["title"], cited["version"]) == (PROJECT["name"], mislabel.__version__)
    assert cited["license"] == PROJECT["license"]
    assert cited["repository-code"] == PROJECT["urls"]["Repository"]
    for paper in cited["references"]:
        assert {"type", "title", "authors", "year", "url"} <= set(paper)
        assert paper["url"].removeprefix("https://arxiv.org/abs/") in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_repository_has_one_address():
    """`OWNER` until it has one; then all of them are replaced together."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in listed.splitlines():
        path = ROOT / name
        if path.suffix in {".md", ".toml", ".cff", ".yml"} and path.is_file():
            for owner in re.findall(r"github\.com/([\w-]+)/mislabel", path.read_text(encoding="utf-8")):
                found.setdefault(owner, []).append(name)
    owner = re.fullmatch(r"https://github\.com/([\w-]+)/mislabel", PROJECT["urls"]["Repository"])
    assert owner is not None
    found.get(owner.group(1), []).extend(found.pop("NAME", []))  # stands for the new one in MAINTAINING.md
    assert set(found) == {owner.group(1)}, found


def test_what_readme_installs_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r'pip install\s+"(?:mislabel|\.)\[([\w,]+)\]', readme)
    assert len(named) == 3
    for extras in named:
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert f'@ git+{PROJECT["urls"]["Repository"]}"' in readme


def test_dates_and_versions():
    """A version is either being made, or in the changelog."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changes or f"## [{mislabel.__version__}]" in changes
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", mislabel.__version__)


@pytest.mark.parametrize("job", JOBS)
def test_workflows_call_our_own_commands(job):
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        if "uses" in step:
            assert re.fullmatch(r"(actions|pypa)/[\w-]+@(v\d+|release/v1)", step["uses"])
            continue
        for line in step["run"].strip().splitlines():
            program, *words = line.split()
            if program == ".ci/run":
                assert (ROOT / ".ci" / "run").is_file()
                continue
            assert program == "make", line
            for word in words:
                name, given, _ = word.partition("=")
                assert name in phony.split() if not given else f"\n{name} ?=" in MAKEFILE, line


def test_ci_runs_targets_of_the_makefile():
    for target in re.findall(
        r"^make (\S+)(?: \w+=.*)?$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", MAKEFILE, re.MULTILINE), target


def test_the_workflows_cover_what_is_claimed():
    jobs = {
        name: job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
    }
    matrix = jobs["newest"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert matrix["python"] == [lowest, "3.12", "3.13", "3.14"]
    assert jobs["oldest"]["steps"][1]["with"]["python-version"] == lowest
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
