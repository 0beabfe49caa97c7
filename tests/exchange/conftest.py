"""The run that most exports of these tests are made from."""

from pathlib import Path

import pytest
from animals import animals_run

from mislabel.run.folder import RunFolder


@pytest.fixture
def animals(tmp_path: Path) -> RunFolder:
    """Six rows, of which one has no label and was left out of the run."""
    return animals_run(tmp_path)
