"""What looks in the order trust have brought so far, in words, and whether more of them are worth their time."""

import shlex

from mislabel.decisions.looks import Share
from mislabel.run.trust_looks import Answers

FEWEST = 10  # answers below which a share says nothing
MOST = 100  # answers after which a judge learns little more
PRECISE = 0.05  # half an interval


def is_enough(found: Answers) -> bool:
    """Whether the accuracy of suggestions is known within five points, or a hundred answers are given."""
    if found.answers < FEWEST or found.suggested is None:
        return False
    return found.answers >= MOST or found.suggested.half_width < PRECISE


def words(found: Answers, run: str) -> list[str]:
    """Sentences on what was found, and what to do next.

    Parameters
    ----------
    run : str
        The folder of the run, as a command names it.
    """
    if found.answers < FEWEST or found.given is None or found.suggested is None:
        return [
            f"{found.answers} answers so far; from {FEWEST} on they tell how many labels are right. Thirty teach most, "
            f"a hundred nearly all."
        ]
    told = (
        f"Of all judged rows, as {found.answers} answers tell, {_percent(found.given)} have the right label, and for "
        f"{_percent(found.suggested)} the run suggests the right one."
    )
    train = f"mislabel train … --decisions {shlex.quote(run)} lets them decide, for all rows, which evidence counts."
    if not is_enough(found):
        return [told, f"Up to {MOST} answers each one teaches; then: {train}"]
    why = f"after {MOST}" if found.answers >= MOST else "as this is precise by now"
    return [told, f"Enough: more answers teach little {why}. Next: {train}"]


def _percent(share: Share) -> str:
    return f"{share.estimate:.0%} ({share.low:.0%} to {share.high:.0%})"
