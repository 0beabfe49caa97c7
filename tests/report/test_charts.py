"""Charts: what is counted into bars by hand, and what their SVG may hold."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

from mislabel.posterior.beta_mixture import BetaMixture
from mislabel.report import charts
from mislabel.report.gold import detection, reliability
from mislabel.report.heat_map import heat_map

MIXTURE = BetaMixture(np.array([0.6, 0.4]), np.array([0.5, 4.0]), np.array([4.0, 0.5]))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("xlink:href", "href"))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter("text")]


def test_bars_stand_on_a_grid_of_few_steps():
    centres, heights, width = charts.rate_bars(np.array([0, 1 / 3, 1]), np.array([5, 2, 1]))
    np.testing.assert_allclose(centres, [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_array_equal(heights, [5, 2, 0, 1])
    assert width == pytest.approx(1 / 3)


def test_rates_rounded_to_six_digits_are_on_the_grid():
    rates = np.round(np.arange(8) / 7, 6)
    assert charts.rate_bars(rates, np.ones(8, dtype=int))[1].tolist() == [1] * 8


@pytest.mark.parametrize("rates", [np.linspace(0, 1, 301), np.array([0, 1 / 3, 2 / 5, 3 / 7, 1]), np.array([0.123])])
def test_other_rates_are_binned_and_none_is_lost(rates):
    centres, heights, _ = charts.rate_bars(rates, np.arange(1, len(rates) + 1))
    assert heights.sum() == np.arange(1, len(rates) + 1).sum()
    assert len(centres) <= 41


@pytest.mark.parametrize("rates", [np.array([0.0]), np.array([1.0]), np.array([0.0, 1.0])])
def test_a_single_rate_is_a_bar(rates):
    _, heights, _ = charts.rate_bars(rates, np.full(len(rates), 9))
    assert heights.max() == 9


def test_charts_are_the_same_twice_without_outside_links_and_leave_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    random = np.random.default_rng(0)
    stated = random.random(300)
    wrong = random.random(300) < stated
    epochs = [{"stage": "a", "agreement": 0.5}, {"stage": "b", "agreement": 0.75}]
    curve = detection(wrong, stated)

    def everything() -> list[str]:
        return [
            charts.rate_histogram(np.array([0, 0.5, 1]), np.array([5, 2, 4]), MIXTURE),
            charts.probability_histogram(stated),
            charts.agreement_chart(epochs, 0.6),
            charts.found_chart(curve),
            charts.precision_recall_chart(curve),
            charts.reliability_chart(reliability(wrong, stated)),
            heat_map(np.array([[0.9, 0.1], [0.2, 0.8]]), ["a", "b"]),
        ]

    first = everything()
    assert everything() == first
    for svg in first:
        root = parsed(svg)
        assert root.attrib["role"] == "img"
        assert {"width", "height"}.isdisjoint(root.attrib)
        assert "http" not in svg
        assert "var(--accent)" in svg
        assert not re.search(r"(fill|stroke): #(?!ffffff)", svg)  # every stand-in became a colour of the page
    assert dict(matplotlib.rcParams) == before


def test_a_mixture_that_tells_nothing_apart_is_not_drawn():
    rates, counts = np.array([0, 0.5, 1]), np.array([5, 2, 4])
    flat = BetaMixture(np.array([0.5, 0.5]), np.ones(2), np.ones(2), identified=False)
    assert "label wrong" in texts(charts.rate_histogram(rates, counts, MIXTURE))
    assert charts.rate_histogram(rates, counts, flat) == charts.rate_histogram(rates, counts, None)


def test_heat_map_writes_per_cent_and_labels_as_they_are():
    labels = ["$x_1$ & <b>", "a label that is much too long to be written out", "\u202e😀\0"]
    matrix = np.array([[0.876, 0.12, 0.004], [0, 1, 0], [0.3, 0.2, 0.5]])
    written = texts(heat_map(matrix, labels))
    assert written.count("$x_1$ & <b>") == 2
    assert written.count("a label that is m…") == 2
    assert written.count("😀␀") == 2
    numbers = [text for text in written if text.strip("<").isdigit()]
    assert numbers == ["88", "12", "<1", "0", "100", "0", "30", "20", "50"]


def test_heat_map_of_many_classes_has_colours_but_no_numbers():
    written = texts(heat_map(np.eye(13), [f"c{k}" for k in range(13)]))
    assert sorted(written) == sorted([f"c{k}" for k in range(13)] * 2 + ["given label", "true label"])


def test_size_does_not_depend_on_the_number_of_rows():
    random = np.random.default_rng(1)
    small, large = (random.random(n) for n in (300, 100_000))
    assert len(charts.probability_histogram(large)) < 1.2 * len(charts.probability_histogram(small))
    wrong = random.random(100_000) < large
    assert len(charts.found_chart(detection(wrong, large))) < 20_000
    assert len(charts.precision_recall_chart(detection(wrong, large))) < 20_000
