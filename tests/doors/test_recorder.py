"""A training of one's own, recorded: against loops over the same batches, and what a person may do wrong."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mislabel import InputError, Recorder
from mislabel.run.reading import Run

K = 3


def shown(random: np.random.Generator, rows: int, epochs: int) -> list[list[tuple[np.ndarray, Tensor]]]:
    """By epoch, batches of rows and their logits (b, K); a last batch of a row or two is left out."""
    made = []
    for _ in range(epochs):
        batches = [part for part in np.array_split(random.permutation(rows), 3) if len(part)]
        made.append(
            [(part, torch.from_numpy(random.normal(0, 2, (len(part), K)).astype(np.float32))) for part in batches]
        )
    return made


def by_hand(epochs: list, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wrong events (n,), the mean probability (n, K) and that of the given label (n,), row by row."""
    wrong, total, looks = np.zeros(len(labels), int), np.zeros((len(labels), K)), np.zeros(len(labels))
    for batches in epochs:
        for rows, logits in batches:
            for row, each in zip(rows.tolist(), logits.numpy().astype(np.float64), strict=True):
                p = np.exp(each) / np.exp(each).sum()
                wrong[row] += int(each.argmax() != labels[row])
                total[row] += p
                looks[row] += 1
    mean = total / np.maximum(looks, 1)[:, None]
    return wrong, mean, mean[np.arange(len(labels)), labels]


@given(seed=st.integers(0, 10_000), rows=st.integers(12, 40), epochs=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_what_is_recorded_is_what_loops_say(seed, rows, epochs):
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat(np.arange(K), 3), random.integers(0, K, rows - 3 * K)])
    made = shown(random, rows, epochs)
    recorder = Recorder(rows, K)
    for batches in made:
        for part, logits in batches:
            recorder.update(torch.from_numpy(part), torch.from_numpy(labels[part]), logits)
        recorder.end_epoch()
    wrong, mean, of_given = by_hand(made, labels)
    np.testing.assert_array_equal(recorder.wrong_events, wrong)
    audit = recorder.audit(inputs=[f"row {row}" for row in range(rows)])
    table = audit.table.sort_values("row")
    np.testing.assert_array_equal(table["wrong_events"], wrong)
    np.testing.assert_allclose(table["p_mislabeled"], 1 - of_given, atol=1e-6)
    np.testing.assert_allclose(table["confidence"], mean.max(1), atol=1e-6)


@pytest.mark.parametrize("names", [[f"r{k}" for k in range(30)], [7 * k % 211 + 1000 for k in range(30)]])
def test_rows_are_found_by_their_names(names):
    random, labels = np.random.default_rng(0), np.arange(30) % K
    made = shown(random, 30, 2)
    plain, named = Recorder(30, K), Recorder(names, K)
    for batches in made:
        for part, logits in batches:
            plain.update(part, labels[part], logits)
            called = [names[row] for row in part]
            named.update(called if isinstance(names[0], str) else torch.tensor(called), labels[part], logits)
        plain.end_epoch()
        named.end_epoch()
    np.testing.assert_array_equal(plain.wrong_events, named.wrong_events)
    assert set(named.audit().table["id"]) == set(names)


def test_no_step_waits_for_the_device(monkeypatch):
    recorder = Recorder([5, 3, 9, 1], K)
    ids, labels, logits = torch.tensor([9, 1]), torch.tensor([0, 2]), torch.randn(2, K)
    recorder.update(ids, labels, logits)
    for name in ("item", "cpu", "numpy", "tolist", "__bool__", "__int__", "__float__", "nonzero"):

        def refuse(*_, name=name, **__):
            raise AssertionError(f"{name} waits for the device")

        monkeypatch.setattr(Tensor, name, refuse)
    recorder.update(ids, labels, logits)


def test_two_views_are_two_looks():
    recorder = Recorder(6, K, views=2)
    labels = torch.arange(6) % K
    right = torch.nn.functional.one_hot(labels, K).float() * 5
    recorder.update(torch.arange(6), labels, torch.stack([right, -right]))
    recorder.end_epoch()
    assert recorder.wrong_events.tolist() == [1] * 6
    with pytest.raises(InputError, match=r"shape \(6, 3\).*needed \(2, 6, 3\)"):
        recorder.update(torch.arange(6), labels, right)


def test_processes_add_up():
    random, labels = np.random.default_rng(1), np.arange(20) % K
    (batches,) = shown(random, 20, 1)
    whole, parts = Recorder(20, K), [Recorder(20, K), Recorder(20, K)]
    for number, (rows, logits) in enumerate(batches):
        for recorder in (whole, parts[number % 2]):
            recorder.update(rows, labels[rows], logits)
    whole.end_epoch()
    seen = [list(tensors(recorder)) for recorder in parts]
    order = iter(range(100))

    def total(tensor: Tensor) -> Tensor:
        number = next(order)
        torch.testing.assert_close(tensor, seen[0][number], equal_nan=True)
        return seen[0][number] + seen[1][number]

    parts[0].end_epoch(total)
    for name, value in whole.state_dict().items():
        if name != "passes":
            np.testing.assert_allclose(np.hstack(values(parts[0].state_dict()[name])), np.hstack(values(value)))


def tensors(recorder: Recorder):
    """What `end_epoch` sums over processes, in its order."""
    buffers = recorder._buffers
    assert buffers is not None
    yield from (buffers.total.clone(), buffers.looks.clone(), buffers.given + 1, buffers.strange.clone())
    seen = buffers.passes.prediction >= 0
    yield from (seen.int(), buffers.passes.prediction + 1, buffers.passes.scalars.nan_to_num(nan=0.0))


def values(kept):
    return [value for each in kept for value in each.values()] if isinstance(kept, list) else [np.ravel(kept)]


def test_a_checkpoint_goes_on():
    random, labels = np.random.default_rng(2), np.arange(15) % K
    made = shown(random, 15, 3)
    through, first = Recorder(15, K), Recorder(15, K)
    for number, batches in enumerate(made):
        for recorder in (through, first):
            for rows, logits in batches:
                recorder.update(rows, labels[rows], logits)
            recorder.end_epoch()
        if number == 0:
            first = Recorder(15, K).load_state_dict(first.state_dict())
    assert first.audit().table.equals(through.audit().table)
    with pytest.raises(InputError, match=r"\(15, 3\).*\(16, 3\)"):
        Recorder(16, K).load_state_dict(through.state_dict())


def trained(rows: int = 12) -> Recorder:
    recorder, labels = Recorder(rows, K), torch.arange(rows) % K
    recorder.update(torch.arange(rows), labels, torch.nn.functional.one_hot(labels, K) * 3.0)
    recorder.end_epoch()
    return recorder


def test_rows_that_nothing_showed_are_not_judged():
    recorder = Recorder(14, K)
    recorder.update(torch.arange(12), torch.arange(12) % K, torch.randn(12, K))
    recorder.end_epoch()
    audit = recorder.audit(np.array(["a", "b", "c"])[np.arange(14) % K])
    assert audit.table.set_index("row").loc[[12, 13], "status"].tolist() == ["held_out"] * 2
    assert any("no batch showed, and that are not judged: 2; 12, 13" in note for note in audit.notes)
    told = recorder.audit()  # by the labels that the batches had
    assert told.table.set_index("row").loc[[12, 13], "status"].tolist() == ["held_out"] * 2
    assert told.table["p_mislabeled"].head(12).tolist() == audit.table["p_mislabeled"].head(12).tolist()


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (lambda: Recorder(0, K), "a recorder of no rows"),
        (lambda: Recorder(3, 1), "n_classes is 1"),
        (lambda: Recorder(["a", "a"], K), "name more than one row"),
        (lambda: Recorder(3, K).end_epoch(), "update\\(\\) comes before end_epoch"),
        (lambda: Recorder(3, K).audit(), "nothing was recorded"),
        (lambda: Recorder(["a", "b"], K).update(["a", "z"], [0, 1], torch.zeros(2, K)), "not given: 'z'"),
        (lambda: Recorder(3, K).update(torch.arange(2), [0], torch.zeros(2, K)), "beside 2 ids and 1 labels"),
        (lambda: trained().save_run("x"), "audit\\(\\) comes before save_run"),
        (lambda: trained().audit(np.zeros(12, dtype=int)), "8 rows have another label than the one that was given"),
        (lambda: trained().audit(["a", "b"] * 6), "labels show 2 classes.*3 columns"),
    ],
)
def test_what_does_not_fit_is_told(does, says):
    with pytest.raises(InputError, match=says):
        does()


@pytest.mark.parametrize(("ids", "labels"), [([0, 1, 5], [0, 1, 2]), ([0, 1, 2], [0, 1, 3]), ([0, -1, 2], [0, 1, 2])])
def test_a_number_that_is_no_row_or_no_class_is_told_when_the_epoch_ends(ids, labels):
    recorder = Recorder(3, K)
    recorder.update(torch.tensor(ids), torch.tensor(labels), torch.zeros(3, K))
    with pytest.raises(InputError, match="1 of the rows given to update"):
        recorder.end_epoch()


def test_an_open_epoch_is_told():
    recorder = trained()
    recorder.update(torch.arange(12), torch.arange(12) % K, torch.zeros(12, K))
    for does in (recorder.audit, recorder.state_dict):
        with pytest.raises(InputError, match="an epoch is open"):
            does()


def test_a_run_folder_is_read_as_any(tmp_path):
    random = np.random.default_rng(3)
    true = np.arange(90) % K
    labels = np.where(np.arange(90) < 9, (true + 1) % K, true)
    points = np.eye(5, dtype=np.float32)[true] * 4 + random.normal(0, 1, (90, 5)).astype(np.float32)
    recorder = Recorder([f"t{row}" for row in range(90)], K)
    for _ in range(4):
        recorder.update(recorder.ids.tolist(), labels, torch.nn.functional.one_hot(torch.from_numpy(true), K) * 2.0)
        recorder.end_epoch()
    texts = [f"text {row}" for row in range(90)]
    names = np.array(["ant", "bee", "cow"])
    audit = recorder.audit(names[labels], features=points, inputs=texts, gold=names[true])
    assert set(audit.worst(9)["row"]) == set(range(9))
    assert audit.metrics["detection"]["auroc"] == 1
    recorder.save_run(tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.method == "recorded training"
    assert run.inputs_by_id(["t3"]) == {"t3": "text 3"}
    assert run.result().table.equals(audit.table)
    assert run.trained().shape == (90,)
    with pytest.raises(InputError, match="is not empty"):
        recorder.save_run(tmp_path / "run")


def cartography(folder, made, labels, names) -> None:
    for number, batches in enumerate(made):
        lines = [
            {"guid": names[row], f"logits_epoch_{number}": each.tolist(), "gold": int(labels[row])}
            for rows, logits in batches
            for row, each in zip(rows.tolist(), logits, strict=True)
        ]
        (folder / f"dynamics_epoch_{number}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")


def test_cartography_is_read(tmp_path):
    random, labels = np.random.default_rng(4), np.arange(24) % K
    made = shown(random, 24, 11)  # "10" sorts before "2"
    names = [f"guid {row}" for row in range(24)]
    cartography(tmp_path, made, labels, names)
    wrong, *_ = by_hand(made, labels)
    recorder = Recorder.from_cartography(tmp_path)
    rows = [names.index(id) for id in recorder.ids]
    np.testing.assert_array_equal(recorder.wrong_events, wrong[rows])
    assert [each.epoch for each in recorder.passes] == list(range(1, 12))
    np.testing.assert_allclose(recorder.audit().posterior.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(
        recorder.recorded[2]["loss"][0], -np.log(softmax_of(made[2], rows[0])[labels[rows[0]]]), rtol=1e-5
    )


def softmax_of(batches, row):
    (logits,) = [each[rows.tolist().index(row)] for rows, each in batches if row in rows]
    return np.exp(logits.numpy()) / np.exp(logits.numpy()).sum()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "has no dynamics_epoch_0.jsonl"),
        ("", "hold no rows"),
        ("no", "line 1: needed an object with guid, logits_epoch_0 and gold"),
        ('{"guid": 1, "gold": 0}', "KeyError"),
        ('{"guid": 1, "logits_epoch_0": "no", "gold": 0}', "line 1"),
        (
            '{"guid": 1, "logits_epoch_0": [1, 2], "gold": 0}\n{"guid": 2, "logits_epoch_0": [1], "gold": 0}',
            "the row 2 has",
        ),
    ],
)
def test_files_that_are_not_cartographys_are_told(tmp_path, text, says):
    if text is not None:
        (tmp_path / "dynamics_epoch_0.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        Recorder.from_cartography(tmp_path)
