"""What looks in the order trust have brought so far, in words, and whether more of them are worth their time."""

import shlex

from mislabel.decisions.looks import Share
from mislabel.run.judge_preview import AHEAD, Gain, More
from mislabel.run.trust_looks import Answers

FEWEST = 10  # answers below which a share says nothing
MOST = 100  # answers after which a judge learns little more
PRECISE = 0.05  # half an interval
LITTLE = 0.01  # of the rows, by which the next answers bring at most less


def is_enough(found: Answers, gain: Gain | None = None) -> bool:
    """Whether suggestions are known within five points, a hundred answers are given, or more would bring little."""
    if len(found) < FEWEST or found.suggested is None:
        return False
    return len(found) >= MOST or found.suggested.half_width < PRECISE or _brings_little(gain)


def _brings_little(gain: Gain | None) -> bool:
    return gain is not None and gain.more is not None and gain.more.high < LITTLE


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
    gained = model_words(gain)
    if not is_enough(found, gain):
        return [told, *gained, f"Up to {MOST} answers each one teaches; then: {train}"]
    why = f"after {MOST}" if len(found) >= MOST else "by now" if _brings_little(gain) else "as this is precise by now"
    return [told, *gained, f"Enough: more answers teach little {why}. Next: {train}"]


def model_words(gain: Gain | None) -> list[str]:
    """What the answers bring for what is trained on them next, and what the next fifty should; as far as it is known.

    A network that is taught with them learns more than the judge alone; how much, a training tells.
    """
    if gain is None:
        return []
    said = (
        f"A judge that is told four fifths of {gain.answers} answers names the right class for {gain.judge:.0%} of the "
        f"others, the run alone for {gain.run:.0%}."
    )
    return [said] if gain.more is None else [said, _ahead(gain.more)]


def _ahead(more: More) -> str:
    limits = f"95% interval {100 * more.low:+.1f} to {100 * more.high:+.1f} points"
    how = f"if it goes on learning as from {more.before} to {more.after} answers"
    if more.low <= 0:
        return f"What the next {AHEAD} answers bring it is not clear: {100 * more.number:+.1f} ({limits}), {how}."
    return f"The next {AHEAD} answers should bring it {100 * more.number:+.1f} points ({limits}), {how}."


def _percent(share: Share) -> str:
    return f"{share.estimate:.0%} ({share.low:.0%} to {share.high:.0%})"
