"""The files in a run folder."""

from __future__ import annotations

from typing import NamedTuple


class RunFiles(NamedTuple):
    """Their names.

    Attributes:
        weights: the model.
        best: the model of the epoch with the lowest error on validation shapes.
        config: the settings.
        metrics: a line for each epoch.
        checkpoint: what a resumed run goes on from.
        previous: the checkpoint before.
        left_out: shapes and samples that are not used.
        files: the list of the others.
    """

    weights: str = "model.safetensors"
    best: str = "best.safetensors"
    config: str = "config.json"
    metrics: str = "metrics.jsonl"
    checkpoint: str = "checkpoint.pt"
    previous: str = "checkpoint_previous.pt"
    left_out: str = "left_out.json"
    files: str = "files.txt"


RUN_FILES = RunFiles()
