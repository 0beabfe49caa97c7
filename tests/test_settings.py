"""Settings that are declared once: what the annotations say is what is checked and listed."""

from dataclasses import MISSING, dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.settings import Setting, check_settings, declarations, left_open, make_settings

Shelf = Annotated[int, Setting("From below.", 1, 4)]


@dataclass(frozen=True)
class Oven:
    degrees: Annotated[int, Setting("How hot.", 50, 300)]
    share: Annotated[float, Setting("How full.", 0, 1)] = 0.5
    rack: Annotated[Literal["top", "middle", "bottom"], Setting("Where.")] = "middle"
    fan: Annotated[bool, Setting("Whether it blows.")] = False
    minutes: Annotated[float | None, Setting("How long.", 0.5, 600, default="until it is done")] = None
    light: Annotated[Literal["on", "off"] | None, Setting("Of the lamp.")] = None
    plain: int = 3
    free: Any = None
    shelf: Shelf | None = left_open(2)
    dish: Annotated[str | None, Setting("What it is for.")] = left_open("bread")

    def __post_init__(self):
        check_settings(self)


def test_what_is_declared_is_read():
    known = declarations(Oven)
    assert list(known) == [
        "degrees", "share", "rack", "fan", "minutes", "light", "plain", "free", "shelf", "dish"
    ]  # fmt: skip
    assert [one.type for one in known.values()] == [int, float, str, bool, float, str, int, object, int, str]
    assert [name for name, one in known.items() if one.optional] == ["minutes", "light", "shelf", "dish"]
    assert known["shelf"].setting == Setting("From below.", 1, 4, default="2")
    assert known["shelf"].default is None
    assert known["degrees"].default is MISSING
    assert known["rack"].choices == ("top", "middle", "bottom")
    assert known["light"].choices == ("on", "off")
    assert known["fan"].setting.help == "Whether it blows."
    assert [one.allowed for one in known.values()] == [
        "a whole number, 50 to 300", "a number, 0 to 1", "top, middle or bottom", "true or false",
        "a number, 0.5 to 600", "on or off", "a whole number", "anything", "a whole number, 1 to 4", "text",
    ]  # fmt: skip
    assert [one.shown_default for one in known.values()] == [
        "", "0.5", "middle", "false", "until it is done", "none", "3", "none", "2", "bread",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"degrees": 49}, "degrees is 49, needed 50 to 300"),
        ({"degrees": 180.0}, "degrees is 180.0, needed a whole number"),
        ({"degrees": True}, "degrees is True, needed a whole number"),
        ({"degrees": None}, "degrees is None, needed a whole number"),
        ({"share": "half"}, "share is 'half', needed a number"),
        ({"share": float("nan")}, "share is nan, needed 0 to 1"),
        ({"share": False}, "share is False, needed a number"),
        ({"rack": "up"}, "rack is 'up', needed one of top, middle, bottom"),
        ({"rack": None}, "rack is None, needed one of top, middle, bottom"),
        ({"rack": ["top"]}, "needed one of top, middle, bottom"),
        ({"fan": 1}, "fan is 1, needed true or false"),
        ({"minutes": 0}, "minutes is 0, needed 0.5 to 600"),
        ({"light": "dim"}, "light is 'dim', needed one of on, off"),
        ({"plain": "3"}, "plain is '3', needed a whole number"),
        ({"degree": 180}, "Oven has no option 'degree'.*did you mean .degrees"),
    ],
)
def test_what_does_not_fit_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        make_settings(Oven, {"degrees": 180} | values)
    if "degree" not in values:
        with pytest.raises(InputError, match=message):
            Oven(**{"degrees": 180} | values)


@given(
    st.integers(50, 300), st.floats(0, 1) | st.integers(0, 1), st.sampled_from(["top", "middle", "bottom"]),
    st.booleans(), st.none() | st.floats(0.5, 600),
)  # fmt: skip
def test_what_fits_is_kept(degrees, share, rack, fan, minutes):
    values = {"degrees": degrees, "share": share, "rack": rack, "fan": fan, "minutes": minutes}
    made = make_settings(Oven, values)
    assert {name: getattr(made, name) for name in values} == values
