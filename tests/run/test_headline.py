"""What leads: in words, for every basis."""

import pytest

from mislabel.posterior.noise_rate import LABELS, RANDOM, NoiseRate
from mislabel.run.headline import asks_for_checks, certain, check_command, in_list


@pytest.mark.parametrize(
    ("counted", "wanted"),
    [
        ((0, 900), "Of 900 judged rows none is more likely wrong than right."),
        ((1, 1200), "1 of 1,200 judged rows is more likely wrong than right."),
        (
            (81, 900, 0.876),
            "81 of 900 judged rows are more likely wrong than right; 88% of them are expected to be wrong.",
        ),
    ],
)
def test_the_list(counted, wanted):
    assert in_list(*counted).startswith(wanted)


@pytest.mark.parametrize(
    ("rate", "wanted", "asks"),
    [
        (NoiseRate(), "not assessed", False),
        (NoiseRate(LABELS), "is not known.", True),
        (NoiseRate(LABELS, 0.0), "may as well be hard to tell", True),
        (NoiseRate(LABELS, 0.123), "At least 12.3% of the labels are wrong, as far as anything here can tell", True),
        (NoiseRate(RANDOM, 0.1, 0.2, 0.15, 0.26, 50), "20.0% (15.0% to 26.0%) are wrong, as 50 rows tell", False),
    ],
)
def test_what_is_certain(rate, wanted, asks):
    assert wanted in certain(rate)
    assert asks_for_checks(rate) is asks
    if rate.estimate is None:
        assert "(" not in certain(rate)  # no interval that nobody checked


def test_the_command_names_the_run_as_a_shell_takes_it():
    assert check_command() == "mislabel review RUN --order random --budget 50"
    assert check_command("my runs/a") == "mislabel review 'my runs/a' --order random --budget 50"
