"""What looks in the order trust have brought so far, in words, and whether more of them are worth their time."""

import shlex

from mislabel.decisions.looks import Share
from mislabel.run.judge_preview import Gain
from mislabel.run.trust_looks import Answers

FEWEST = 10  # answers below which a share says nothing
MOST = 100  # answers after which a judge learns little more
PRECISE = 0.05  # half an interval


def is_enough(found: Answers) -> bool:
    """Whether the accuracy of suggestions is known within five points, or a hundred answers are given."""
    if len(found) < FEWEST or found.suggested is None:
        return False
    return len(found) >= MOST or found.suggested.half_width < PRECISE


def words(found: Answers, run: str, gain: Gain | None = None) -> list[str]:
    """Sentences on what was found, and what to do next.

    Parameters
    ----------
    run : str
        Its folder.
    gain : Gain, optional
        Of some of these answers.
    """
    if len(found) < FEWEST or found.given is None or found.suggested is None:
        return [
            f"{len(found)} answers so far; from {FEWEST} on they tell how many labels are right. Thirty teach most, "
            f"a hundred nearly all."
        ]
    told = (
        f"Of all judged rows, as {len(found)} answers tell, {_percent(found.given)} have the right label, and for "
        f"{_percent(found.suggested)} the run suggests the right one."
    )
    train = f"mislabel train … --decisions {shlex.quote(run)} lets them decide, for all rows, which evidence counts."
    gained = [] if gain is None else [_gained(gain)]
    if not is_enough(found):
        return [told, *gained, f"Up to {MOST} answers each one teaches; then: {train}"]
    why = f"after {MOST}" if len(found) >= MOST else "as this is precise by now"
    return [told, *gained, f"Enough: more answers teach little {why}. Next: {train}"]


def _gained(gain: Gain) -> str:
    return (
        f"A judge that is told four fifths of {gain.answers} answers names the right class for {gain.judge:.0%} of the "
        f"others, the run alone for {gain.run:.0%}."
    )


def _percent(share: Share) -> str:
    return f"{share.estimate:.0%} ({share.low:.0%} to {share.high:.0%})"
