# Of cleanlab.rank, what we use.

import numpy as np

def get_label_quality_scores(
    labels: np.ndarray, pred_probs: np.ndarray, *, method: str = "self_confidence"
) -> np.ndarray: ...
