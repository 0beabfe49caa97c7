"""Dates in columns, held against Python's own calendar."""

import datetime

import numpy as np
import pandas as pd
import pytest
from helpers import check
from hypothesis import given
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.modalities.features.dates import date_of

DAY = datetime.timedelta(days=1)
MOMENTS = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
FORMS = {
    "text": lambda moments: [moment.isoformat() for moment in moments],
    "text with a space": lambda moments: [f"{moment:%Y-%m-%d %H:%M:%S.%f}" for moment in moments],
    "objects": lambda moments: pd.Series(list(moments), dtype=object),
    "numpy": lambda moments: np.array(moments, dtype="datetime64[us]"),
    "a zone": lambda moments: [moment.replace(tzinfo=datetime.UTC) for moment in moments],
    "another zone": lambda moments: [
        moment.replace(tzinfo=datetime.UTC).astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
        for moment in moments
    ],
}


@pytest.mark.parametrize("form", FORMS)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=5))
def test_days_as_the_calendar_counts(form, moments):
    features, _ = check(pd.DataFrame({"when": FORMS[form](moments)}))
    expected = [(moment - datetime.datetime(1970, 1, 1)) / DAY for moment in moments]
    np.testing.assert_array_equal(features.matrix[:, 0], np.float32(expected))
    assert features.encoding.columns[0].kind == "date"


@given(st.dates())
def test_written_as_read(day):
    assert date_of((day - datetime.date(1970, 1, 1)).days) == f"{day:%Y-%m-%d}"


def test_text_that_is_no_date_everywhere_is_a_category():
    for cells in (["2024-01-01", "soon"], ["2023-02-29", "2024-02-29"], ["20240101", "20240102"], ["01.02.2024"] * 2):
        assert check(pd.DataFrame({"c": cells}))[0].encoding.columns[0].kind == "category"


def test_what_was_read_is_told_and_new_rows_are_read_alike():
    learned, notes = check(pd.DataFrame({"c": ["2024-01-01", " 2024-01-02 ", "2024-01-02"]}))
    assert notes == ['data.csv: column "c" holds dates, read as days since 1970.']
    assert learned.matrix.tolist() == [[19723], [19724], [19724]]
    again = check(pd.DataFrame({"c": [datetime.date(2024, 1, 3)]}), encoding=learned.encoding)[0]
    assert again.matrix.tolist() == [[19725]]
    assert again.caption(0) == "c 2024-01-03"
    for cells, row in ((["2024-01-03", "soon"], "r1"), ([19725, "2024-01-03"], "r0")):
        with pytest.raises(InputError, match=rf"held dates in training and now holds .* in rows '{row}'"):
            check(pd.DataFrame({"c": cells}), encoding=learned.encoding)


def test_a_date_that_is_missing_is_a_gap():
    with pytest.raises(InputError, match="1 of 2 rows hold no number"):
        check(pd.DataFrame({"c": ["2024-01-01", ""]}))
    filled, _ = check(pd.DataFrame({"c": ["2024-01-01", ""]}), missing_values="impute")
    assert filled.matrix.tolist() == [[19723, 0], [19723, 1]]
