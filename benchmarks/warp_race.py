"""Which warp learns more on a CPU: both train on the same shapes, for the same time, one after the other.

    python benchmarks/warp_race.py --data DATA --split FILE --minutes 5 --work DIR

Method: each candidate of the preset `small`, with one warp or the other, trains for about the given minutes: one epoch
is timed first and the number of epochs chosen from it, so that both finish their learning-rate schedules. Printed are
points a second, the mean |sdf| error under the clamp in the last epoch, and the ratio of the errors.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from urform.config import ModelConfig, RunConfig, ShapeConfig
from urform.data import read_split
from urform.training import train_shape

CANDIDATES = {
    "mlp": ModelConfig(),
    "lstm": ModelConfig(warp="lstm", warp_steps=8),
}


def race(name: str, data: Path, split: Path, minutes: float, work: Path) -> tuple[float, float]:
    """Points a second and final error of one candidate."""
    config = ShapeConfig(model=CANDIDATES[name], epochs=3)
    train_shape(data, [split], work / f"{name}_timing", config, RunConfig(device="cpu"))
    times = [line["elapsed_s"] for line in metrics(work / f"{name}_timing")]
    epoch_s = times[-1] - times[-2]
    epochs = max(2, round(minutes * 60 / epoch_s))
    train_shape(data, [split], work / name, replace(config, epochs=epochs), RunConfig(device="cpu"))
    last = metrics(work / name)[-1]
    points = epochs * len(read_split(split)) * config.points_per_shape
    return points / last["elapsed_s"], last["sdf_error"]


def metrics(run: Path) -> list[dict]:
    """The lines of a run's metrics file."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def main() -> None:
    """Race the candidates and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    results = {
        name: race(name, arguments.data, arguments.split, arguments.minutes, arguments.work) for name in CANDIDATES
    }
    print(f"{torch.get_num_threads()} threads, {arguments.minutes:g} minutes each")
    for name, (speed, error) in results.items():
        print(f"{name:5s} {speed:8.0f} points/s   mean |sdf| error {error:.5f}")
    print(f"error, mlp over lstm: {results['mlp'][1] / results['lstm'][1]:.2f}")


if __name__ == "__main__":
    main()
