"""What leads wherever a run is shown: the list, what is certain of the share of wrong labels, what would tell more."""

import shlex

from mislabel.posterior.noise_rate import LABELS, NONE, NoiseRate

SECONDS = 10.0  # a decision takes, where nobody was timed: a guess
CHECKS = 50  # random rows: eight minutes, and a share that is known within some ten points


def in_list(likely: int, judged: int, precision: float | None = None) -> str:
    """How many rows the list holds, as a sentence, and where that is known how many of them should be wrong."""
    if not likely:
        return f"Of {judged:,} judged rows none is more likely wrong than right."
    expected = "" if precision is None else f"; {precision:.0%} of them are expected to be wrong"
    verb = "is" if likely == 1 else "are"
    return f"{likely:,} of {judged:,} judged rows {verb} more likely wrong than right{expected}."


def certain(rate: NoiseRate) -> str:
    """What is certain of the share of wrong labels, as a sentence."""
    if rate.basis == NONE:
        return "Wrong labels were not assessed."
    if rate.estimate is not None:
        return f"Of all labels {rate.words()} are wrong, as {rate.checked} rows tell that were checked at random."
    if rate.at_least is None:
        return "How many labels are wrong is not known."
    if not rate.at_least:
        return "How many labels are wrong is not known: what looks wrong here may as well be hard to tell."
    return (
        f"At least {rate.at_least:.1%} of the labels are wrong, as far as anything here can tell; errors that follow a "
        "pattern are not in it."
    )


def asks_for_checks(rate: NoiseRate) -> bool:
    """Whether rows that are checked at random would tell more than is known."""
    return rate.basis == LABELS


def review_command(run: str = "RUN", program: str = "mislabel") -> str:
    """What to type to decide row by row."""
    return f"{program} review {shlex.quote(run)}"


def check_command(run: str = "RUN", program: str = "mislabel") -> str:
    """What to type for them."""
    return f"{review_command(run, program)} --order random --budget {CHECKS}"


def check_words() -> str:
    """What they bring, before the command."""
    return f"check {CHECKS} random rows, about {CHECKS * SECONDS / 60:.0f} minutes, to know how many are wrong"
