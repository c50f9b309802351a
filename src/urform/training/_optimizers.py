"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

_MOMENTUM = 0.9  # of the papers of all four methods
_TRUST = 1e-3  # You 2017


class Lars(torch.optim.SGD):
    """SGD with momentum whose step is, for each weight matrix, in proportion to the norm of that matrix.

    Args as in torch.optim.SGD. Parameters of one dimension take plain steps.

    Source: You 2017, Large Batch Training of Convolutional Networks, eq. 6.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step."""
        decays = [group["weight_decay"] for group in self.param_groups]
        for group, decay in zip(self.param_groups, decays, strict=True):
            group["weight_decay"] = 0.0  # it is in the gradient below
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.grad.add_(parameter, alpha=decay)
                if parameter.ndim > 1:
                    weight, gradient = parameter.norm(), parameter.grad.norm()
                    trust = torch.where((weight > 0) & (gradient > 0), _TRUST * weight / gradient.clamp(min=1e-12), 1.0)
                    parameter.grad.mul_(trust)
        result = super().step(closure)
        for group, decay in zip(self.param_groups, decays, strict=True):
            group["weight_decay"] = decay
        return result


def build_optimizer(name: str, module: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """An optimizer of a module's parameters, those of one dimension without decay.

    Args:
        name: sgd, adamw or lars.
        module: whose parameters that want a gradient are trained.
        lr: highest learning rate.
        weight_decay: of weights of two dimensions and more.
    """
    learned = [value for value in module.parameters() if value.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [value for value in learned if (value.ndim > 1) == decayed], "lr": lr, "initial_lr": lr}
        | {"weight_decay": weight_decay if decayed else 0.0}
        for decayed in (True, False)
    ]
    if name == "adamw":
        return torch.optim.AdamW(groups, fused=True)
    return {"sgd": torch.optim.SGD, "lars": Lars}[name](groups, lr=lr, momentum=_MOMENTUM)
