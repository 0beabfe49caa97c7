"""Everything that is known of the training rows beside their dynamics: opinions, and the posterior that joins them.

Each kind of evidence is an opinion, (m, K) probabilities, found without any trusted label. A few trusted rows decide
how opinions are joined (`mislabel.posterior.judge`). Without any, a stated rule does: the transition EM counts alone,
and where what classes mean is strong enough to start it (`mislabel.posterior.descriptions`), the one that starts there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mislabel.data import Dataset
from mislabel.data.class_meanings import Meanings
from mislabel.errors import some_ids
from mislabel.modalities.contract import Known
from mislabel.posterior.descriptions import DescribedClasses, class_similarity, described_classes
from mislabel.posterior.frozen_space import HELD, FrozenSpace, frozen_space
from mislabel.posterior.judge import Judged, Trusted, judge
from mislabel.posterior.neighbours import balanced_votes
from mislabel.posterior.prototypes import prototype_similarity
from mislabel.posterior.second_round import second_round
from mislabel.posterior.source_transitions import Votes
from mislabel.run.opinions import DESCRIPTIONS, NEIGHBOURS, PLAIN, TRANSITION, ZERO_SHOT
from mislabel.training.training_settings import Balance


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of m training rows, of K classes.

    Attributes
    ----------
    opinions : dict of (m, K) float
        Probabilities by the name of the kind of evidence.
    start : dict of float
        How much each counts without trusted rows.
    given : (m,) int64
        Given labels; of a row without one, its trusted label.
    trusted : Trusted
    points : (m, d) float32
        The frozen space; an array, or `Derived`.
    balance : Balance
        How hard a network that learns the joined posterior balances classes.
    about : dict
        What metrics.json tells of it.
    notes : list of str
    recalls : list of float
        As in `mislabel.posterior.posterior.Posterior`.
    """

    opinions: dict[str, np.ndarray]
    start: dict[str, float]
    given: np.ndarray
    trusted: Trusted
    points: Any
    balance: Balance
    about: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)

    def heard(self, name: str, probabilities: np.ndarray, start: Mapping[str, float]) -> "Evidence":
        """The same with one more opinion, and other weights to start from; those not named start at 0."""
        names = [*self.opinions, name]
        weights = {each: float(start.get(each, 0.0)) for each in names}
        return replace(self, opinions={**self.opinions, name: probabilities}, start=weights)

    def judged(self, seed: int) -> Judged:
        """One posterior of all opinions; see `mislabel.posterior.judge`."""
        weights = [self.start[name] for name in self.opinions]
        return judge(list(self.opinions.values()), self.points, self.given, self.trusted, weights, seed)

    def reconsidered(
        self, said: np.ndarray, embeddings: np.ndarray, waited: np.ndarray, seed: int, *, guard: bool
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """What all evidence comes to once a network that was taught it is heard, too.

        Parameters
        ----------
        said : (m, K) float32
            Class probabilities of that network.
        embeddings : (m, d) float16
        waited : (m,) bool
            Trusted rows that the network was not taught.
        guard : bool
            See `mislabel.posterior.second_round`.

        Returns
        -------
        posterior : (m, K) float32
            As of `joined`.
        about : dict
            What metrics.json tells of it.
        """
        trusted = self.trusted.take(waited[self.trusted.rows])
        judged, names = second_round(
            self.opinions, self.start, said, embeddings, self.given, trusted, seed, guard=guard
        )
        return self.joined(judged), {**weights_of(judged, names), "trusted": len(trusted.rows)}

    def joined(self, judged: Judged) -> np.ndarray:
        """(m, K) float32: the judge's posterior, and a trusted label where there is one."""
        result = judged.posterior.astype(np.float32)
        result[self.trusted.rows] = np.eye(result.shape[1], dtype=np.float32)[self.trusted.labels]
        return result


def weights_of(judged: Judged, names: Iterable[str]) -> dict[str, Any]:
    """What each opinion counted, and how strong the ridge was where it counted at all, for metrics.json."""
    weights = {name: round(float(v), 4) for name, v in zip(names, judged.weights, strict=True)}
    return {"opinions": weights, "strength": judged.strength if np.isfinite(judged.strength) else None}


def gather(ready: Known, meanings: Meanings, *, guard: bool = True) -> Evidence:
    """All evidence of the training rows before any training; in every process the same.

    Parameters
    ----------
    ready : Known
        With a space.
    guard : bool
        See `mislabel.posterior.frozen_space`.
    """
    assert ready.space is not None
    dataset, trained = ready.dataset, ready.trained
    classes, trusted = dataset.labels.n_classes, trusted_rows(dataset, trained)
    codes = dataset.labels.codes[trained]
    given = np.where(codes >= 0, codes, dataset.training_codes[trained])
    votes = votes_of(dataset, trained)
    space = frozen_space(ready.space(), given, classes, guard=guard, votes=votes)
    points = space.space.points
    opinions, start = {TRANSITION: space.fit.posterior}, {TRANSITION: 1.0}
    about: dict[str, Any] = {name: round(getattr(space, name), 4) for name in ("explained", "kept", "held")}
    notes, recalls = [] if space.free else [_doubt(space)], []
    if meanings.sentences and ready.similarity is not None:
        described = _described(ready, meanings, space, given, votes)
        about["meanings"] = meanings.source
        about["agreeing"] = described.agreeing.tolist()
        about["weak"] = [str(dataset.labels.classes[code]) for code in described.weak]
        if described.weak:
            notes.append(_weak(described, meanings, dataset))
        if described.fit is not None:
            opinions[DESCRIPTIONS] = described.fit.posterior
            start = {DESCRIPTIONS: 1.0}
        if len(trusted.rows):
            opinions[ZERO_SHOT] = described.zero_shot
    if len(trusted.rows):
        votes = balanced_votes(points, given, classes, recalls=recalls)
        opinions |= {PLAIN: space.plain, NEIGHBOURS: votes}
        notes += _untrusted_classes(dataset, trained, trusted)
    start = {name: start.get(name, 0.0) for name in opinions}
    balance: Balance = "classes" if space.free else "half"
    return Evidence(opinions, start, given, trusted, points, balance, about, notes, recalls)


def trusted_rows(dataset: Dataset, trained: np.ndarray) -> Trusted:
    """Which of the training rows have a trusted label, and how much each counts: 1 where nobody knows.

    One without a given label counts 0: its trusted label stands in for it in the opinions, so it cannot tell how far
    given labels and opinions are to be believed.
    """
    rows = np.flatnonzero(dataset.status[trained] == "decided")
    positions = trained[rows]
    weights = (dataset.labels.codes[positions] >= 0).astype(np.float64)
    if dataset.decided_weight is not None and weights.any():
        weights *= np.nan_to_num(dataset.decided_weight[positions], nan=1.0)
        weights /= weights[weights > 0].mean()
    return Trusted(rows, dataset.training_codes[positions], weights)


def votes_of(dataset: Dataset, rows: np.ndarray) -> Votes | None:
    """What several sources say of some rows (m,) int64; None where none or one labelled them.

    Given labels that stand beside the sources, and were not made from them, are one more source.
    """
    if dataset.sources is None:
        return None
    sources, codes = dataset.sources.rows(rows), dataset.labels.codes[rows]
    if sources.consensus is None and not sources.holding(codes):
        sources = sources.with_label(codes, "given label")
    soft = (sources.soft(source, dataset.labels.n_classes) for source in range(len(sources)))
    shares = {source: each for source, each in enumerate(soft) if each is not None}
    return Votes(sources.votes.astype(np.int64), sources.are("rule"), sources.are("model"), shares)


def nearness(ready: Known, meanings: Meanings, given: np.ndarray) -> np.ndarray:
    """How much nearer than usual the training rows are to each class, (m, K) float64, before any training.

    By what sentences say that the classes mean where something compares rows with these, else by the given labels (m,)
    of other rows. Needs a space; all processes call it together.
    """
    assert ready.space is not None
    if meanings.sentences and ready.similarity is not None:
        return _class_scores(ready, meanings)
    return prototype_similarity(ready.space(), given, ready.dataset.labels.n_classes)


def _described(
    ready: Known, meanings: Meanings, space: FrozenSpace, given: np.ndarray, votes: Votes | None
) -> DescribedClasses:
    return described_classes(space.space, _class_scores(ready, meanings), given, space.held, votes, space.temperature)


def _class_scores(ready: Known, meanings: Meanings) -> np.ndarray:
    """See `mislabel.posterior.descriptions.class_similarity`."""
    assert ready.similarity is not None
    sentences = [sentence for each in meanings.sentences.values() for sentence in each]
    ends = np.cumsum([len(each) for each in meanings.sentences.values()])
    columns = {
        code: range(end - len(each), end)
        for (code, each), end in zip(meanings.sentences.items(), ends.tolist(), strict=True)
    }
    return class_similarity(ready.similarity(sentences), columns, ready.dataset.labels.n_classes)


def _doubt(space: FrozenSpace) -> str:
    if space.held > HELD:
        return (
            "The embeddings tell no more of the given labels than chance, so these stand nearly as they are. Another "
            "--backbone may hold the classes better, and a few dozen trusted labels (--trusted, or --decisions of a "
            "review) tell."
        )
    return (
        f"A class would keep {space.kept:.0%} of its rows, so the embeddings seem not to hold the classes: what is "
        "said of wrong labels is careful and finds fewer. Another --backbone may hold them better, and a few dozen "
        "trusted labels (--trusted, or --decisions of a review) tell."
    )


def _weak(described: DescribedClasses, meanings: Meanings, dataset: Dataset) -> str:
    names = some_ids([dataset.labels.classes[code] for code in described.weak])
    what = "descriptions" if meanings.source == "descriptions" else "names"
    return (
        f"Few rows look like the {what} of their classes {names}, so {what} of classes do not count unless trusted "
        "labels speak for them."
    )


def _untrusted_classes(dataset: Dataset, trained: np.ndarray, trusted: Trusted) -> list[str]:
    present = np.unique(dataset.training_codes[trained])
    without = np.setdiff1d(present, trusted.counting().labels)
    if not len(without):
        return []
    names = some_ids([dataset.labels.classes[code] for code in without])
    return [f"Classes without a trusted row, of which the judge knows only what opinions say: {len(without)}; {names}."]
