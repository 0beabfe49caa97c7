"""What leads the report: how many rows to look at, how long that takes, what it brings, and the command."""

from dataclasses import dataclass

from mislabel.decisions.pace import seconds_per_decision
from mislabel.report.findings import Findings
from mislabel.report.formatting import count, rows
from mislabel.report.summary import assessed
from mislabel.run.headline import CHECKS, SECONDS, asks_for_checks, check_command, review_command

EXPORT = "mislabel export RUN -o corrected.csv"


@dataclass(frozen=True)
class Workload:
    """The rows to look at: those that are more likely wrong than right, and not decided yet.

    Attributes
    ----------
    rows : int
    decided : int
        Further rows that are as likely wrong, and decided.
    seconds : float
        One decision takes.
    measured : bool
        Whether that is the pace of the run's review, and not a guess.
    expected_wrong : float
        How many of `rows` have a wrong label, as their probabilities say.
    checked : int
        Rows, drawn at random, that those probabilities were checked by; 0 where nobody did.
    asks_for_checks : bool
        Whether such rows would tell more than is known.
    """

    rows: int
    decided: int
    seconds: float
    measured: bool
    expected_wrong: float
    checked: int
    asks_for_checks: bool

    @property
    def minutes(self) -> int:
        """That looking at all of them takes, at least 1; 0 where there are none."""
        return _minutes(self.rows * self.seconds)

    @property
    def title(self) -> str:
        if self.rows:
            return f"Look at {rows(self.rows)}: about {_time(self.minutes)}"
        return "All rows that are more likely wrong than right are decided" if self.decided else "No row stands out"

    @property
    def sentences(self) -> list[str]:
        """Which rows, at what pace, what it brings; each as far as there is something to say."""
        if not self.rows:
            return [] if self.decided else ["No row is more likely wrong than right."]
        wrong = "It is" if self.rows == 1 else "They are"
        which = f"{wrong} more likely wrong than right{' and not decided yet' if self.decided else ''}"
        each = _seconds(self.seconds)
        pace = f"{each} each, the median of this review" if self.measured else f"about {each} each, a guess"
        return [f"{which}; {pace}.", self._brings]

    @property
    def _brings(self) -> str:
        number = count(round(self.expected_wrong))
        if self.checked:
            return f"About {number} of them are wrong, as {self.checked} rows tell that were checked at random."
        if self.rows == 1:
            return "Whether its label is wrong is for a person to say."
        return (
            f"That puts at most {count(self.rows)} labels right. The audit expects {number} of them to be wrong, but "
            "no row was checked at random, so nobody knows."
        )

    @property
    def command(self) -> str | None:
        """What to type; None where there is nothing to do."""
        return review_command() if self.rows else EXPORT if self.decided else None

    @property
    def check(self) -> tuple[str, str] | None:
        """What rows checked at random would tell, and the command; None where that is known."""
        if not self.asks_for_checks:
            return None
        time = _time(_minutes(CHECKS * self.seconds))
        return f"To know how many are wrong, check {CHECKS} random rows (about {time})", check_command()


def workload(findings: Findings) -> Workload | None:
    """Of a run as it is reviewed by now; None where nothing was assessed."""
    if not assessed(findings):
        return None
    open_rows = findings.likely_wrong & ~findings.is_decided
    pace = seconds_per_decision(findings.history or [])
    return Workload(
        rows=int(open_rows.sum()),
        decided=int((findings.likely_wrong & findings.is_decided).sum()),
        seconds=SECONDS if pace is None else pace,
        measured=pace is not None,
        expected_wrong=float(findings.p_mislabeled[open_rows].sum()),
        checked=0 if findings.precision is None else findings.rate.checked,
        asks_for_checks=asks_for_checks(findings.rate),
    )


def _seconds(seconds: float) -> str:
    """``1 second``, ``10 seconds``."""
    return f"{seconds:.0f} second" + ("" if round(seconds) == 1 else "s")


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60)) if seconds > 0 else 0


def _time(minutes: int) -> str:
    """``1 minute``, ``45 minutes``, ``3 h 26 min``."""
    if minutes < 60:
        return f"{minutes} minute" + ("" if minutes == 1 else "s")
    return f"{minutes // 60} h {minutes % 60:02d} min"
