"""Training losses of runs in one picture, a panel for each group of runs, from their metrics.jsonl (extra `analyze`).

python benchmarks/loss_curves.py OUT.png "TITLE: RUN RUN ..." ["TITLE: RUN ..."]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main(out: Path, groups: list[str]) -> None:
    figure, panels = plt.subplots(1, len(groups), figsize=(4 * len(groups), 3), layout="constrained", squeeze=False)
    for panel, group in zip(panels[0], groups, strict=True):
        title, runs = group.split(":")
        for run in map(Path, runs.split()):
            lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
            panel.plot([line["epoch"] + 1 for line in lines], [line["loss"] for line in lines], label=run.name)
        panel.set(title=title, xlabel="epoch", ylabel="training loss", yscale="log")
        panel.legend(fontsize="small")
    figure.savefig(out, dpi=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
