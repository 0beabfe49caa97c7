"""What counts as the loss of another process; whole launches stand in test_lost_process.py."""

from types import SimpleNamespace

import pytest

from mislabel.errors import ProcessLost, RunError
from mislabel.run.companions import _lost_contact, together
from mislabel.run.folder import RunFolder

# As torch says it; the last ones are told to whoever made a mistake, or are ours.
LOST = [
    "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:28411",
    "[/pytorch/third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:86] Timed out waiting 1800000ms for recv",
    "NCCL communicator was aborted on rank 0.",
    "Broken pipe",
]


@pytest.mark.parametrize("text", LOST)
def test_what_torch_makes_of_a_process_that_does_not_answer(text):
    assert _lost_contact(RuntimeError(text))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"),
        RunError("RUN is in use by process 12"),
        ProcessLost("Connection closed by peer"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_loss(error):
    assert not _lost_contact(error)


def test_one_process_removes_what_lost_ones_left_and_says_no_more_of_errors(tmp_path):
    (tmp_path / ".process-1f-0").write_text("{}")
    alone = SimpleNamespace(num_processes=1, is_main_process=True)
    with together(alone, RunFolder(tmp_path)):
        assert not list(tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="^Broken pipe$"), together(alone, None):
        raise RuntimeError("Broken pipe")
