"""How fast a review answers on a million rows, and what memory it takes.

    python benchmarks/review.py --rows 1000000

makes a run folder of made-up texts (no training: only what a review reads), starts `mislabel review` on it, and sends
decisions, lists, searches and rows as a page does, one after the other and then from two windows at once; then it asks
for the map, its points, and lists and searches of what a line on it encloses. Prints medians and 99th percentiles in
milliseconds, what the server's threads took of the processor in the mean (others may work on the same machine), how
long the map took to be made, the size of its points, and the largest memory of the server.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WORDS = 5000
DIMENSION = 384
GROUP = 4096
AUDIT_GROUP = 1 << 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--decisions", type=int, default=2000)
    parser.add_argument("--run", type=Path, help="Where to make the run folder, or where one was made before.")
    parser.add_argument("--no-embeddings", action="store_true", help="Without 0.8 GB of embeddings for a million rows.")
    parser.add_argument("--no-search", action="store_true", help="Without searches, which look through all texts.")
    parser.add_argument("--map-only", action="store_true", help="The map alone.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.run or Path(temporary) / "run"
        if not (folder / "metrics.json").is_file():
            make_run(folder, given.rows, given.classes, embeddings=not given.no_embeddings)
        measure(folder, 0 if given.map_only else given.decisions, search=not given.no_search)


def make_run(folder: Path, rows: int, classes: int, *, embeddings: bool) -> None:
    """The part of a run folder that a review reads."""
    rng, names = np.random.default_rng(0), [f"class {k}" for k in range(classes)]
    folder.mkdir(parents=True, exist_ok=True)
    given = rng.integers(classes, size=rows, dtype=np.int32)
    posterior = np.lib.format.open_memmap(folder / "posterior.npy", "w+", dtype=np.float32, shape=(rows, classes))
    best, wrong = np.empty(rows, dtype=np.int32), np.empty(rows)
    for begin in range(0, rows, GROUP):
        part = rng.dirichlet(np.full(classes, 0.1), size=min(GROUP, rows - begin)).astype(np.float32)
        posterior[begin : begin + len(part)], best[begin : begin + len(part)] = part, part.argmax(1)
        wrong[begin : begin + len(part)] = 1 - part[np.arange(len(part)), given[begin : begin + len(part)]]
    order = np.argsort(-wrong, kind="stable")
    labels, writer = pa.array(names), None
    for begin in range(0, rows, AUDIT_GROUP):
        part = order[begin : begin + AUDIT_GROUP]
        audit = pa.table(
            {
                "id": [f"row-{k}" for k in part],
                "given_label": labels.take(pa.array(given[part])),
                "suggested_label": labels.take(pa.array(best[part])),
                "p_mislabeled": wrong[part],
                "difficulty": rng.random(len(part)),
                "predicted_label": labels.take(pa.array(best[part])),
                "confidence": rng.random(len(part)),
                "status": np.full(len(part), "judged"),
                "row": part,
                "wrong_events": rng.integers(15, size=len(part)),
                "observations": np.full(len(part), 14),
                "mean_margin": rng.normal(size=len(part)),
            }
        )
        writer = writer or pq.ParquetWriter(folder / "audit.parquet", audit.schema)
        writer.write_table(audit)
    assert writer is not None
    writer.close()
    vocabulary = np.array(["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(WORDS)])
    schema = pa.schema([("id", pa.string()), ("input", pa.string())])
    with pq.ParquetWriter(folder / "inputs.parquet", schema) as writer:
        for begin in range(0, rows, GROUP):
            count = min(GROUP, rows - begin)
            texts = [" ".join(words) for words in vocabulary[rng.integers(WORDS, size=(count, 14))]]
            ids = [f"row-{k}" for k in range(begin, begin + count)]
            writer.write_table(pa.table([ids, texts], schema=schema))
    if embeddings:
        matrix = np.lib.format.open_memmap(folder / "embeddings.npy", "w+", dtype=np.float16, shape=(rows, DIMENSION))
        for begin in range(0, rows, GROUP):
            count = min(GROUP, rows - begin)
            matrix[begin : begin + count] = rng.normal(size=(count, DIMENSION)).astype(np.float16)
    config = {
        "schema": 1,
        "settings": {"method": "ido"},
        "data": {"name": "made-up", "modality": "text", "classes": names, "rows": rows, "columns": {}},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "metrics.json").write_text("{}", encoding="utf-8")


class Page:
    """One window: a connection that stays open, and the time of every answer."""

    def __init__(self, address: str, server: int):
        self.server = server
        parts = urlsplit(address)
        assert parts.port is not None
        self.path = parts.path
        self.connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=120)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers do
        self.seconds: dict[str, list[float]] = {}
        self.processor: dict[str, float] = {}

    def ask(self, name: str, path: str, said: dict | None = None) -> dict:
        return json.loads(self.fetch(name, path, said))

    def fetch(self, name: str, path: str, said: dict | None = None) -> bytes:
        before, began = processor_seconds(self.server), time.perf_counter()
        body = None if said is None else json.dumps(said)
        headers = {"Content-Type": "application/json"} if body else {}
        self.connection.request("POST" if body else "GET", self.path + path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)
        took = processor_seconds(self.server) - before
        self.processor[name] = self.processor.get(name, 0.0) + took
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {answer[:200]!r}")
        return answer


def measure(folder: Path, decisions: int, *, search: bool) -> None:
    began = time.perf_counter()
    command = [sys.executable, "-m", "mislabel", "review", str(folder), "--no-browser", "--probe", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = next(line.strip() for line in server.stdout if "http://" in line)
            print(f"started in {time.perf_counter() - began:.1f} s, {memory(server.pid)}")
            page = Page(address, server.pid)
            about = page.ask("run", "api/run")
            if decisions:
                deciding(page, address, server.pid, decisions, len(about["classes"]), search=search)
            for layout in ("pca", "tsne"):
                mapping(Page(address, server.pid), layout, search=search)
            print(f"at the end {memory(server.pid)}")
        finally:
            server.send_signal(signal.SIGTERM)


def deciding(page: Page, address: str, server: int, decisions: int, classes: int, *, search: bool) -> None:
    """What a review is mostly: from one window, and from two at once."""
    if search:
        page.ask("first search", "api/list?search=" + quote("zebra"))
    reviewing(page, decisions)
    listing(page, classes, search=search)
    tell(page, "one window")
    windows = [Page(address, server), Page(address, server)]
    threads = [threading.Thread(target=reviewing, args=(one, decisions // 2)) for one in windows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = Page(address, server)
    both.seconds = {k: windows[0].seconds[k] + windows[1].seconds[k] for k in windows[0].seconds}
    tell(both, "two windows at once")


def reviewing(page: Page, decisions: int) -> None:
    """What a person does: next row, decide; now and then undo, neighbours and the estimate."""
    place, seen = 0, page.ask("state", "api/state")["number"]
    for number in range(decisions):
        shown = page.ask("next row", f"api/next?after={place}")
        place, row = shown["place"], shown["row"]["row"]
        kind = ("suggestion", "keep", "label", "none", "unsure")[number % 5]
        said = {"key": str(uuid.uuid4()), "kind": kind, "rows": [row], "place": place, "since": seen}
        seen = page.ask("decision", "api/decide", said | ({"label": 3} if kind == "label" else {}))["state"]["number"]
        page.ask("state", f"api/state?since={seen}")
        if number % 40 == 0:
            page.ask("undo", "api/undo", {"key": str(uuid.uuid4())})
            page.ask("estimate", "api/estimate")
        if number % 200 == 0:
            page.ask("neighbours", f"api/rows/{row}/neighbours")


def listing(page: Page, classes: int, *, search: bool) -> None:
    """Lists by every kind of filter, from the first page to one deep inside."""
    for number in range(100):
        code = number % classes
        page.ask("list", f"api/list?offset={number * 5000}")
        page.ask("list by class", f"api/list?given={code}&decision=undecided")
        page.ask("list by pair", f"api/list?given={code}&suggested={(code + 1) % classes}&status=any")
        page.ask("list of decided", "api/list?decision=decided")
        if search:
            page.ask("search", "api/list?search=" + quote("abcdefghijklm"[code % 10 : code % 10 + 3]))


def mapping(page: Page, layout: str, *, search: bool) -> None:
    """Open a map, wait until it is made, take its points, and ask what lies inside lines of 24 corners."""
    began = time.perf_counter()
    while True:
        state = page.ask("how far", f"api/map/{layout}")
        if state["failure"] is not None:
            print(f"\nno map {layout}: {state['failure']}")
            return
        if state["ready"]:
            break
        time.sleep(0.5)
    print(f"\nmap {layout} made in {time.perf_counter() - began:.0f} s, {memory(page.server)}")
    random, turn = np.random.default_rng(0), np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    for number in range(10):
        points = page.fetch("points", f"api/map/{layout}/points")
        middle, reach = random.integers(20_000, 45_000, 2), random.integers(2_000, 16_000)
        corners = ";".join(f"{x},{y}" for x, y in np.rint(middle + reach * circle).astype(int))
        area = "area=" + quote(f"{layout}:{corners}")
        inside = page.ask("inside a line", f"api/list?limit=1&{area}")["total"]
        page.ask("a page of them", f"api/list?{area}")
        if search and number < 3:
            page.ask("search in them", f"api/list?{area}&search=zeb")
    tell(page, f"the map {layout}: points of {len(points) / 1e6:.0f} MB, {inside:,} rows inside the last line")


def tell(page: Page, title: str) -> None:
    print(f"\n{title}\n{'':16}{'count':>7}{'median':>9}{'p99':>9}{'largest':>9}{'processor':>11}  milliseconds")
    for name, seconds in sorted(page.seconds.items()):
        values = np.array(seconds) * 1e3
        low, high = np.median(values), np.percentile(values, 99)
        processor = f"{page.processor[name] * 1e3 / len(values):11.1f}" if name in page.processor else ""
        print(f"{name:16}{len(values):7}{low:9.1f}{high:9.1f}{values.max():9.1f}{processor}", flush=True)


def processor_seconds(process: int) -> float:
    """Of all threads of a process, those that ended too; it grows by a hundredth of a second."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> str:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) / 1000 for line in lines if line.startswith("Vm")}
    return f"memory {values['VmRSS']:.0f} MB, largest {values['VmHWM']:.0f} MB"


if __name__ == "__main__":
    main()
