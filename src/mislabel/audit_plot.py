"""A picture of an audit, for a notebook: how sure it is of wrong labels, and between which classes they lie."""

from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.sparse import csr_array

MOST_CLASSES = 12
BINS = 20


class Picture(Figure):
    """A figure that a notebook shows also where nobody has imported pyplot."""

    def _repr_png_(self) -> bytes:
        self.savefig(buffer := BytesIO(), format="png")
        return buffer.getvalue()


def plot_audit(table: pd.DataFrame, classes: list[Any], likely: float) -> Figure:
    """The figure; see `mislabel.Audit.plot`."""
    figure = Picture(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    judged = table.loc[table["status"] == "judged"]
    p = np.asarray(judged["p_mislabeled"], dtype=np.float64)
    counts, edges = np.histogram(p[np.isfinite(p)], bins=BINS, range=(0.0, 1.0))
    wrong = edges[:-1] >= likely
    for part, colour, name in ((~wrong, "tab:gray", "label likely right"), (wrong, "tab:red", "label likely wrong")):
        left.bar(edges[:-1][part], counts[part], width=np.diff(edges)[part], align="edge", color=colour, label=name)
    left.set_yscale("symlog")
    left.set_xlabel("P(label is wrong)")
    left.set_ylabel("rows")
    left.legend(frameon=False)
    _pairs(right, judged.loc[p > likely], classes)
    return figure


def _pairs(plot: Axes, wrong: pd.DataFrame, classes: list[Any]) -> None:
    """How often each class was given where another is suggested, of the classes with most of these rows."""
    code_of = {value: code for code, value in enumerate(classes)}
    pairs = zip(wrong["given_label"].tolist(), wrong["suggested_label"].tolist(), strict=True)
    cells = [(code_of[given], code_of[other]) for given, other in pairs if given in code_of and other in code_of]
    codes = np.array(cells, dtype=np.int64).reshape(-1, 2)
    counts: Any = csr_array(
        (np.ones(len(codes), dtype=np.int64), (codes[:, 0], codes[:, 1])), shape=(len(classes),) * 2
    )
    most = np.sort(np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:MOST_CLASSES])
    shown, names = counts[most][:, most].toarray(), [str(classes[code])[:20] for code in most]
    plot.imshow(shown, cmap="Reds")
    for set_ticks, set_labels, turned in (
        (plot.set_xticks, plot.set_xticklabels, 90), (plot.set_yticks, plot.set_yticklabels, 0),
    ):  # fmt: skip
        set_ticks(range(len(most)))
        set_labels(names, rotation=turned, parse_math=False)
    for (row, column), count in np.ndenumerate(shown):
        if count:
            dark = count > shown.max() / 2
            plot.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    plot.set_xlabel("suggested label")
    plot.set_ylabel("given label")
