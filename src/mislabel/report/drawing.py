"""A matplotlib figure becomes SVG that is part of the page: its colours follow the page's light or dark theme, it has
no size of its own, no date, no link to anything, and the same figure gives the same bytes."""

import io
import re
import warnings
from collections.abc import Callable

from markupsafe import Markup, escape
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mislabel.report.formatting import clean

# Stand-ins that the page's own colours replace: a chart cannot know whether its reader has a dark screen.
INK, MUTED, LINE, ACCENT, ON_ACCENT, ON_HALF = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f", "#101112"
CARD = "#131415"
CLASS_COLOURS = tuple(f"#16170{k}" for k in range(1, 9))
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", ACCENT: "accent", ON_ACCENT: "on-accent", ON_HALF: "on-half"}
_VARIABLES |= {CARD: "card"} | {colour: f"class-{k}" for k, colour in enumerate(CLASS_COLOURS, 1)}
FONT_SIZE = 12.5
UNITS_PER_INCH = 72  # of SVG; figures are measured in units, which the page shows as pixels at most

_SETTINGS = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and the browser has letters that matplotlib lacks
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.parse_math": False,  # a $ in a label is a $
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.labelsize": FONT_SIZE,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "legend.fontsize": FONT_SIZE,
    "patch.force_edgecolor": False,
    "path.simplify": False,
}


def draw(title: str, width: float, height: float, paint: Callable[[Figure], None], description: str = "") -> Markup:
    """SVG of what `paint` puts into a figure of `width` x `height` units.

    Parameters
    ----------
    title : str
        What the chart shows, for those who cannot see it.
    description : str, optional
        What is to be seen in it, for the same readers.
    """
    # Settings of matplotlib are global, so they are borrowed for the time of one drawing.
    with style.context(["default", _SETTINGS | {"svg.hashsalt": title}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser's fonts have it
        figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH))
        paint(figure)
        file = io.StringIO()
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=no_metadata)
    return Markup(_inline(file.getvalue(), title, description, width, height))


def axes(figure: Figure, left: float = 64, bottom: float = 50, right: float = 22, top: float = 12) -> Axes:
    """Axes with margins in units, so that charts line up whatever is written on them."""
    width, height = figure.get_size_inches() * UNITS_PER_INCH
    box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    return figure.add_axes(box)


def page_colour(stand_in: str) -> str:
    """The page's own colour, for what stands outside of a chart."""
    return f"var(--{_VARIABLES[stand_in]})"


def _inline(text: str, title: str, description: str, width: float, height: float) -> str:
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # names repeat from chart to chart; only clip paths need theirs
    body = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), body)
    body = re.sub(r"\n\s*", "\n", body)
    for stand_in in _VARIABLES:
        body = re.sub(rf"(fill|stroke): {stand_in}\b", rf"\1: {page_colour(stand_in)}", body)
    if description:
        body = f"<desc>{escape(clean(description))}</desc>{body}"
    label = escape(title)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width: {width:g}px" role="img" aria-label="{label}">{body}'
    ).rstrip()
