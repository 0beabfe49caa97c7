"""Six rows of animals as the tests of exports know them, and a run on them."""

from pathlib import Path

import pandas as pd
from fake_runs import make_run

from mislabel.run.folder import RunFolder

CSV = """id,text,label,price,note
a1,first,cat,007,NA
a2,"second, with a comma",dog,1.50,
a3,third,cat,1e3,null
a4,fourth,dog,,"two
lines"
a5,fifth,,-0,x
a6,sixth,bird,3,y
"""
SUGGESTED = {"a1": "dog", "a2": "cat", "a4": "bird", "a6": "cat"}
P = {"a1": 0.99, "a2": 0.8, "a4": 0.4, "a6": 0.95}


def animals_run(folder: Path) -> RunFolder:
    """A run on `animals.csv`, of which one row has no label and was left out."""
    path = folder / "animals.csv"
    path.write_text(CSV, encoding="utf-8")
    return make_run(folder / "run", pd.read_csv(path), source=path, text="text", suggested=SUGGESTED, p=P)
