"""Learning rates over a training."""

from __future__ import annotations

import math

from urform.config import ScheduleConfig


def lr_factor(rates: ScheduleConfig, epoch: float, epochs: int) -> float:
    """Share of the initial learning rate.

    Args:
        rates: how it changes.
        epoch: epochs that are done, and parts of one; step and warmup change with whole epochs, as published.
        epochs: how many there are.

    Source: docs/formats.md, specs.json: Step, Warmup, Constant.
    """
    if rates.schedule == "step":
        if rates.step_epochs:
            return rates.step_factor ** sum(epoch >= change for change in rates.step_epochs)
        return rates.step_factor ** (int(epoch) // rates.step_interval)
    if rates.schedule == "warmup":
        return 1 + (rates.warmup_final - 1) * min(1.0, int(epoch) / rates.warmup_length)
    if rates.schedule == "constant":
        return 1.0
    progress = epoch / epochs
    if progress < rates.cosine_warm_share:
        return (progress + 1e-3) / (rates.cosine_warm_share + 1e-3)
    cosine = (1 + math.cos(math.pi * (progress - rates.cosine_warm_share) / (1 - rates.cosine_warm_share))) / 2
    return rates.cosine_floor + (1 - rates.cosine_floor) * cosine
