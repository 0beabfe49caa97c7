"""Build what would be published, and try it as a stranger would: `make release`.

dist/ gets sdist and wheel. Their metadata are checked; the wheel goes into an empty environment, which runs the demo in
an empty folder; then come the size, how complete the public types are, and the licences of all that it brings.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
EXTRAS = "train,image,review,demo"
TYPED = 96.4  # per cent of the names that importers see; it only grows
LICENCES = """
from importlib.metadata import distributions
for each in sorted(distributions(), key=lambda one: one.name.lower()):
    about = each.metadata
    said = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License")]
    name = about.get("License-Expression") or ", ".join(said) or (about.get("License") or "not said").splitlines()[0]
    print(f"| {each.name} | {each.version} | {name} |")
"""
DEMO = """
import sys
from pathlib import Path
import mislabel, pandas as pd
assert Path(mislabel.__file__).is_relative_to(sys.prefix), mislabel.__file__
from mislabel import TextClassifier
messages = pd.read_csv(Path(mislabel.__file__).parent / "bench" / "messages.csv").query("split == 'train'")
classifier = TextClassifier(tune="head", seed=0).fit(messages["text"], messages["label"], ids=messages["id"])
print(classifier.audit_)
"""

WHERE = "import mislabel; print(mislabel.__path__[0] + '/bench/messages.csv')"
AUDIT = "--text text --label label --gold gold --id id --split split --out runs/audit"


def main() -> None:
    wheel = build()
    with tempfile.TemporaryDirectory() as place:
        python = install(wheel, Path(place))
        demo(python, Path(place) / "empty")
        types(python)
        licences(python)
    print(f"ready: {', '.join(sorted(each.name for each in DIST.iterdir()))}")


def build() -> Path:
    """The wheel, after both archives were looked at."""
    shutil.rmtree(DIST, ignore_errors=True)
    call([sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT)], "build")
    call([sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(DIST.glob("mislabel-*")))], "metadata")
    [wheel] = DIST.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        about = next(archive.read(name).decode() for name in names if name.endswith("METADATA"))
    for needed in ("mislabel/py.typed", "mislabel/bench/messages.csv"):
        assert needed in names, f"the wheel lacks {needed}"
    relative = re.findall(r"\]\((?!https?:)[^)]*\)", about)
    assert not relative, f"links that package pages cannot follow: {relative}"
    print(f"wheel: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files")
    return wheel


def install(wheel: Path, place: Path) -> Path:
    """The Python of an empty environment that has the wheel and what it needs."""
    call([sys.executable, "-m", "venv", str(place / "venv")], "environment")
    python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    call([str(python), *words, f"{wheel}[{EXTRAS}]"], "installing")
    call([str(python), "-m", "pip", "check"], "requirements")
    return python


def demo(python: Path, folder: Path) -> None:
    """The way of a new user, on the messages that the wheel brings."""
    folder.mkdir()
    print(call([str(python), "-c", DEMO], "first audit from Python", folder))
    messages = call([str(python), "-c", WHERE], "", folder).strip()
    call([str(python), "-m", "mislabel", "audit", messages, *AUDIT.split()], "audit", folder)
    call([str(python), "-m", "mislabel", "report", "runs/audit"], "report", folder)
    assert (folder / "runs" / "audit" / "report.html").stat().st_size > 10_000


def types(python: Path) -> None:
    """How many of the names that importers see have a known type."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"  # pyright takes the first Python there
    words = [sys.executable, "-m", "pyright", "--verifytypes", "mislabel", "--ignoreexternal"]
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run(words, env=plain | {"PATH": path}, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Type completeness score: ([\d.]+)%", said)
    assert found is not None, said[-2000:]
    print(f"types known: {found.group(1)} %")
    assert float(found.group(1)) >= TYPED, f"under {TYPED} %"


def licences(python: Path) -> None:
    table = "| package | version | licence |\n|---|---|---|\n" + call([str(python), "-c", LICENCES], "")
    (DIST.parent / "build").mkdir(exist_ok=True)
    (DIST.parent / "build" / "licences.md").write_text(table, encoding="utf-8")
    print(f"licences of {table.count(chr(10)) - 2} packages: build/licences.md")


def call(words: list[str], what: str, folder: Path = ROOT) -> str:
    """What a command prints; its time is told, and all that it said where it fails."""
    begin = time.perf_counter()
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=folder, env=plain, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{what or words} failed:\n{done.stdout}\n{done.stderr}")
    if what:
        print(f"{what}: {time.perf_counter() - begin:.0f} s", flush=True)
    return done.stdout


if __name__ == "__main__":
    main()
