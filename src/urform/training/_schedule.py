"""Learning rates over a training."""

from __future__ import annotations

import math

from urform.config import ScheduleConfig


def lr_factor(schedule: ScheduleConfig, epoch: float, epochs: int) -> float:
    """Share of the initial learning rate.

    Args:
        schedule: how it changes.
        epoch: epochs that are done, and parts of one; step and warmup change with whole epochs, as published.
        epochs: how many there are.

    Source: FORMATS section 4, LearningRateSchedule: Step, Warmup, Constant.
    """
    if schedule.kind == "step":
        return schedule.factor ** (int(epoch) // schedule.interval)
    if schedule.kind == "warmup":
        return 1 + (schedule.final - 1) * min(1.0, int(epoch) / schedule.length)
    if schedule.kind == "constant":
        return 1.0
    progress = epoch / epochs
    if progress < schedule.warm_share:
        return (progress + 1e-3) / (schedule.warm_share + 1e-3)
    cosine = (1 + math.cos(math.pi * (progress - schedule.warm_share) / (1 - schedule.warm_share))) / 2
    return schedule.floor + (1 - schedule.floor) * cosine
