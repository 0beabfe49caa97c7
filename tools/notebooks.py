"""Run the notebooks of examples/notebooks and keep what they show: `python tools/notebooks.py [NAME ...]`.

A slow test runs them, too, and compares what is printed with what was kept.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "notebooks"


def run(path: Path, seconds: int = 600) -> nbformat.NotebookNode:
    """The notebook with what its cells show now, without times and names of this machine."""
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # of tqdm, which others bring
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=seconds, kernel_name="python3", resources=place, record_timing=False).execute()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not sys.argv[1:] or path.stem in sys.argv[1:]:
            nbformat.write(run(path), path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
