"""How much each row counts where a loss fits a label, so that no class is learnt for being large.

Labels that rules wrote are wrong to one side: one class swallows the others, and whoever fits the shares of the given
classes learns it. A row of class c weighs

    w_c = (n / (K n_c))^p,   then scaled to a mean of 1 over the n rows

===  =====================================================================================
n_c  rows whose target is c: the trusted label where there is one, else the given one
K    classes that have rows
p    0 for "none", 1/2 for "half", 1 for "classes": each class then has a total of n / K
===  =====================================================================================

Only what pulls to a label is weighed; consistency between views or networks, entropy and priors of the mean prediction
are not, and neither is which rows a method trusts. Weights are those of the whole run, whatever a batch holds, so that
parts of a step and several processes add up.

Several published methods balance by design: UNICON, ProMix and ARS2 take as many rows of each class for clean, TURN
trains on as many of each, SED's threshold follows how surely a class is predicted, CLIPCleaner fits a class-weighted
classifier. Of those in this package TURN alone weighs classes by itself, whatever the run says. Closest come UNICON,
DivideMix, SOP and M-correction, whose prior pulls the mean prediction to equal shares, COSINE, whose targets are
divided by what is predicted of each class, SED, whose thresholds are lower for classes that are predicted less, and
NPC, where each predicted class sends as many voters; all of it stands beside the weights.
"""

import numpy as np

from mislabel.posterior import class_balance
from mislabel.training.training_settings import Balance

POWERS: dict[Balance, float] = {"none": 0.0, "half": 0.5, "classes": 1.0}


def class_weights(counts: np.ndarray, balance: Balance) -> np.ndarray:
    """w_c, (K,) float64, from the rows of each class, (K,) int or float: 0 for a class without any.

    Their mean over the rows, sum(counts * w) / sum(counts), is 1.
    """
    return class_balance.class_weights(counts, POWERS[balance])


def row_weights(
    target: np.ndarray, balance: Balance, opinion: np.ndarray | None = None, worth: np.ndarray | None = None
) -> np.ndarray | None:
    """The weight of each row, (n,) float32, by its target, (n,) int64 and none below 0; None where all are 1.

    Where there is an opinion of the rows' true labels, (n, K) float, its shares are balanced in place of the targets':
    a row then has the mean weight of its classes. Where labels are worth more or less by row before that, (n,) float
    with a mean of 1, what the rows of a class are worth is balanced in place of their number.
    """
    if worth is not None and len(target):
        return (worth * class_weights(np.bincount(target, weights=worth), balance)[target]).astype(np.float32)
    if balance == "none" or not len(target):
        return None
    if opinion is not None:
        return class_balance.balanced(opinion, POWERS[balance]).astype(np.float32)
    return class_weights(np.bincount(target), balance)[target].astype(np.float32)
