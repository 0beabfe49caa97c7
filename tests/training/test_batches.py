"""Batches and their parts cover every row exactly once, whatever the sizes."""

from itertools import pairwise

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from mislabel.training.batches import BATCHES_PER_BUCKET, pieces, shuffled_batches, sorted_batches

lengths_of_rows = st.lists(st.integers(1, 130), min_size=1, max_size=400).map(np.array)


@given(lengths_of_rows, st.integers(1, 9), st.integers(0, 99), st.integers(1, 4))
def test_every_row_once_and_no_batch_too_small_or_too_large(lengths, size, seed, smallest):
    batches = shuffled_batches(lengths, size, [seed, 1, 2], smallest)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(lengths)))
    sizes = sorted(map(len, batches))
    assert sizes[-1] <= size + smallest - 1
    assert sizes[0] >= min(smallest, size, len(lengths))
    assert sum(one != size for one in sizes) <= 1  # only the last one of all may differ


def test_a_last_batch_of_one_row_stands_alone_unless_it_is_too_small():
    lengths = np.full(9, 5)
    assert sorted(map(len, shuffled_batches(lengths, 4, [0]))) == [1, 4, 4]
    assert sorted(map(len, shuffled_batches(lengths, 4, [0], smallest=2))) == [4, 5]


@given(lengths_of_rows, st.integers(1, 9), st.integers(0, 99))
def test_the_same_seed_gives_the_same_batches(lengths, size, seed):
    one, other = (shuffled_batches(lengths, size, [seed, 0, 3]) for _ in range(2))
    assert [batch.tolist() for batch in one] == [batch.tolist() for batch in other]


def test_another_seed_gives_others():
    lengths = np.full(64, 5)
    assert shuffled_batches(lengths, 8, [0, 0, 0])[0].tolist() != shuffled_batches(lengths, 8, [0, 0, 1])[0].tolist()


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_lengths_within_a_bucket_do_not_mix(size, buckets, seed):
    """Within the rows of one bucket, batches cut the rows sorted by padded length: their ranges do not overlap."""
    bucket = size * BATCHES_PER_BUCKET
    lengths = np.random.default_rng(seed).integers(1, 200, bucket * buckets)
    padded = -(-lengths // 8)
    bucket_of = np.empty(len(lengths), dtype=int)
    for number, rows in enumerate(np.split(np.random.default_rng([seed]).permutation(len(lengths)), buckets)):
        bucket_of[rows] = number
    by_bucket = {number: [] for number in range(buckets)}
    for batch in shuffled_batches(lengths, size, [seed]):
        assert len(set(bucket_of[batch])) == 1
        by_bucket[bucket_of[batch[0]]].append((padded[batch].min(), padded[batch].max()))
    for ranges in by_bucket.values():
        ranges.sort()
        assert all(high <= low for (_, high), (low, _) in pairwise(ranges))


def test_rows_of_like_length_stay_in_random_order():
    """Sorted data must not give batches of one class: no batch of 8 out of 80 neighbours holds only neighbours."""
    batches = shuffled_batches(np.full(80, 7), 8, [0])
    assert all(np.ptp(batch) > 20 for batch in batches)


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 5))
def test_pieces_cover_a_batch_once_over_ranks_and_parts(rows, accumulate, processes):
    assume(rows >= processes)  # the loop refuses fewer rows than processes, and `smallest` joins small last batches
    batch = np.random.default_rng(rows).permutation(rows)
    parts = [pieces(batch, accumulate, processes, rank) for rank in range(processes)]
    assert len({len(mine) for mine in parts}) == 1
    assert 1 <= len(parts[0]) <= accumulate
    flat = [part for mine in parts for part in mine]
    assert all(len(part) for part in flat)
    np.testing.assert_array_equal(np.sort(np.concatenate(flat)), np.arange(rows))
    if rows >= accumulate * processes:
        assert len(parts[0]) == accumulate


@given(lengths_of_rows, st.integers(1, 9))
def test_inference_goes_from_long_to_short(lengths, size):
    batches = sorted_batches(lengths, size)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(lengths)))
    assert np.all(np.diff(lengths[np.concatenate(batches)]) <= 0)
    assert all(len(batch) == size for batch in batches[:-1])
