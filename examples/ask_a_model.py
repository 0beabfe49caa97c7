"""A language model as one more source of labels: asked, measured on checked rows, and never believed blindly.

    python examples/ask_a_model.py [--endpoint URL --model NAME] [--out demo-run/asked]

Without an endpoint a stand-in answers on this machine, which goes by keywords, as a small model does: nothing is sent
anywhere. With one, the 900 messages of this project go there.
"""

import argparse
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd

MESSAGES = Path(__file__).parent / "messages"
WORDS = {
    "account": "log ?in|password|address|account|profile", "billing": "invoice|charge|bill|fee|paid|payment",
    "delivery": "parcel|deliver|arriv|courier|ship", "refund": "refund|return|money back|send back",
    "technical": "error|crash|freez|fault|not work|app|screen", "product": "which|does it|material|colou?r|size",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint")
    parser.add_argument("--model", default="stand-in")
    parser.add_argument("--out", type=Path, default=Path("demo-run/asked"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    frame = pd.read_csv(MESSAGES / "messages.csv", dtype=str)
    checked = frame["split"].eq("train") & (frame.groupby("split").cumcount() % 10 == 0)
    frame.assign(checked=frame["gold"].where(checked)).to_csv(given.out / "messages.csv", index=False)
    server = None if given.endpoint else ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    if server is not None:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = given.endpoint or f"http://127.0.0.1:{server.server_port}/v1"  # pyright: ignore[reportOptionalMemberAccess]
    columns = ["--text", "text", "--label", "label"]
    mislabel(
        "ask", given.out / "messages.csv", *columns, "--describe", MESSAGES / "classes.toml", "--endpoint", endpoint,
        "--model", given.model, "--out", given.out / "asked.csv", "--overwrite",
    )  # fmt: skip
    mislabel(
        "audit", given.out / "asked.csv", *columns, "--id", "id", "--split", "split", "--gold", "gold", "--sources",
        "llm", "--source-kind", "llm=model", "--trusted", "checked", "--trusted-drawn", "random",
        "--out", given.out / "run", "--overwrite",
    )  # fmt: skip
    sources = pd.read_parquet(given.out / "run" / "sources.parquet").set_index("source")
    print(f"right on rows that somebody checked: {sources.loc['llm', 'checked_right']:.2f}")


def mislabel(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "mislabel", *map(str, words)], check=True)


class StandIn(BaseHTTPRequestHandler):
    """Chat completions by keywords."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
        key_of = {name: key for key, name in re.findall(r"^(\w)\. (\w+)", asked, re.MULTILINE)}
        row = asked.split("===\n")[1].lower()
        name = next((name for name, words in WORDS.items() if re.search(words, row)), "technical")
        body = json.dumps({"choices": [{"message": {"content": key_of[name]}, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    main()
