# Of sklearn.feature_extraction.text, what we use.

from collections.abc import Iterable

from scipy.sparse import csr_array

class TfidfVectorizer:
    def __init__(
        self,
        *,
        ngram_range: tuple[int, int] = (1, 1),
        sublinear_tf: bool = False,
        token_pattern: str = ...,
        max_features: int | None = None,
    ) -> None: ...
    def fit_transform(self, raw_documents: Iterable[str]) -> csr_array: ...
