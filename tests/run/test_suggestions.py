"""What a run suggests to do next, from the numbers it leaves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_runs import write_fake_run

from mislabel.audit import Audit
from mislabel.run.reading import Run
from mislabel.run.suggestions import FEWEST, Shown, shown_by_audit, shown_by_run, suggestions

TRUSTED = {"trusted": {"rows": 50, "by_class": {}, "drawn": "chosen"}}
DOUBTED = {"evidence": {"held": 1.0, "kept": 0.3}}
DESCRIBED = {"describe": {"DESC": ["a question"]}}
SWALLOWED = {"given": np.array([0.59, 0.41]), "believed": np.array([0.37, 0.63])}
CALM = Shown(
    classes=["sports", "world news"], given=np.array([0.5, 0.5]), believed=np.array([0.45, 0.55]), by_opinion=True,
    judged=1000, modality="text", method="ido", settings={"tune": "full"}, metrics={},
)  # fmt: skip


def names(shown):
    return [each.name for each in suggestions(shown)]


def command(shown, name):
    (found,) = [each.command for each in suggestions(shown) if each.name == name]
    return found


def test_without_a_trusted_label_looks_are_suggested():
    (only,) = suggestions(CALM)
    assert (only.name, only.command) == ("looks", "mislabel review RUN --order trust")
    assert "--decisions RUN" in only.text
    assert suggestions(replace(CALM, metrics=TRUSTED)) == []


def test_a_training_elsewhere_has_no_options_of_ours():
    shown = replace(CALM, settings={"door": "audit_from"}, metrics=DOUBTED, **SWALLOWED)
    assert names(shown) == ["looks"]
    assert suggestions(shown)[0].text.endswith("then give decisions=RUN to the same call.")


def test_a_class_that_swallows_others_is_asked_about():
    shown = replace(CALM, **SWALLOWED)
    assert names(shown) == ["sink", "looks"]
    sink = suggestions(shown)[0]
    assert "59% of the labels say “sports”, and only 37% of the rows look like it" in sink.text
    assert "Is as much of your data really “sports”?" in sink.text
    assert sink.command == "--describe FILE --method panel"


def test_without_that_opinion_it_is_the_largest_class_that_grows():
    """As whoever fits the given shares learns it: IDO on wrench_trec."""
    grown = {"given": np.array([0.59, 0.41]), "believed": np.array([0.88, 0.12])}
    (sink,) = [each for each in suggestions(replace(CALM, **grown, by_opinion=False)) if each.name == "sink"]
    assert "59% of the labels say “sports”, and what was learned says so of 88%" in sink.text
    shown = replace(CALM, **grown, by_opinion=True)
    assert "“world news”" in suggestions(shown)[0].text  # by the opinion it is the one that shrinks
    small = {"given": np.array([0.2, 0.25, 0.55]), "believed": np.array([0.4, 0.22, 0.38])}
    assert "“c”" in suggestions(replace(CALM, **small, classes=["a", "b", "c"], by_opinion=False))[0].text


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"method": "panel"}, "--describe FILE"),
        ({"settings": DESCRIBED}, "--trusted COL --method panel"),
        ({"method": "panel", "settings": DESCRIBED}, "--trusted COL"),
        ({"metrics": TRUSTED}, "--describe FILE"),  # trusted rows make use of descriptions with every method
        ({"modality": "features"}, "--trusted COL --method panel"),
        ({"metrics": TRUSTED, "settings": DESCRIBED}, None),  # all is done
        ({"metrics": TRUSTED, "modality": "features"}, None),
        ({"metrics": DOUBTED}, None),  # a space that holds no classes says nothing of their shares
    ],
)
def test_what_a_sink_asks_for_is_what_was_not_given(more, wanted):
    shown = replace(CALM, **SWALLOWED, **more)
    if wanted is None:
        assert "sink" not in names(shown)
    else:
        assert command(shown, "sink") == wanted


@pytest.mark.parametrize(
    ("given", "believed"),
    [
        ([0.25, 0.75], [0.21, 0.79]),
        ([0.95, 0.05], [0.86, 0.14]),
        ([0.33, 0.67], [0.28, 0.72]),
    ],
)
def test_shares_that_differ_a_little_are_no_sink(given, believed):
    assert "sink" not in names(replace(CALM, given=np.array(given), believed=np.array(believed)))


def test_an_encoder_that_does_not_hold_the_classes():
    shown = replace(CALM, metrics=DOUBTED)
    assert names(shown) == ["encoder", "looks"]
    assert command(shown, "encoder") == "--backbone NAME"
    assert command(replace(shown, settings={"tune": "head"}), "encoder") == "--backbone NAME, or train with --tune full"
    assert command(replace(shown, modality="features"), "encoder") == "--features OTHERS"
    assert "Some class would keep only 30% of its rows" in suggestions(shown)[0].text
    assert names(replace(shown, metrics={"evidence": {"held": 0.0}})) == ["looks"]
    unrelated = replace(shown, metrics={"evidence": {"held": 20.0, "kept": 0.95}})
    assert suggestions(unrelated)[0].text.startswith("Either the labels say nothing of the texts, or the encoder does")


def test_classes_that_are_codes_ask_for_what_they_mean():
    shown = replace(CALM, classes=["DESC", "world news"])
    assert names(shown) == ["looks", "meanings"]
    assert command(shown, "meanings") == "--describe FILE --method panel"
    assert "such as “DESC”" in suggestions(shown)[1].text
    assert names(replace(shown, settings=DESCRIBED)) == ["looks"]
    assert names(replace(shown, modality="features")) == names(replace(shown, modality="image")) == ["looks"]
    assert names(replace(CALM, classes=[0, 1])) == ["looks", "meanings"]


def test_names_that_say_too_little_do_so_too():
    shown = replace(CALM, method="panel", metrics={"evidence": {"held": 0, "weak": ["sports"]}})
    assert command(shown, "meanings") == "--describe FILE"
    assert names(replace(shown, settings=DESCRIBED)) == ["looks"]


def test_at_most_three_and_the_most_valuable_first():
    shown = replace(CALM, classes=["DESC", "ENTY"], **SWALLOWED)
    assert names(shown) == ["sink", "looks"]  # what the classes mean is asked for already
    assert names(replace(shown, metrics=DOUBTED)) == ["encoder", "looks", "meanings"]


@pytest.mark.parametrize("more", [{"judged": FEWEST - 1}, {"metrics": {"labels_related": False}}])
def test_nothing_is_suggested_where_nothing_is_known(more):
    assert suggestions(replace(CALM, classes=["DESC", "ENTY"], **SWALLOWED, **more)) == []


@pytest.mark.parametrize("with_opinion", [True, False])
@pytest.mark.parametrize("classes", [["a", "b", "c"], [0, 1, 2]])
def test_an_audit_and_its_run_show_the_same(tmp_path, classes, with_opinion):
    """Shares among judged rows alone; the transition opinion before the posterior."""
    random = np.random.default_rng(0)
    columns = {name: random.integers(0, 3, 300) for name in ("given", "suggested", "transition")}
    status = np.where(np.arange(300) % 3, "judged", "held_out")
    table = pd.DataFrame({f"{name}_label": np.take(classes, codes) for name, codes in columns.items()})
    table = table.assign(id=np.arange(300), p_mislabeled=0.1, status=status)
    if not with_opinion:
        table = table.drop(columns="transition_label")
    metrics = {"method": "panel", "rows": 300, "evidence": {"held": 0.0}}
    settings = {"method": "panel", "tune": "head"}
    folder = write_fake_run(tmp_path / "run", table, classes, metrics=metrics, config={"settings": settings})
    audit = Audit(table, np.empty((0, 0)), classes, np.eye(3), metrics)
    judged = status == "judged"
    believed = columns["transition" if with_opinion else "suggested"][judged]
    for shown in (shown_by_audit(audit, settings, "text"), shown_by_run(Run.open(folder))):
        assert (shown.judged, shown.method, shown.modality) == (200, "panel", "text")
        assert shown.by_opinion == with_opinion
        np.testing.assert_allclose(shown.given, [(columns["given"][judged] == k).mean() for k in range(3)])
        np.testing.assert_allclose(shown.believed, [(believed == k).mean() for k in range(3)])
        assert names(shown) == names(replace(shown, classes=classes))
