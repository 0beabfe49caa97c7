"""Several labels a row: the forms in which they come, kinds of sources, and the label that they come to."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel import InputError
from mislabel.data.consensus import agree
from mislabel.data.label_sources import Sources, kinds_of
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.data.source_columns import expanded
from mislabel.modalities.dataset import make_dataset

# anna, ben and cleo on six rows; anna and ben abstain once, all of them on the last row.
ANNA = ["cat", "cat", "dog", "emu", None, None]
BEN = ["cat", "dog", "dog", "dog", "emu", None]
CLEO = ["dog", "dog", "dog", "cat", "emu", None]
FRAME = pd.DataFrame({"anna": ANNA, "ben": BEN, "cleo": CLEO})
TEXTS = [f"text {row}" for row in range(6)]


def made(**given):
    return make_dataset(TEXTS, ids=list("uvwxyz"), **given)


def as_numbers(missing):
    code = {"cat": 0, "dog": 1, "emu": 2, None: missing}
    return np.array([[code[label] for label in row] for row in zip(ANNA, BEN, CLEO, strict=True)])


def long_table():
    votes = [
        (id, name, label) for name in FRAME for id, label in zip("uvwxyz", FRAME[name], strict=True) if pd.notna(label)
    ]
    return pd.DataFrame(votes[::-1], columns=["id", "source", "label"])


def test_every_form_says_the_same():
    wanted = as_numbers(-1)
    forms = [
        {"sources": FRAME},
        {"sources": FRAME.to_dict("list")},
        {"sources": FRAME.replace({None: ""})},
        {"sources": FRAME.replace({None: "-1"})},
        {"sources": as_numbers(-1)},
        {"sources": as_numbers(np.nan)},
        {"sources": pd.DataFrame(as_numbers(-1)).astype("Int64").replace(-1, pd.NA)},
        {"sources": pd.Series(as_numbers(-1).tolist())},
        {"sources": [*as_numbers(-1)[:5].tolist(), None]},
        {"votes": long_table()},
        {"sources": FRAME[["anna", "ben"]], "votes": long_table().query("source == 'cleo'")},
    ]
    for form in forms:
        data = made(**form)
        np.testing.assert_array_equal(data.sources.votes, wanted)
        assert data.labels.classes in (["cat", "dog", "emu"], [0, 1, 2])
        assert data.labels.codes.tolist() == [0, 1, 1, 1, 2, -1]
    assert made(sources=as_numbers(-1)).sources.names == ["source_0", "source_1", "source_2"]
    assert made(votes=long_table()).sources.names == ["anna", "ben", "cleo"]


def test_the_consensus_is_told_and_rows_without_votes_stay():
    data = made(sources=FRAME)
    # Row x: one vote each. Of ben's 10 pairs of votes 6 agree, of anna's 8 pairs 3, of cleo's 10 pairs 5.
    assert data.sources.consensus == {"majority": 5, "least_covering": 0, "ties": 1, "none": 1}
    assert data.status.tolist() == ["class_too_small" if code in (0, 2) else "judged" for code in [0, 1, 1, 1, 2]] + [
        "unlabeled"
    ]
    assert any("majority of people in 5 rows (1 ties" in note for note in data.notes)
    assert any("Rows without a label, kept out" in note for note in data.notes)
    assert len(made(sources=FRAME, missing="drop").sources.votes) == 5


def test_labels_beside_sources_stay():
    data = made(labels=["cat"] * 3 + ["dog"] * 3, sources=FRAME)
    assert data.labels.classes == ["cat", "dog", "emu"]  # with the one that only a source says
    assert data.labels.codes.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.sources.consensus is None
    with pytest.raises(InputError, match="3 of 6 rows have no label"):
        made(labels=["cat"] * 3 + [None] * 3, sources=FRAME)


def test_classes_that_a_trusted_label_adds_move_the_votes():
    data = made(sources=FRAME, trusted=["bee", *[None] * 5])
    assert data.labels.classes == ["bee", "cat", "dog", "emu"]
    np.testing.assert_array_equal(data.sources.votes, np.where(as_numbers(-1) < 0, -1, as_numbers(-1) + 1))
    listed = made(sources=FRAME, classes=["emu", "dog", "cat"])
    assert listed.labels.classes == ["emu", "dog", "cat"]
    np.testing.assert_array_equal(with_sorted_classes(listed).sources.votes, as_numbers(-1))


def test_who_says_what_is_part_of_the_data():
    other = FRAME.copy()
    other.loc[0, "cleo"] = "cat"  # the majority stays
    kinds = {"source_kind": "anna=model"}
    prints = [made(**each).fingerprint for each in ({"sources": FRAME}, {"sources": other}, {"sources": FRAME} | kinds)]
    assert len(set(prints)) == 3
    assert made(sources=FRAME).fingerprint == prints[0]


def test_kinds():
    rules = np.array([[0, 1, -1], [0, -1, -1], [-1, 1, -1], [-1, -1, 2]])
    model = np.array([0, 1, 1, 2])
    assert kinds_of(list("abc"), rules, None) == ["rule"] * 3
    assert kinds_of(list("abcd"), np.column_stack([rules, model]), None) == ["rule"] * 3 + ["model"]
    assert kinds_of(list("abcd"), np.column_stack([rules, [0, 1, -1, -1]]), None)[3] == "person"
    assert kinds_of(["one"], model[:, None], None) == ["person"]
    assert kinds_of(["r_1", "r_2", "x"], rules, "r_*=person, x = model") == ["person", "person", "model"]
    for said, words in (("y=rule", "no source"), ("a", "no kind"), ("a=robot", "needed one of"), ("d=rule", "several")):
        with pytest.raises(InputError, match=words):
            kinds_of(list("abcd"), np.column_stack([rules, model]), said)


def test_of_rules_the_least_covering_speaks_and_people_go_before_them():
    votes = np.array([[0, -1, -1], [0, 1, -1], [0, -1, 2], [-1, 1, 2], [0, -1, -1]])
    rules = Sources(["wide", "b", "c"], votes, ["rule"] * 3)
    assert agree(rules, np.ones(5, dtype=bool))[0].tolist() == [0, 1, 2, 1, 0]  # of two that cover as many: class 1
    # Where other rows are counted, another rule covers least.
    assert agree(rules, np.array([True, False, True, True, True]))[0].tolist() == [0, 1, 2, 1, 0]
    assert agree(rules, np.array([False, True, False, True, False]))[0].tolist() == [0, 0, 0, 2, 0]
    both = Sources([*rules.names, "anna"], np.column_stack([votes, [3, -1, -1, -1, 3]]), [*rules.kinds, "person"])
    codes, how = agree(both, np.ones(5, dtype=bool))
    assert codes.tolist() == [3, 1, 2, 1, 3]
    assert how == {"majority": 2, "least_covering": 3, "ties": 0, "none": 0}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(4)), again=st.integers(0, 3))
def test_neither_order_nor_repetition_changes_the_consensus(seed, order, again):
    random = np.random.default_rng(seed)
    votes, kinds = random.integers(-1, 3, (30, 4)), ["person", "person", "person", "model"]
    rows = random.permutation(30)
    before, how = agree(Sources(list("abcd"), votes, kinds), np.ones(30, dtype=bool))
    changed = np.column_stack([votes[rows][:, order], votes[rows][:, again], np.full(30, -1)])
    after, same = agree(
        Sources(list("abcdef"), changed, [*[kinds[each] for each in order], kinds[again], "person"]), np.ones(30, bool)
    )
    np.testing.assert_array_equal(after, before[rows])
    assert same == how


def test_silent_and_repeated_sources_are_named():
    frame = FRAME.assign(dora=BEN, eve=None)
    notes = " ".join(made(sources=frame).notes)
    assert "Sources that never speak, left out: 'eve'." in notes
    assert "'dora = ben'" in notes
    assert made(sources=frame).labels.codes.tolist() == made(sources=FRAME).labels.codes.tolist()


def test_labels_made_from_the_sources_are_no_further_evidence():
    data = made(sources=FRAME)
    assert data.sources.holding(data.labels.codes)
    assert not data.sources.holding(np.array([2, 2, 2, 2, 2, -1]))
    assert not data.sources.holding(np.array([0, 1, 1, 1, 2, 2]))  # somebody labelled what no source did


def test_globs_mean_columns_in_the_order_of_the_table():
    names = ["text", "rule_2", "rule_1", "gpt"]
    assert expanded("gpt, rule_*", names) == ["rule_2", "rule_1", "gpt"]
    with pytest.raises(InputError, match=r"no column is called .rules.*did you mean"):
        expanded("rules", ["text", "rule_"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sources": FRAME.assign(anna=1.5)}, "anna.*not whole"),
        ({"sources": FRAME.assign(dora=[0, 1, 2, 0, 1, 2])}, "dora holds whole number"),
        ({"sources": [[0, 1], [0], [1, 1], [0, 0], [0, 0], [1, 1]]}, "row 1 .* list of 2 votes"),
        ({"sources": np.zeros((6, 2, 2))}, "shape"),
        ({"sources": FRAME.iloc[:5]}, "5 votes for 6 rows"),
        ({"sources": FRAME.assign(anna=None, ben=None, cleo=None)}, "none of the 3 sources says anything"),
        ({"sources": FRAME, "classes": ["cat", "dog"]}, "'emu' is not among classes.*'x'"),
        ({"votes": long_table().rename(columns={"label": "class"})}, "no column 'label'"),
        ({"votes": long_table().assign(id="nobody")}, "none of the 14 votes is of a row"),
        ({"sources": FRAME, "votes": long_table()}, "called the same: 'anna'"),
        (
            {"votes": pd.DataFrame({"id": ["u", "u"], "source": ["anna"] * 2, "label": ["cat", "dog"]})},
            "anna labels row 'u' more than once",
        ),
        ({"sources": FRAME, "source_kind": "dora=rule"}, "no source is called 'dora'"),
        ({"labels": ANNA, "source_kind": "anna=rule"}, "no sources were given"),
    ],
)
def test_what_cannot_be_votes_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        made(**given)


def test_votes_on_other_rows_are_left_out_and_told():
    more = pd.DataFrame({"id": ["q", "r"], "source": "anna", "label": "cat"})
    data = made(votes=pd.concat([long_table(), more]))
    np.testing.assert_array_equal(data.sources.votes, as_numbers(-1))
    assert "Votes on rows that the data do not have, left out: 2 of 16." in data.notes
