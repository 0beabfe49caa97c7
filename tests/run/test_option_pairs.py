"""name=value on the command line."""

import pytest

from mislabel.errors import InputError
from mislabel.run.option_pairs import read_pairs


def test_values_are_json_where_they_can_be():
    pairs = ["epochs=3", "rate=0.5", "on=true", "stop=last", "shape=[1, 2]", "text=a=b", "empty="]
    assert read_pairs(pairs) == {
        "epochs": 3, "rate": 0.5, "on": True, "stop": "last", "shape": [1, 2], "text": "a=b", "empty": "",
    }  # fmt: skip


def test_without_an_equals_sign():
    with pytest.raises(InputError, match="--option 'epochs' is not of the form name=value"):
        read_pairs(["epochs"])
