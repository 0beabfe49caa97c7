"""The columns of a row of a table: each against numpy on the table itself."""

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from hypothesis import given
from hypothesis import strategies as some
from review.browser import at, chromium, expect, press
from review.tables import customers, table_run
from scipy.stats import median_abs_deviation, norm

from mislabel.review.session import Session
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder
from mislabel.run.kept_features import rounded
from mislabel.run.reading import Run
from mislabel.run.unusual_columns import Columns, Value, unusual


@pytest.fixture
def table(tmp_path):
    return customers(tmp_path / "customers")


def values_of(path, row):
    return {value.name: value for value in Columns(Run.open(RunFolder(path))).of(row)}


def test_distances_are_those_from_the_rows_of_each_class(table):
    path, frame = table
    values = values_of(path, 0)
    assert set(values) == set(frame.columns)
    own = np.arange(60) % 2
    for name in ("noise", "age"):
        for label, code in (("given", 0), ("suggested", 1)):
            usual = frame[name][(own == code) & (np.arange(60) != 0)]
            spread = max(median_abs_deviation(usual) / norm.ppf(0.75), 0.05 * frame[name].std(ddof=0))
            expected = (frame[name][0] - usual.median()) / spread
            assert getattr(values[name], label) == pytest.approx(expected, rel=0.01, abs=0.02)  # kept in half precision
    assert values["visits"].value == "?"
    assert values["visits"].given is None
    assert values["same"] == Value(5, "same", "7", 0.0, 0.0, False)
    blue = frame["colour"] == "blue"
    assert values["colour"].is_share
    assert values["colour"].suggested == pytest.approx((blue[own == 1].sum() + 0.5) / 31)
    assert values["colour"].given == pytest.approx(0.5 / 30)  # 29 rows, none of which is blue


def test_the_unusual_columns_come_first_and_none_is_left_out(table):
    columns = Columns(Run.open(RunFolder(table[0])))
    for row in range(60):
        values = columns.of(row)
        assert sorted(value.index for value in values) == list(range(6))
        sizes = [unusual(value) for value in values]
        assert sizes == sorted(sizes, reverse=True)
    assert {value.name for value in columns.of(0)[:2]} == {"age", "colour"}


def test_values_are_those_of_the_table_to_three_digits(table):
    path, frame = table
    columns = Columns(Run.open(RunFolder(path)))
    for row in range(60):
        values = {value.name: value.value for value in columns.of(row)}
        assert values["age"] == str(frame["age"][row])
        assert values["colour"] == frame["colour"][row]
        assert values["since"] == str(frame["since"][row].date())
        assert float(values["noise"]) == pytest.approx(frame["noise"][row], abs=0.002)
        assert values["visits"] == ("?" if np.isnan(frame["visits"][row]) else f"{frame['visits'][row]:.0f}")


def test_what_the_nearest_rows_have_stands_beside_a_value(table):
    path, frame = table
    told = Columns(Run.open(RunFolder(path))).nearest(1, [3, 5, 7])
    near = frame.loc[[3, 5, 7]]
    apart = frame["age"][1] - near["age"].median()
    assert told[2] == f"{near['age'].median():.0f} ({'+' if apart > 0 else ''}{apart:.0f})"
    days = (frame["since"][1] - near["since"].median()).days
    assert told[3] == f"{near['since'].median().date()} ({'+' if days > 0 else ''}{days} days)"
    assert told[4] == "3 × blue"
    assert told[5] == "7 (0)"
    missing = Columns(Run.open(RunFolder(path))).nearest(0, [3, 5, 7])
    assert missing[1] == f"{near['visits'].median():.0f}"  # the row itself has no value to compare
    assert Columns(Run.open(RunFolder(path))).nearest(1, []) == []


def test_a_class_of_few_rows_says_nothing(tmp_path, table):
    _, frame = table
    path = table_run(tmp_path / "few", frame[["age"]].head(12), [0] * 8 + [1] * 4, [0] * 8 + [1] * 4, ["a", "b"])
    assert values_of(path, 11)["age"].given is None
    assert values_of(path, 0)["age"].given is not None


@pytest.mark.parametrize("file", ["embeddings.npy", "model/head.safetensors", "model/mislabel.json"])
def test_a_run_that_keeps_no_features_shows_none(table, file):
    path, _ = table
    (path / file).unlink()
    session = Session(RunFolder(path))
    assert Views(session).row(0).columns == []
    assert Views(session).neighbours(0).values == []
    session.close()


@given(some.floats(-1e9, 1e9), some.floats(1e-9, 1e6))
def test_a_rounded_number_has_no_digits_that_are_not_known_and_loses_none_that_are(value, step):
    told = rounded(value, step)
    size = 10.0 ** min(np.floor(-np.log10(step)), 6)
    assert abs(told - value) <= 0.5 / size * (1 + 1e-9) + 1e-7
    assert step <= max(1 / size, 1e-6) * (1 + 1e-9)


def test_a_share_counts_as_the_deviation_of_both_tails():
    value = Value(0, "colour", "red", 0.02, 0.4, True)
    assert unusual(value) == pytest.approx(norm.isf(0.01))


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_shows_all_columns_with_the_nearest_rows(review, table, width):
    path, _ = table
    with review(path, width=width) as it:
        page = it.page
        at(page, "m0")
        names = page.locator(".features-table tbody th")
        expect(names).to_have_count(6)
        assert set(names.all_inner_texts()[:2]) == {"age", "colour"}
        expect(page.locator(".features-table thead th")).to_have_text(
            ["Column", "Value", "In “young”", "In “old”", "Nearest rows"]
        )
        expect(page.locator(".features-table tr", has_text="colour").locator(".near")).to_have_text("3 × blue")
        widths = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert widths[0] <= widths[1]
        press(page, "s", "m1")
        expect(page.locator(".features-table thead th")).to_have_count(4)  # one class, given and suggested
        press(page, "k", "m2")
        expect(page.locator(".features-table tr", has_text="colour").locator("td").first).to_have_text("<b>teal</b>")
