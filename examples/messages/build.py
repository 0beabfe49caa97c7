"""Write the label columns of messages.csv again, from its texts and gold labels.

`label` is gold with 35 % instance-dependent errors in the training rows, planted by `mislabel corrupt`: similar
messages get similar wrong labels, as from a hurried annotator. `rule_label` is the majority vote of the keyword rules
in rules.csv; it is empty where no rule matches. Run it from anywhere: python examples/messages/build.py
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def rule_label(text: str, rules: list[tuple[str, re.Pattern]]) -> str | None:
    """The intent that most rules vote for; the rule that stands first settles a tie."""
    votes = Counter(intent for intent, pattern in rules if pattern.search(text))
    return votes.most_common(1)[0][0] if votes else None


def main() -> None:
    messages = pd.read_csv(HERE / "messages.csv", keep_default_na=False)[["id", "text", "gold", "split"]]
    table = pd.read_csv(HERE / "rules.csv")
    rules = [(row.intent, re.compile(row.pattern, re.IGNORECASE)) for row in table.itertuples()]
    with tempfile.TemporaryDirectory() as folder:
        plain, noisy = Path(folder) / "plain.csv", Path(folder) / "noisy.csv"
        messages.to_csv(plain, index=False)
        command = ["corrupt", str(plain), "--label", "gold", "--text", "text", "--kind", "idn", "--rate", "0.35"]
        command += ["--split", "split", "--column", "label", "--seed", "0", "-o", str(noisy)]
        subprocess.run([sys.executable, "-m", "mislabel", *command], check=True)
        messages["label"] = pd.read_csv(noisy)["label"]
    messages["rule_label"] = [rule_label(text, rules) for text in messages["text"]]
    messages[["id", "text", "label", "rule_label", "gold", "split"]].to_csv(HERE / "messages.csv", index=False)


if __name__ == "__main__":
    main()
