"""Decisions on disk: replayed, undone, shared between processes, and never lost."""

import sqlite3
import subprocess
import sys
import textwrap
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE

from mislabel.decisions.events import KINDS, Decision, replay
from mislabel.decisions.schema import event_digest
from mislabel.decisions.store import NotSaved, Store, read_decisions, read_history
from mislabel.errors import InputError, RunError


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "decisions.sqlite") as opened:
        yield opened


def holds(store):
    return {id: event.decision for id, event in store.current().items()}


def test_keeps_values_as_they_are(store):
    decisions = [
        Decision(3, "keep", "a", "a"),
        Decision("7", "label", 7, 3, probe=True),
        Decision("é\u202e😀\n<script>", "label", True, False),
        Decision(-1, "unsure", None, 1.5),
        Decision("x", "none", None, "a"),
    ]
    store.decide(decisions)
    with Store(store.path) as again:
        assert [event.decision for event in again.history()] == decisions
        assert list(holds(again)) == [3, "7", "é\u202e😀\n<script>", -1, "x"]
    assert oct(store.path.stat().st_mode & 0o777) == "0o600"


def test_undo_brings_back_what_held_before(store):
    store.decide([Decision("a", "keep", 1, 1)])
    store.decide([Decision("a", "label", 2, 1), Decision("b", "none", None, 1)])
    undone = store.undo()
    assert [event.undoes for event in undone] == [2, 3]
    assert holds(store) == {"a": Decision("a", "keep", 1, 1)}
    store.undo()
    assert holds(store) == {}
    with pytest.raises(InputError, match="no decision to undo"):
        store.undo()
    assert len(store.history()) == 6, "nothing is deleted"


def test_refuses_to_undo_what_was_decided_again(store):
    first = store.decide([Decision("a", "keep", 1, 1)])
    second = store.decide([Decision("a", "label", 2, 1)])
    with pytest.raises(InputError, match="decided again later"):
        store.undo(first[0].action)
    store.undo(second[0].action)
    with pytest.raises(InputError, match="undone already"):
        store.undo(second[0].action)
    with pytest.raises(InputError, match="no action 99"):
        store.undo(99)
    assert holds(store) == {"a": Decision("a", "keep", 1, 1)}


def test_a_request_sent_twice_counts_once(store):
    first = store.decide([Decision("a", "keep", 1, 1)], key="one")
    assert store.decide([Decision("a", "none", None, 1)], key="one") == first
    gone = store.undo(first[0].action, key="two")
    assert store.undo(first[0].action, key="two") == gone
    assert len(store.history()) == 2


def test_all_or_nothing(store):
    with pytest.raises(InputError, match="kind is 'maybe'"):
        store.decide([Decision("a", "keep", 1, 1), Decision("b", "maybe", 1, 1)])
    with pytest.raises(TypeError):
        store.decide([Decision("a", "keep", 1, 1), Decision("b", "label", object(), 1)])
    assert store.history() == []
    assert store.last() == 0


def test_takes_over_another_run(store, tmp_path):
    store.decide([Decision("a", "keep", 1, 1), Decision("b", "none", None, 1)])
    store.decide([Decision("a", "label", 2, 1)])
    store.undo()
    with Store(tmp_path / "other.sqlite") as other:
        other.decide([Decision("z", "keep", 0, 0)])
        other.take_over(store.history(), "runs/first")
        assert {id: one.decision for id, one in other.current().items() if id != "z"} == holds(store)
        kept = other.history()[1:]
        assert [event.time for event in kept] == [event.time for event in store.history()]
        assert {event.source for event in kept} == {"runs/first"}


def test_what_was_taken_over_twice_keeps_the_name_of_the_first_run_and_its_actions(store, tmp_path):
    """Of events a, b, c of the first run, a and b are one action; the second run adds z; the third takes over all."""
    store.decide([Decision("a", "keep", 1, 1), Decision("b", "none", None, 1)])
    store.decide([Decision("c", "keep", 1, 1)])
    with Store(tmp_path / "second.sqlite") as second, Store(tmp_path / "third.sqlite") as third:
        second.decide([Decision("y", "keep", 0, 0)])
        second.take_over(store.history(), "runs/first")
        second.decide([Decision("z", "keep", 0, 0)], source="import")
        third.take_over(second.history(), "runs/second")
        events = {event.decision.id: event for event in third.history()}
    sources = {id: event.source for id, event in events.items()}
    assert sources == {"y": "runs/second", "a": "runs/first", "b": "runs/first", "c": "runs/first", "z": "runs/second"}
    actions = {id: event.action for id, event in events.items()}
    assert actions == {"y": 1, "a": 2, "b": 2, "c": 4, "z": 5}  # the number of an action's first event


def test_a_history_can_be_read_where_nothing_can_be_written(tmp_path):
    path = tmp_path / "decisions.sqlite"
    path.touch(mode=0o400)  # no tables yet, and reading makes none
    assert read_history(path) == []
    assert path.stat().st_size == 0
    path.write_bytes(b"no store at all, but long enough for SQLite to look at what the header says of it" * 20)
    with pytest.raises(RunError, match=r"decisions\.sqlite holds no decisions that can be read \(file is not a data"):
        read_history(path)


def test_says_what_a_request_has_added(store):
    added = store.decide([Decision("a", "keep", 1, 1)], key="one")
    store.decide([Decision("b", "keep", 1, 1)], key="two")
    assert store.added_by("one") == added
    assert store.added_by("three") == []


def test_remembers_the_first_value(store):
    assert store.recall("seed") is None
    assert store.remember("seed", 5) == 5
    assert store.remember("seed", 6) == 5
    assert store.recall("seed") == 5


def test_refuses_what_is_no_store(tmp_path):
    path = tmp_path / "decisions.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(RunError, match="no decisions that can be read"):
        Store(path)
    newer = tmp_path / "newer.sqlite"
    Store(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE about SET value = '9' WHERE name = 'schema'")
    connection.close()
    with pytest.raises(RunError, match="schema"):
        Store(newer)


def test_a_commit_is_on_the_disk_before_it_is_said_to_be_saved(store):
    """With a write-ahead log, synchronous=FULL (2) syncs the log at every commit. At NORMAL (1) or OFF (0) a decision
    that was said to be saved can be lost when the power goes, though not when the process does."""
    assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with Store(store.path) as again:  # it is no property of the file: every connection has to ask for it
        assert again.connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_full_disk_is_said_and_leaves_nothing(store):
    store.decide([Decision(0, "keep", "a", "a")])
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NotSaved, match="^nothing was saved: database or disk is full"):
        store.decide([Decision(k, "label", "b" * 1000, "a") for k in range(200)], key="much")
    assert [event.decision.id for event in store.history()] == [0]
    assert store.added_by("much") == []
    store.connection.execute("PRAGMA max_page_count = 100000")
    assert len(store.decide([Decision(k, "label", "b" * 1000, "a") for k in range(200)], key="much")) == 200


def test_says_that_a_store_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "decisions.sqlite"
    Store(path).close()
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, **more: real(f"file:{file}?mode=ro", uri=True, **more))
    with real(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    with pytest.raises(RunError, match="cannot be written .*readonly"):
        Store(path)


def test_reading_makes_no_file(tmp_path):
    assert read_decisions(tmp_path / "none.sqlite") == {}
    path = tmp_path / "some.sqlite"
    with Store(path) as store:
        store.decide([Decision(1, "keep", "a", "a")])
        assert list(read_decisions(path)) == [1]  # while it is open, too
    before = path.stat()
    assert list(read_decisions(path)) == [1]
    assert [file.name for file in tmp_path.iterdir()] == ["some.sqlite"]
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    with Store(path, read_only=True) as store, pytest.raises(NotSaved, match="nothing was saved: .*readonly"):
        store.decide([Decision(2, "keep", "a", "a")])


def test_a_store_that_was_killed_before_it_had_tables_holds_nothing(tmp_path):
    path = tmp_path / "decisions.sqlite"
    path.touch()
    assert read_decisions(path) == {}
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    assert path.stat().st_size > 0
    assert read_decisions(path) == {}
    with Store(path) as store:
        store.decide([Decision(1, "keep", "a", "a")])
    assert list(read_decisions(path)) == [1]


def test_reads_what_a_killed_review_left(tmp_path):
    path = tmp_path / "decisions.sqlite"
    script = (
        "import os, sys, pathlib\n"
        "from mislabel.decisions.events import Decision\n"
        "from mislabel.decisions.store import Store\n"
        "store = Store(pathlib.Path(sys.argv[1]))\n"
        "store.decide([Decision(k, 'keep', 'a', 'a') for k in range(3)])\n"
        "os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=False, timeout=PATIENCE)
    assert path.with_name("decisions.sqlite-wal").stat().st_size > 0
    assert list(read_decisions(path)) == [0, 1, 2]


def test_a_store_that_is_damaged_within_is_said_to_be(tmp_path):
    path = tmp_path / "decisions.sqlite"
    with Store(path) as store:
        for begin in range(0, 3000, 100):
            store.decide([Decision(k, "keep", "a" * 50, "b") for k in range(begin, begin + 100)])
    content = bytearray(path.read_bytes())
    content[8 * 4096 :] = b"\xa7" * (len(content) - 8 * 4096)
    path.write_bytes(content)
    with pytest.raises(RunError, match="is damaged .*recover"):
        read_decisions(path)
    with Store(path) as store, pytest.raises(RunError, match="is damaged"):
        store.history()


def test_a_store_without_a_name_saves_nothing(store):
    store.decide([Decision(1, "keep", "a", "a")])
    store.path.rename(store.path.with_name("elsewhere"))
    for _ in range(2):  # no file there, then another one
        with pytest.raises(NotSaved, match="nothing was saved: .*removed or replaced"):
            store.decide([Decision(2, "keep", "a", "a")])
        store.path.touch()
    assert len(store.history()) == 1


def test_an_undo_leaves_alone_what_was_taken_over(store, tmp_path):
    with Store(tmp_path / "earlier.sqlite") as earlier:
        earlier.decide([Decision("a", "keep", 1, 1), Decision("b", "keep", 1, 1)])
        store.take_over(earlier.history(), "earlier")
    with pytest.raises(InputError, match="there is no decision to undo"):
        store.undo()
    store.decide([Decision("a", "label", 2, 1)])
    store.decide([Decision("c", "keep", 1, 1)], source="import")
    assert [event.decision.id for event in (*store.undo(), *store.undo())] == ["c", "a"]
    assert holds(store) == {"a": Decision("a", "keep", 1, 1), "b": Decision("b", "keep", 1, 1)}


decision = st.builds(Decision, st.integers(0, 4), st.sampled_from(KINDS), st.integers(0, 3), st.just(1))
step = st.one_of(st.lists(decision, min_size=1, max_size=3, unique_by=lambda one: one.id), st.integers(0, 12))


@settings(max_examples=60, deadline=None)
@given(st.lists(step, max_size=14))
def test_what_holds_is_what_a_list_of_moves_says(tmp_path_factory, steps):
    """A model that keeps a stack of decisions for each row: an undo takes an action off the tops of stacks."""
    actions, stacks = [], {}
    with Store(tmp_path_factory.mktemp("store") / "decisions.sqlite") as store:
        for move in steps:
            if isinstance(move, list):
                number = store.decide(move)[0].action
                actions.append((number, move))
                for one in move:
                    stacks.setdefault(one.id, []).append((number, one))
                continue
            number, made = actions[move % len(actions)] if actions else (1, [])
            on_top = [bool(stacks[one.id]) and stacks[one.id][-1] == (number, one) for one in made]
            if made and all(on_top):
                store.undo(number)
                for one in made:
                    stacks[one.id].pop()
            else:
                with pytest.raises(InputError):
                    store.undo(number)
        expected = {id: stack[-1][1] for id, stack in stacks.items() if stack}
        assert holds(store) == expected
        history = store.history()
        assert [event.number for event in history] == list(range(1, len(history) + 1))
        middle = len(history) // 2
        assert replay([*history[:middle], *store.history(middle)]) == store.current()


def test_two_stores_on_one_file_agree(store):
    """Each of several threads, with a store of its own, undoes every second decision that it makes."""

    def work(name):
        with Store(store.path) as own:
            for number in range(20):
                made = own.decide([Decision(f"{name}{number}", "label", number, 0)])
                if number % 2:
                    own.undo(made[0].action)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(store.current()) == {f"{name}{number}" for name in "abc" for number in range(0, 20, 2)}
    assert len(store.history()) == 3 * 30


def test_what_was_said_to_be_saved_outlives_a_kill(tmp_path):
    path = tmp_path / "decisions.sqlite"
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from mislabel.decisions.events import Decision
        from mislabel.decisions.store import Store
        store, number = Store(Path(sys.argv[1])), 0
        while True:
            store.decide([Decision(number, "label", "b", "a"), Decision(-number - 1, "keep", "a", "a")])
            print(number, flush=True)
            number += 1
    """)
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(50)]
        process.kill()
        said += [int(line) for line in process.stdout]
    found = read_decisions(path)
    assert set(said) <= set(found)
    assert all(-number - 1 in found for number in found if number >= 0), "an action is there whole or not at all"


def test_a_changed_byte_of_a_decision_is_told(store):
    store.decide([Decision("a", "label", "y", "x"), Decision("b", "keep", "x", "x")])
    store.undo()
    store.decide([Decision("b", "label", "z", "x")])
    expected = [event.decision for event in store.history()]
    columns = {"time": "'1999'", "id": "'\"c\"'", "kind": "'none'", "label": "'\"q\"'", "given": "NULL", "probe": "1",
               "source": "'import'", "action": "1", "undoes": "4"}  # fmt: skip
    for column, value in columns.items():
        with sqlite3.connect(store.path) as connection:
            kept = connection.execute(f"SELECT {column} FROM events WHERE number = 5").fetchone()[0]
            connection.execute(f"UPDATE events SET {column} = {value} WHERE number = 5")
        with pytest.raises(RunError, match=r"decisions\.sqlite is damaged \(event 5 is not what was written\)"):
            read_history(store.path)
        with sqlite3.connect(store.path) as connection:
            connection.execute(f"UPDATE events SET {column} = ? WHERE number = 5", (kept,))
        connection.close()
    assert [event.decision for event in read_history(store.path)] == expected
    with sqlite3.connect(store.path) as connection:
        connection.execute("DELETE FROM events WHERE number = 2")
    connection.close()
    with pytest.raises(RunError, match="event 2 is missing"):
        read_history(store.path)


def test_a_store_of_version_0_1_0_is_read_and_goes_on_with_digests(store):
    store.decide([Decision("a", "label", "y", "x")])
    with sqlite3.connect(store.path) as connection:
        connection.execute("DROP TABLE digests")
    connection.close()
    assert [event.decision.label for event in read_history(store.path)] == ["y"]
    with Store(store.path) as again:
        again.decide([Decision("b", "keep", "x", "x")])
        assert [event.decision.id for event in again.history()] == ["a", "b"]
        assert again.connection.execute("SELECT number FROM digests").fetchall() == [(2,)]


def test_a_name_is_kept_with_decisions_and_undos_and_goes_with_them_into_another_run(store, tmp_path):
    store.decide([Decision("a", "keep", "x", "x"), Decision("b", "none", None, "x")], reviewer="Ann 'ß' \ud800")
    store.decide([Decision("c", "keep", "x", "x")])
    store.undo(reviewer="Bob")
    names = ["Ann 'ß' \ud800"] * 2 + [None, "Bob"]
    assert [event.reviewer for event in read_history(store.path)] == names
    with Store(tmp_path / "other.sqlite") as other:
        other.take_over(store.history(), "first")
        assert [event.reviewer for event in other.history()] == names


def test_a_store_from_before_there_were_names_is_read_and_goes_on_with_them(store):
    store.decide([Decision("a", "keep", "x", "x")])
    with sqlite3.connect(store.path) as connection:
        connection.execute("DROP TABLE reviewers")
    connection.close()
    assert [event.reviewer for event in read_history(store.path)] == [None]
    with Store(store.path) as again:
        again.decide([Decision("b", "keep", "x", "x")], reviewer="Ann")
        assert [event.reviewer for event in again.history()] == [None, "Ann"]


def test_a_changed_name_is_told(store):
    store.decide([Decision("a", "keep", "x", "x")], reviewer="Ann")
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE reviewers SET name = '\"Bob\"'")
    connection.close()
    with pytest.raises(RunError, match="the reviewer of event 1 is not what was written"):
        read_history(store.path)


def test_a_note_is_kept_taken_over_and_known_of_its_undo(store, tmp_path):
    store.decide([Decision("a", "keep", "x", "x", note="a \ud800 'note'"), Decision("b", "none", None, "x")])
    store.undo()
    notes = ["a \ud800 'note'", None]
    assert [event.decision.note for event in read_history(store.path)] == notes * 2
    with Store(tmp_path / "other.sqlite") as other:
        other.take_over(store.history(), "first")
        assert [event.decision.note for event in other.history()] == notes * 2
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE notes SET name = '\"other\"'")
    connection.close()
    with pytest.raises(RunError, match="the note of event 1 is not what was written"):
        read_history(store.path)
    with sqlite3.connect(store.path) as connection:  # of somebody who knows how digests are made
        connection.execute("UPDATE notes SET name = '[1]', digest = ?", (event_digest(1, [1]),))
    connection.close()
    with pytest.raises(RunError, match="the note of event 1 is not what was written"):
        read_history(store.path)


def test_a_store_from_before_there_were_notes_is_read_and_not_changed(tmp_path):
    path = tmp_path / "decisions.sqlite"
    with Store(path) as store:
        store.decide([Decision("a", "keep", "x", "x")], reviewer="Ann")
        for name in ("notes", "reviewers", "digests"):
            store.connection.execute(f"DROP TABLE {name}")
    before = path.read_bytes()
    assert [(event.decision.note, event.reviewer) for event in read_history(path)] == [(None, None)]
    assert path.read_bytes() == before
