"""Labels: every form of them, every way of having none, and the user's own values back out again."""

import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data import Labels, encode_against, encode_labels
from mislabel.data.labels import decode
from mislabel.errors import InputError


def encode(values, **settings):
    """Codes, classes and warnings, with ids r0, r1, ..."""
    labels, warnings = encode_labels(values, [f"r{place}" for place in range(len(values))], **settings)
    return labels.codes.tolist(), labels.classes, warnings


def typed(values):
    return [(type(value), value) for value in values]


ACCEPTED = {
    "strings": (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
    "ints": ([3, 1, 3], [1, 3], [1, 0, 1]),
    "bools": ([True, False, True], [False, True], [1, 0, 1]),
    "only true": ([True, True], [True], [0, 0]),
    "whole floats": ([2.0, 1.0], [1.0, 2.0], [1, 0]),
    "numpy strings": (np.array(["b", "a"]), ["a", "b"], [1, 0]),
    "list of numpy scalars": ([np.int8(3), np.int64(1)], [1, 3], [1, 0]),
    "numpy bools in a list": ([np.bool_(True), np.bool_(False)], [False, True], [1, 0]),
    "numpy strings in a list": ([np.str_("b"), np.str_("a")], ["a", "b"], [1, 0]),
    "float32": (np.array([2, 1], dtype=np.float32), [1.0, 2.0], [1, 0]),
    "whole numbers of two types": ([1, 2.0], [1.0, 2.0], [0, 1]),
    "a tuple": (("b", "a"), ["a", "b"], [1, 0]),
    "object array": (np.array(["b", "a"], dtype=object), ["a", "b"], [1, 0]),
    "Series with another index": (pd.Series(["b", "a"], index=[7, 7]), ["a", "b"], [1, 0]),
    "pandas strings": (pd.Series(["b", "a"], dtype="string"), ["a", "b"], [1, 0]),
    "nullable ints": (pd.array([3, 1], dtype="Int64"), [1, 3], [1, 0]),
    "nullable bools": (pd.array([True, False], dtype="boolean"), [False, True], [1, 0]),
    "arrow-backed ints": (pd.Series([3, 1], dtype="int64[pyarrow]"), [1, 3], [1, 0]),
    "Categorical": (pd.Categorical(["b", "a", "b"]), ["a", "b"], [1, 0, 1]),
    "Series of int categories": (pd.Series([3, 1], dtype="category"), [1, 3], [1, 0]),
    "unsorted categories": (pd.Categorical(["b", "a"], categories=["b", "a"]), ["a", "b"], [1, 0]),
    "ordered categories": (pd.Categorical(["b", "a"], categories=["b", "a"], ordered=True), ["b", "a"], [0, 1]),
    "a level that no row has": (pd.Categorical(["b"], categories=["a", "b", "z"]), ["a", "b", "z"], [1]),
    "arrow strings": (pa.array(["b", "a"]), ["a", "b"], [1, 0]),
    "arrow dictionary": (pa.array(["b", "a", "b"]).dictionary_encode(), ["a", "b"], [1, 0, 1]),
    "arrow chunks": (pa.chunked_array([pa.array([3]), pa.array([1])]), [1, 3], [1, 0]),
    "arrow-backed dictionary": (
        pd.Series(["b", "a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))), ["a", "b"], [1, 0],
    ),
    "gaps between the codes": ([10, 500, 10], [10, 500], [0, 1, 0]),
    "negative": ([-5, 3, -1], [-5, -1, 3], [0, 2, 1]),
    "huge": ([2**62, -(2**62), 2**63 - 1], [-(2**62), 2**62, 2**63 - 1], [1, 0, 2]),
    "beyond 64 bits": ([2**70, 5], [5, 2**70], [1, 0]),
    "unsigned 64 bits": (np.array([2**64 - 1, 1], dtype=np.uint64), [1, 2**64 - 1], [1, 0]),
    "int8": (np.array([127, -128], dtype=np.int8), [-128, 127], [1, 0]),
    "uint8": (np.array([200, 1, 255], dtype=np.uint8), [1, 200, 255], [1, 0, 2]),
    "big-endian": (np.array([300, 1], dtype=">i2"), [1, 300], [1, 0]),
    "every second": (np.arange(6)[::-2], [1, 3, 5], [2, 1, 0]),
    "a column vector": (np.array([[3], [1]]), [1, 3], [1, 0]),
    "rows of one": ([["b"], ["a"]], ["a", "b"], [1, 0]),
    "a frame of one column": (pd.DataFrame({"y": ["b", "a"]}), ["a", "b"], [1, 0]),
    "text that pandas would cut at NUL": (["a\0c", "a\0b"], ["a\0b", "a\0c"], [1, 0]),
    "text that looks like a number": (["1", "01", "-1"], ["-1", "01", "1"], [2, 1, 0]),
    "a masked array with nothing masked": (np.ma.masked_array([3, 1]), [1, 3], [1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    values, classes, codes = ACCEPTED[name]
    labels, warnings = encode_labels(values, range(len(values)))
    assert typed(labels.classes) == typed(classes)
    assert labels.codes.tolist() == codes
    assert labels.codes.dtype == np.int64
    assert warnings == []


def test_read_only_arrays_are_left_alone():
    values = np.array([3, 1, 3])
    values.setflags(write=False)
    assert encode(values)[0] == [1, 0, 1]
    codes = encode_labels(values, range(3))[0].codes
    assert not np.shares_memory(codes, values)


@pytest.mark.parametrize("codes", [np.arange(4), np.array([0, 1, 1, 0])])
def test_codes_are_never_the_callers_own_array(codes):
    labels, _ = encode_labels(codes, range(4))
    labels.codes[0] = 1
    assert codes[0] == 0


MISSING = {
    "None": (["a", None, "b"], "null"),
    "NaN": (["a", float("nan"), "b"], "null"),
    "NA": (["a", pd.NA, "b"], "null"),
    "NaT": (["a", pd.NaT, "b"], "null"),
    "empty": (["a", "", "b"], "''"),
    "spaces": (["a", " ", "b"], "' '"),
    "nan": (["a", "nan", "b"], "'nan'"),
    "NaN in words": (["a", "NaN", "b"], "'NaN'"),
    "<NA> in words": (["a", "<NA>", "b"], "'<NA>'"),
    "float NaN": (np.array([1.0, np.nan, 2.0]), "null"),
    "NaN among bools": ([False, np.nan, True], "null"),
    "nullable": (pd.array([1, None, 2], dtype="Int64"), "null"),
    "nullable bool": (pd.array([False, None, True], dtype="boolean"), "null"),
    "pandas string": (pd.Series(["a", None, "b"], dtype="string"), "null"),
    "arrow": (pa.array([1, None, 2]), "null"),
    "arrow dictionary": (pa.array(["a", None, "b"]).dictionary_encode(), "null"),
    "Categorical": (pd.Categorical(["a", None, "b"]), "null"),
    "empty level": (pd.Categorical(["a", "", "b"]), "''"),
    "masked": (np.ma.masked_array([1, 5, 2], mask=[0, 1, 0]), "null"),
    "minus one": ([0, -1, 1], "-1"),
    "minus one hundred": (np.array([0, -100, 1]), "-100"),
    "minus one as float": ([0.0, -1.0, 1.0], "-1.0"),
    "minus one, nullable": (pd.array([0, -1, 1], dtype="Int64"), "-1"),
    "minus one as level": (pd.Categorical([0, -1, 1]), "-1"),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing(name):
    values, form = MISSING[name]
    with pytest.raises(InputError) as caught:
        encode(values, name="stars")
    message = str(caught.value)
    assert message.startswith("stars: 1 of 3 rows have no label")
    assert f"(written as {form})" in message
    assert "rows 'r1'" in message
    assert 'missing="unlabeled"' in message
    assert ("classes=[...]" in message) == ("minus" in name)
    for policy in ("unlabeled", "drop"):
        codes, classes, _ = encode(values, missing=policy)
        assert codes == [0, -1, 1]
        assert len(classes) == 2


def test_at_most_five_rows_are_named():
    with pytest.raises(InputError, match=r"12 of 13 .*rows 'r1', 'r2', 'r3', 'r4', 'r5' \(and 7 more\)"):
        encode([1] + [None] * 12)


def test_all_forms_of_missing_at_once():
    with pytest.raises(InputError, match=r"4 of 6 rows .*null, '', 'NAN'"):
        encode(["a", None, "", "NAN", float("nan"), "b"])


def test_nothing_but_missing_labels():
    for values in ([None, pd.NA], ["", "nan"], [-1, -100], np.array([np.nan])):
        codes, classes, _ = encode(values, missing="unlabeled")
        assert set(codes) == {-1}
        assert classes == []


def test_minus_one_is_a_class_where_the_user_says_so():
    assert encode([-1, 1, 0], classes=[-1, 0, 1])[:2] == ([0, 2, 1], [-1, 0, 1])
    assert encode([-1, -2, 0])[:2] == ([1, 0, 2], [-2, -1, 0])


def test_unknown_policy():
    with pytest.raises(InputError, match='did you mean "unlabeled"'):
        encode([1], missing="unlabelled")


REFUSED = {
    "half": ([0.5, 1.0], r"looks like regression / soft labels.*|0\.5.*'r0'"),
    "infinite": ([1.0, np.inf], "looks like regression"),
    "text and number": (["a", 1], r"mix text and whole number .*list all of them with classes"),
    "bool and number": ([True, 0, 2], r"mix true/false and whole number \(rows with true/false: 'r0'\)"),
    "mixed levels": (pd.Categorical(["a", 1]), "mix text and whole number"),
    "large numbers of two types": ([2**53 + 1, 1.0], "mix"),
    "multilabel": ([[1, 2], [3]], "multilabel is not supported"),
    "multilabel in one row": (["a", ["b", "c"]], r"multilabel is not supported \(rows 'r1'\)"),
    "sets": ([{"a"}, {"b"}], "multilabel is not supported"),
    "2-D ints": (np.array([[1, 2], [3, 4]]), r"shape \(2, 2\).*multilabel is not supported"),
    "many-hot": (np.array([[1, 1, 0], [0, 1, 0]]), "multilabel is not supported"),
    "3-D": (np.zeros((2, 2, 2)), "multilabel is not supported"),
    "lists of words": ([["a", "b"], ["c", "d"]], "multilabel is not supported"),
    "soft": (np.array([[0.5, 0.5], [0.9, 0.1]]), "Soft labels are not supported by this command yet"),
    "soft within 1e-3": ([[0.5, 0.4995], [0.9, 0.1]], "Soft labels are not supported"),
    "not probabilities": (np.array([[0.5, 0.4], [0.9, 0.1]]), "multilabel is not supported"),
    "bytes": ([b"a", b"b"], "type bytes"),
    "dates": (pd.to_datetime(["2020-01-01", "2020-01-02"]), "type Timestamp"),
    "nanoseconds": (np.array(["2020-01-01"], dtype="M8[ns]"), "type Timestamp"),
    "complex": (np.array([1j, 2j]), "type complex"),
    "objects without a hash": ([bytearray(b"a"), bytearray(b"b")], "type bytearray"),
    "intervals": (pd.cut(pd.Series([1, 2]), 2), "type Interval"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    values, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        encode(values)


@pytest.mark.parametrize("values", ["abc", 3, {"a": 1}, None])
def test_no_column_at_all(values):
    with pytest.raises(InputError, match="one label per row"):
        encode_labels(values, range(3))


def test_lengths_differ():
    with pytest.raises(InputError, match="3 labels were given for 2 rows"):
        encode_labels([1, 2, 3], range(2))


class TestOneHot:
    def test_is_said(self):
        codes, classes, warnings = encode(np.eye(3)[[2, 0]])
        assert (codes, classes) == ([2, 0], [0, 1, 2])  # class 1 has no row and stays
        assert "one-hot matrix of shape (2, 3)" in warnings[0]

    @pytest.mark.parametrize("values", [[[0, 1], [1, 0]], np.eye(2, dtype=bool)[::-1], pd.DataFrame(np.eye(2)[::-1])])
    def test_forms(self, values):
        assert encode(values)[0] == [1, 0]

    def test_names(self):
        assert encode(np.eye(2), classes=["no", "yes"])[1] == ["no", "yes"]
        with pytest.raises(InputError, match="2 columns needs as many classes"):
            encode(np.eye(2), classes=["a", "b", "c"])


class TestClassesGiven:
    def test_order_is_kept_and_mixed_types_are_told_apart(self):
        codes, classes, _ = encode(["1", 1, True, 1.0], classes=[True, 1, "1", 1.0])
        assert codes == [2, 1, 0, 3]
        assert typed(classes) == typed([True, 1, "1", 1.0])

    def test_a_value_that_is_not_listed(self):
        with pytest.raises(InputError, match=r"'c', 3 are not among classes=\['a', 'b'\] \(rows 'r1', 'r2'\)"):
            encode(["a", "c", 3], classes=["a", "b"])
        with pytest.raises(InputError, match="1 is not among"):
            encode([1, 1], classes=["1"])

    def test_missing_is_still_missing(self):
        for values in (["a", None], ["a", ""], ["a", "nan"]):
            assert encode(values, classes=["b", "a"], missing="drop")[0] == [1, -1]
        assert encode([0, -100], classes=[1, 0], missing="drop")[0] == [1, -1]

    def test_a_missing_word_may_be_a_class(self):
        assert encode(["nan", ""], classes=["nan", ""])[0] == [0, 1]

    def test_unused_and_repeated(self):
        assert encode(np.array([5, 3]), classes=np.array([3, 4, 5]))[:2] == ([2, 0], [3, 4, 5])
        with pytest.raises(InputError, match="different values"):
            encode([1], classes=[1, 1])
        with pytest.raises(InputError, match="different values"):
            encode([1], classes=[])

    def test_categorical_against_classes(self):
        assert encode(pd.Categorical(["b", "a"]), classes=["b", "a", "c"])[:2] == ([0, 1], ["b", "a", "c"])

    def test_class_label(self):
        class ClassLabel:
            names = ("zebra", "ant")

        assert encode([1, 0, -1], classes=ClassLabel(), missing="drop")[:2] == ([1, 0, -1], ["zebra", "ant"])
        assert encode(["ant", "zebra"], classes=ClassLabel())[:2] == ([1, 0], ["zebra", "ant"])
        with pytest.raises(InputError, match="rows 'r1' hold a number beyond the 2 names"):
            encode([1, 2], classes=ClassLabel())


class TestLookAlikes:
    def test_pairs_are_named_and_kept_apart(self):
        nfc, nfd = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
        codes, classes, warnings = encode(["cat", "cat ", "Cat", "dog", nfc, nfd])
        assert sorted(codes) == list(range(6))
        assert len(classes) == 6
        assert len(warnings) == 1
        assert "'Cat' and 'cat' and 'cat '" in warnings[0]
        assert r"'e\u0301' and '\xe9'" in warnings[0]
        assert "dog" not in warnings[0]

    @pytest.mark.parametrize("twin", ["a\u200bb", "ab\ufeff", "AB", "\tab", "\uff41b"])
    def test_twins_of_ab(self, twin):
        assert len(encode(["ab", twin])[2]) == 1

    def test_at_most_five_groups(self):
        names = [f"c{place}" for place in range(8)]
        (warning,) = encode(names + [name.upper() for name in names])[2]
        assert warning.endswith("and 3 more.")

    def test_words_that_may_mean_missing(self):
        codes, _, warnings = encode(["NA", "none", "a"])
        assert -1 not in codes
        assert "'NA' and 'none' may mean that there is no label" in warnings[0]


class TestDecode:
    def test_types(self):
        for classes, dtype in (([1, 5], np.int64), ([False, True], np.bool_), ([1.0, 2.0], np.float64)):
            values = Labels(np.array([0, 1]), classes).decode([1, 0])
            assert values.dtype == dtype
            assert values.tolist() == classes[::-1]
        assert Labels(np.zeros(1), ["a", "b"]).decode([1]).tolist() == ["b"]
        assert typed(decode([0, 1], [True, 1]).tolist()) == typed([True, 1])
        assert decode([0], [2**70]).tolist() == [2**70]
        assert typed(decode([1, -1], [0, 1]).tolist()) == typed([1, None])
        assert decode(np.zeros(0, dtype=np.int64), []).tolist() == []
        assert decode([-1], []).tolist() == [None]

    def test_codes_out_of_range(self):
        with pytest.raises(InputError, match="2 is no class code; codes go from 0 to 1"):
            decode([0, 2], ["a", "b"])
        with pytest.raises(InputError, match="-2 is no class code"):
            decode([-2, 0], ["a", "b"])


class TestEncodeAgainst:
    def against(self, given_labels, gold, **settings):
        labels, _ = encode_labels(given_labels, range(len(given_labels)), missing="drop", **settings)
        codes, extended = encode_against(gold, labels, range(len(gold)))
        assert np.array_equal(extended.codes, labels.codes)
        assert extended.classes[: labels.n_classes] == labels.classes
        return codes.tolist(), extended.classes

    def test_same_classes(self):
        assert self.against(["a", "b", "b"], ["b", None, "a"]) == ([1, -1, 0], ["a", "b"])

    def test_unseen_are_appended(self):
        assert self.against(["m", "z"], ["q", "a"]) == ([3, 2], ["m", "z", "a", "q"])

    def test_an_unused_level_is_not_a_class(self):
        assert self.against(["a", "b"], pd.Categorical(["b", "a"], categories=["z", "b", "a"])) == ([1, 0], ["a", "b"])

    def test_whole_numbers_match_floats(self):
        codes, classes = self.against([1.0, np.nan, 2.0], [2, 1, 7])
        assert codes == [1, 0, 2]
        assert typed(classes) == typed([1.0, 2.0, 7.0])
        assert self.against([0, 1], [1.0, np.nan]) == ([1, -1], [0, 1])

    def test_other_types_are_refused(self):
        with pytest.raises(InputError, match="gold holds whole number while the labels hold text, such as 0 and 'a'"):
            self.against(["a", "b"], [0, 1])
        with pytest.raises(InputError, match="write both columns in the same way"):
            self.against([0, 1], [True, False])

    def test_mixed_classes(self):
        assert self.against(["a", 1], [1, "a"], classes=["a", 1]) == ([1, 0], ["a", 1])

    def test_minus_one_is_missing_unless_it_is_a_class(self):
        assert self.against([0, 1], [1, -1]) == ([1, -1], [0, 1])
        assert self.against([-1, 1], [1, -1], classes=[-1, 1]) == ([1, 0], [-1, 1])

    def test_no_gold_at_all(self):
        assert self.against(["a", "b"], [None, ""]) == ([-1, -1], ["a", "b"])

    def test_length(self):
        with pytest.raises(InputError, match="1 labels were given for 2 rows"):
            encode_against(["a"], Labels(np.zeros(2, dtype=np.int64), ["a"]), range(2), "truth")


CELLS = st.one_of(
    st.lists(st.text(max_size=4).filter(lambda t: t.strip().casefold() not in ("", "nan", "<na>", "0.0")), min_size=1),
    st.lists(st.integers(0, 300), min_size=1),
    st.lists(st.integers(), min_size=1).filter(lambda v: min(v) >= 0 or min(v) < -100),
    st.lists(st.booleans(), min_size=1),
    st.lists(st.integers(0, 50).map(float), min_size=1),
)  # fmt: skip


@given(CELLS)
def test_decoding_gives_the_values_back(values):
    labels, _ = encode_labels(values, range(len(values)))
    assert typed(labels.decode(labels.codes).tolist()) == typed(values)
    assert labels.classes == sorted(set(values))


@given(CELLS, st.randoms())
def test_a_permutation_of_rows_permutes_codes(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    codes, classes, _ = encode(values)
    shuffled, same, _ = encode([values[place] for place in order])
    assert same == classes
    assert shuffled == [codes[place] for place in order]


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1))
def test_renaming_classes_renames_and_nothing_else(values):
    names = {"a": "x", "b": "y", "c": "z"}  # in the same order
    codes, classes, _ = encode(values)
    renamed, new, _ = encode([names[value] for value in values])
    assert renamed == codes
    assert new == [names[value] for value in classes]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.sampled_from(["<i8", ">i8"]))
def test_whole_numbers_of_any_size_agree_with_a_dictionary(values, dtype):
    array = np.array(values, dtype=dtype)
    codes, classes, _ = encode(array, missing="unlabeled")
    negative = {value for value in values if value < 0}
    expected = sorted(set(values) - (negative if negative <= {-1, -100} else set()))
    assert classes == expected
    assert codes == [expected.index(value) if value in expected else -1 for value in values]
