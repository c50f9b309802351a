"""The device that a training runs on, and the processes it may be spread over."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Team:
    """The processes that train one model together, each on its part of every batch.

    `torchrun --nproc-per-node N -m urform train ...` starts N of them; else there is but one.

    Args:
        device: auto, cpu, cuda or mps; of several processes with cuda each takes its own.

    Attributes:
        device: of this process.
        rank: number of this process.
        size: how many there are.

    Raises:
        ValueError: there is no such device here.
    """

    def __init__(self, device: str = "auto"):
        self.device = choose_device(device)
        self.rank, self.size = 0, 1
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            if self.device.type == "cuda":
                self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
                torch.cuda.set_device(self.device)
            if not dist.is_initialized():
                dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            self.rank, self.size = dist.get_rank(), dist.get_world_size()

    @property
    def is_first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def sum(
        self, parameters: Sequence[Tensor], logged: dict[str, Tensor], stop: bool
    ) -> tuple[dict[str, Tensor], bool]:
        """Add up, over the processes, the gradients (in place) and what is logged; `stop` if one of them wants it."""
        if self.size == 1:
            return logged, stop
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        numbers = torch.stack([*logged.values(), torch.tensor(float(stop), device=self.device)])
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([numbers, *(gradient.flatten() for gradient in gradients)])
        dist.all_reduce(flat)
        numbers, *summed = flat.split([len(numbers), *(gradient.numel() for gradient in gradients)])
        for gradient, value in zip(gradients, summed, strict=True):
            gradient.copy_(value.view_as(gradient))
        return dict(zip(logged, numbers, strict=False)), bool(numbers[-1] > 0)

    def average(self, module: nn.Module) -> None:
        """Have batch norm's averages, and all else that a module keeps beside its parameters, the same everywhere."""
        kept = [value for value in module.buffers() if value.is_floating_point()]
        if self.size == 1 or not kept:
            return
        flat = torch.cat([value.flatten() for value in kept])
        dist.all_reduce(flat)
        for value, mean in zip(kept, (flat / self.size).split([value.numel() for value in kept]), strict=True):
            value.copy_(mean.view_as(value))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


def choose_device(name: str) -> torch.device:
    """The device of that name; 'auto' takes cuda, then mps, then the CPU.

    Raises:
        ValueError: there is no such device here.
    """
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if found[kind])
    if not found.get(name.split(":")[0], False):
        here = ", ".join(kind for kind, there in found.items() if there)
        raise ValueError(f"device must be one that is here ({here}), got {name!r}")
    return torch.device(name)
