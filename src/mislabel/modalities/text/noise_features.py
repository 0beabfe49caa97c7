"""What a hurried annotator sees of texts, for noise that depends on the input."""

from collections.abc import Sequence

import numpy as np

_VOCABULARY = 50_000


def text_features(texts: Sequence[str], dim: int = 64, seed: int = 0) -> np.ndarray:
    """What a hurried annotator sees of a text: the words it uses, in `dim` numbers.

    TF-IDF of words and pairs of words, reduced to its first singular directions; similar texts get similar rows, so
    `idn` noise gives them similar wrong labels. No network, no model.

    Parameters
    ----------
    texts
        n texts.
    dim
        How many numbers at most; a few or very plain texts have fewer directions.
    seed
        Of the randomised decomposition.

    Returns
    -------
    (n, d) float, 1 <= d <= dim
        Rows of length 1, or 0 where a text has no word that is known.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.utils.extmath import randomized_svd

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", max_features=_VOCABULARY
    )
    try:
        words = vectorizer.fit_transform(texts)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return np.zeros((len(texts), 1))
    rank = min(dim, *words.shape)
    left, strength, _ = randomized_svd(words, n_components=rank, random_state=seed)
    features = np.asarray(left * strength, dtype=np.float64)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 1e-12, lengths, 1.0)
