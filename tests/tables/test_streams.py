"""Shards from afar and out of tar files: fsspec's memory file system, a server on this machine, and no other."""

from collections import Counter

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from served import serving
from tars import write_tar

from mislabel.errors import InputError
from mislabel.modalities.early import check_columns
from mislabel.modalities.loading import load_dataset
from mislabel.tables import columns, read_table, remote, sources
from mislabel.tables.remote import expanded, shown
from mislabel.tables.sources import becomes_part, find_table, folder_of, holds_tables, is_there
from mislabel.tables.spool import Spool
from mislabel.tables.streams import StreamedShards


def part(begin, end, **more):
    rows = range(begin, end)
    return pa.table({"text": [f"row {k}" for k in rows], "label": ["ab"[k % 2] for k in rows], "n": [*rows]} | more)


def tar_shard(path, begin, end):
    members = [member for k in range(begin, end)
               for member in ((f"{k:04}.txt", b"row %d" % k), (f"{k:04}.cls", b"ab"[k % 2 : k % 2 + 1]))]  # fmt: skip
    return write_tar(path, members)


@pytest.fixture
def memory():
    """An empty file system in memory, of which it is counted how often each file is opened."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    opened = Counter()
    plain = files._open

    def counted(path, mode="rb", **how):
        if mode == "rb":
            opened[path.rpartition("/")[2]] += 1
        return plain(path, mode, **how)

    files._open = counted
    files.opened = opened
    yield files
    files._open = plain
    files.store.clear()


def put(files, name, table):
    with files.open(name, "wb") as file:
        pq.write_table(table, file)


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "served") as served:
        yield served


class Bar:
    def __init__(self):
        self.told = []

    def begin(self, description, total):
        self.told.append((description, total))

    def advance(self):
        self.told.append("+")

    def end(self):
        self.told.append("end")


def test_ranges():
    assert expanded("a-{08..11}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]
    assert expanded("{0..1}/{1..2}") == ["0/1", "0/2", "1/1", "1/2"]
    assert expanded("plain") == ["plain"]
    with pytest.raises(InputError, match=r"the range \{3..1\} goes backwards"):
        expanded("a{3..1}")
    with pytest.raises(InputError, match="stands for 1000001 files"):
        expanded("a{0..1000000}")


def test_addresses_are_shown_without_secrets():
    assert shown("https://me:secret@host/a.parquet?X-Signature=abc") == "https://host/a.parquet"
    assert shown("s3://bucket/a?.parquet") == "s3://bucket/a?.parquet"


@pytest.mark.parametrize("source", ["memory://data/*.parquet", "memory://data"])
def test_a_pattern_and_a_folder_far_away(memory, source):
    for number in (0, 2, 10):
        put(memory, f"/data/part-{number}.parquet", part(10 * number, 10 * number + 10))
    memory.pipe("/data/README.md", b"about")
    memory.pipe("/data/_SUCCESS", b"")
    frame = read_table(source)
    assert frame["n"].tolist() == [*range(10), *range(20, 30), *range(100, 110)]
    assert columns(source) == ["text", "label", "n"]
    assert holds_tables(source)
    assert not is_there(source)  # a run folder of somebody else may name any server
    assert folder_of(source) is None
    assert not becomes_part(source, source)
    stored = find_table(source).stored()
    assert stored.column("n").tolist() == frame["n"].tolist()


def test_parts_far_away(memory):
    put(memory, "/data/train-0.parquet", part(0, 4))
    put(memory, "/data/test-0.parquet", part(4, 6))
    frame = read_table("memory://data/*.parquet")
    assert frame.attrs["split"] == "split"
    assert frame["split"].tolist() == ["test"] * 2 + ["train"] * 4
    put(memory, "/data/more.parquet", part(4, 6))
    with pytest.raises(InputError, match="has files of the part 'train' and files of none, 'memory:///data/more"):
        read_table("memory://data/*.parquet")


def test_a_spool_reads_each_file_once_and_none_again(memory, tmp_path):
    for number in range(3):
        put(memory, f"/data/{number}.parquet", part(10 * number, 10 * number + 10))
    bar = Bar()
    how = {"text": "text", "label": "label", "id": "n"}
    data = load_dataset("memory://data/*.parquet", **how, spool=Spool(tmp_path / "spool", bar))
    assert data.inputs == [f"row {k}" for k in range(30)]
    assert data.source == "memory://data/*.parquet"
    assert memory.opened == {"0.parquet": 1, "1.parquet": 1, "2.parquet": 1}
    assert bar.told == [("read", 3), "+", "+", "+", "end"]
    assert memory.opened == {"0.parquet": 1, "1.parquet": 1, "2.parquet": 1}
    again = load_dataset("memory://data/*.parquet", **how, spool=Spool(tmp_path / "spool"))
    assert again.fingerprint == data.fingerprint == load_dataset(part(0, 30), **how).fingerprint
    assert memory.opened == {"0.parquet": 1, "1.parquet": 1, "2.parquet": 1}
    other = load_dataset("memory://data/*.parquet", **how | {"id": None}, spool=Spool(tmp_path / "spool"))
    assert other.ids.tolist() == [*range(30)]
    assert memory.opened["2.parquet"] == 2  # other columns


def test_a_spool_that_was_stopped_goes_on(memory, tmp_path):
    for number in range(3):
        put(memory, f"/data/{number}.parquet", part(10 * number, 10 * number + 10))
    whole = memory.cat("/data/2.parquet")
    memory.pipe("/data/2.parquet", whole[: len(whole) // 2])
    spool = Spool(tmp_path / "spool")
    with pytest.raises(InputError, match=r"memory:///data/2\.parquet is not a Parquet file that can be read"):
        load_dataset("memory://data/*.parquet", text="text", label="label", spool=spool)
    memory.pipe("/data/2.parquet", whole)
    (tmp_path / "spool" / "000002.arrow.tmp").write_text("of a process that was killed")
    memory.opened.clear()
    data = load_dataset("memory://data/*.parquet", text="text", label="label", spool=spool)
    assert len(data) == 30
    # The first is looked into for its columns, and not read again.
    assert memory.opened == {"0.parquet": 1, "2.parquet": 1}


def test_only_columns_in_use_are_kept(memory, tmp_path):
    put(memory, "/data/0.parquet", part(0, 10))
    load_dataset("memory://data/0.parquet", text="text", label="label", spool=Spool(tmp_path / "spool"))
    with pa.ipc.open_stream(tmp_path / "spool" / "000000.arrow") as reader:
        assert reader.schema.names == ["text", "label"]


def test_a_missing_column_is_told_by_the_first_file_alone(memory, tmp_path):
    for number in range(3):
        put(memory, f"/data/{number}.parquet", part(0, 10))
    check_columns("memory://data/*.parquet", {"text": "texd", "label": "label"})  # asks nobody
    assert not memory.opened
    with pytest.raises(InputError, match=r'no text column "texd" \(did you mean "text"\?\)'):
        load_dataset("memory://data/*.parquet", text="texd", label="label", spool=Spool(tmp_path / "spool"))
    assert memory.opened == {"0.parquet": 1}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (part(0, 4).drop_columns(["n"]), "has no column 'n', unlike memory:///data/0"),
        (part(0, 4, new=[1] * 4), "has a column 'new', unlike"),
        (part(0, 4).set_column(2, "n", pa.array(["x"] * 4)), "has other types of columns than memory:///data/0"),
    ],
)  # fmt: skip
def test_a_shard_unlike_the_first_is_named(memory, other, why):
    put(memory, "/data/0.parquet", part(0, 4))
    put(memory, "/data/1.parquet", other)
    with pytest.raises(InputError, match=rf"memory:///data/1.parquet {why}"):
        read_table("memory://data/*.parquet")


def test_what_is_not_there_or_not_read(memory):
    with pytest.raises(InputError, match="no file is called like memory://data/"):
        read_table("memory://data/*.parquet")
    memory.pipe("/data/a.csv", b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"names files with \.csv: what is read from afar"):
        read_table("memory://data/a.csv")
    put(memory, "/data/0.parquet", part(0, 4))
    memory.pipe("/data/0.tar", b"")
    with pytest.raises(InputError, match=r"files with \.parquet and \.tar"):
        read_table("memory://data")
    with pytest.raises(InputError, match="nowhere://x/a.parquet could not be read"):
        read_table("nowhere://x/a.parquet")


class TestServer:
    def test_one_file_and_a_range(self, server, tmp_path):
        for number in range(3):
            pq.write_table(part(10 * number, 10 * number + 10), server.folder / f"s-{number}.parquet")
        assert read_table(f"{server.url}/s-1.parquet?token=x")["n"].tolist() == [*range(10, 20)]
        spool = Spool(tmp_path / "spool")
        server.asked.clear()
        data = load_dataset(f"{server.url}/s-{{0..2}}.parquet", text="text", label="label", spool=spool)
        assert len(data) == 30
        assert server.asked == ["/s-0.parquet", "/s-1.parquet", "/s-2.parquet"]

    def test_a_file_that_is_not_there_is_named(self, server):
        with pytest.raises(InputError, match=rf"{server.url}/no.parquet could not be read: .*404"):
            read_table(f"{server.url}/no.parquet?secret=1")

    def test_one_that_breaks_off_is_asked_for_again(self, server, monkeypatch):
        monkeypatch.setattr(remote, "WAIT", 0)
        pq.write_table(part(0, 10), server.folder / "a.parquet")
        server.broken = [100, 0]
        assert len(read_table(f"{server.url}/a.parquet")) == 10
        server.broken = [100] * 3
        with pytest.raises(InputError, match=r"a.parquet could not be read: it broke off after 100 of \d+ bytes"):
            read_table(f"{server.url}/a.parquet")

    def test_tar_files(self, server):
        for number in range(2):
            tar_shard(server.folder / f"train-{number:03}.tar", 5 * number, 5 * number + 5)
        data = load_dataset(f"{server.url}/train-{{000..001}}.tar", text="txt", label="cls", id="key")
        assert data.inputs == [f"row {k}" for k in range(10)]
        assert data.ids.tolist() == [f"{k:04}" for k in range(10)]


class TestTarsHere:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "shards"
        folder.mkdir()
        for number in (0, 1, 10):
            tar_shard(folder / f"s-{number}.tar", 5 * number, 5 * number + 5)
        return folder

    def test_a_folder_a_glob_a_range_and_one(self, folder):
        wanted = [f"row {k}" for k in (*range(10), *range(50, 55))]
        for source in (folder, f"{folder}/s-*.tar", f"{folder}/*"):
            assert read_table(source)["txt"].tolist() == wanted
            assert holds_tables(source)
            data = load_dataset(source, text="txt", label="cls", id="key")
            assert data.inputs == wanted
        assert read_table(f"{folder}/s-{{0..1}}.tar")["txt"].tolist() == wanted[:10]
        assert read_table(folder / "s-10.tar")["txt"].tolist() == wanted[10:]

    def test_what_is_not_there(self, folder):
        with pytest.raises(InputError, match=r"s-2\.tar does not exist"):
            read_table(folder / "s-2.tar")
        with pytest.raises(InputError, match=r"s-2\.tar does not exist"):
            read_table(f"{folder}/s-{{0..2}}.tar")
        with pytest.raises(InputError, match=r'no text column "text"'):
            check_columns(folder, {"text": "text", "label": "cls"})

    def test_an_unreadable_one_is_named(self, folder):
        content = (folder / "s-1.tar").read_bytes()
        (folder / "s-1.tar").write_bytes(content[:700])
        with pytest.raises(InputError, match=r"s-1\.tar"):
            read_table(folder)

    def test_left_out_members_are_noted(self, tmp_path):
        write_tar(tmp_path / "a.tar", [("1.txt", b"x"), ("1.cls", b"0"), ("1.flac", b"y")])
        assert read_table(tmp_path / "a.tar").attrs["notes"] == ["Members of tar files that are no column: flac."]


def test_large_parquet_files_become_mapped_and_stay_the_same(tmp_path, monkeypatch):
    """Also where row groups are small, types are dictionaries, and a file has another order of columns."""
    monkeypatch.setattr(sources, "LARGE", 0)
    folder = tmp_path / "shards"
    folder.mkdir()
    table = part(0, 50).set_column(1, "label", part(0, 50)["label"].dictionary_encode())
    pq.write_table(table, folder / "train-0.parquet", row_group_size=7)
    pq.write_table(table.select(["n", "label", "text"]), folder / "test-0.parquet")
    ids = {"id": None}
    for source in (folder, folder / "train-0.parquet"):
        plain = load_dataset(source, text="text", label="label", **ids)
        spooled = load_dataset(source, text="text", label="label", **ids, spool=Spool(tmp_path / "spool"))
        assert spooled.fingerprint == plain.fingerprint
        assert spooled.notes == plain.notes
        assert spooled.split.tolist() == plain.split.tolist()
        assert spooled.labels.classes == plain.labels.classes
    assert isinstance(find_table(f"{folder}/train-{{0..0}}.parquet"), StreamedShards)
    wide = load_dataset(folder / "train-0.parquet", features="n", label="label", spool=Spool(tmp_path / "spool"))
    pd.testing.assert_series_equal(
        pd.Series(wide.labels.codes),
        pd.Series(load_dataset(folder / "train-0.parquet", features="n", label="label").labels.codes),
    )
