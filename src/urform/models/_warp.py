"""Warps: from the instance space of a shape, named by its latent code, to the canonical space of the template."""

from collections import deque
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._execution import in_chunks
from urform.models._waves import frequencies, with_waves

KEPT_STEPS = 4
"""Number of intermediate warps that the progressive loss sees; written K in shapes."""
_FORGET_BIAS, _AFFINE_RANGE, _GRADIENT_LIMIT = 2.0, 1e-5, 10.0  # of the published LSTM


class Warp(nn.Module):
    """A warp in `steps` steps. A subclass defines `step`; where the steps share work, it defines `_walk` instead.

    The shipped warps take affine steps x <- x * (1 + a) + b, where a network finds a and b for each point.

    Args:
        latent_size: Length L of the latent code.
        steps: Number of steps, a multiple of four.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, latent_size: int, steps: int):
        super().__init__()
        if latent_size < 1:
            raise ValueError(f"latent_size must be at least 1, got {latent_size}")
        if steps < 1 or steps % KEPT_STEPS != 0:
            raise ValueError(f"steps must be a positive multiple of {KEPT_STEPS}, got {steps}")
        self.latent_size = latent_size
        self.steps = steps

    def step(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Float[Tensor, "B N 3"]:
        """The points after one more step."""
        raise NotImplementedError(f"{type(self).__name__} must define `step`")

    def _walk(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Iterator[Float[Tensor, "B N 3"]]:
        """The points after each of the steps."""
        for _ in range(self.steps):
            points = self.step(points, latent)
            yield points

    def forward(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Float[Tensor, "K B N 3"]:
        """The points after each quarter of the steps, the last being the canonical points.

        Args:
            points: Points of each shape, normalised instance space.
            latent: Latent code of each shape.

        Returns:
            The K = 4 kept points.
        """
        every = self.steps // KEPT_STEPS
        return in_chunks(
            lambda *chunk: torch.stack([x for i, x in enumerate(self._walk(*chunk), start=1) if i % every == 0]),
            points,
            latent,
        )

    def canonical(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Float[Tensor, "B N 3"]:
        """The canonical points only, which keeps no copy of the points on their way."""
        return in_chunks(lambda *chunk: deque(self._walk(*chunk), maxlen=1).pop(), points, latent)


class LstmWarp(Warp):
    """The published warp: an LSTM cell reads the latent and the point, and its state gives the affine step.

    The latent's part of the LSTM's input is the same for every point of a shape and every step, so it is computed
    once a shape. This changes nothing in the result.

    Args:
        latent_size: Length L of the latent code.
        hidden_size: Units H of the LSTM; 512 in the published setting.
        steps: Number of steps, a multiple of four; 8 in the published setting.

    Source: Zheng 2021 (Deep Implicit Templates), spatial warping LSTM, as in the published code.
    """

    def __init__(self, latent_size: int, hidden_size: int, steps: int = 8):
        super().__init__(latent_size, steps)
        if hidden_size < 1:
            raise ValueError(f"hidden_size must be at least 1, got {hidden_size}")
        self.hidden_size = hidden_size
        # Only the parameters of these two modules are used; they keep the published names and initial values.
        self.lstm = nn.LSTMCell(latent_size + 3, hidden_size)
        self.affine = nn.Linear(hidden_size, 6)
        # Near the identity at the start, else the template is first learned in a wrong frame.
        nn.init.normal_(self.affine.weight, std=0.01 / hidden_size**0.5)
        nn.init.zeros_(self.affine.bias)
        self._gradient_limit: float | None = None

    def start_as_published(self) -> None:
        """Take the published initial values; from now on clamp the gradient of the hidden state on its way back.

        Source: Zheng 2021 (Deep Implicit Templates), published code.
        """
        H = self.hidden_size
        with torch.no_grad():
            for bias in (self.lstm.bias_ih, self.lstm.bias_hh):  # the gates' order is in, forget, candidate, out
                bias[H : 2 * H].fill_(_FORGET_BIAS / 2)
        nn.init.uniform_(self.affine.weight, -_AFFINE_RANGE, _AFFINE_RANGE)
        self._gradient_limit = _GRADIENT_LIMIT

    def _walk(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Iterator[Float[Tensor, "B N 3"]]:
        B, H = len(points), self.hidden_size
        latent_weight, point_weight = self.lstm.weight_ih.split([self.latent_size, 3], dim=1)
        latent_gates = nn.functional.linear(latent, latent_weight, self.lstm.bias_ih + self.lstm.bias_hh).unsqueeze(1)
        # State and point side by side take one product a step, and one pass over the gates, instead of two.
        weight = torch.cat([point_weight, self.lstm.weight_hh], dim=1).t().expand(B, 3 + H, 4 * H)
        x, hidden, cell = points, None, None
        for _ in range(self.steps):
            if hidden is None or cell is None:  # at first the state is zero
                gates = torch.baddbmm(latent_gates, x, weight[:, :3])
                in_gate, _, candidate, out_gate = gates.chunk(4, dim=2)
                cell = torch.sigmoid(in_gate) * torch.tanh(candidate)
            else:
                gates = torch.baddbmm(latent_gates, torch.cat([x, hidden], dim=2), weight)
                in_gate, forget_gate, candidate, out_gate = gates.chunk(4, dim=2)
                cell = torch.addcmul(torch.sigmoid(in_gate) * torch.tanh(candidate), torch.sigmoid(forget_gate), cell)
            hidden = torch.sigmoid(out_gate) * torch.tanh(cell)
            if (limit := self._gradient_limit) is not None and hidden.requires_grad:
                hidden.register_hook(lambda gradient, limit=limit: gradient.clamp(-limit, limit))
            x = _affine_step(x, self.affine(hidden))
            yield x


class MlpWarp(Warp):
    """A warp whose steps are two-layer networks with hidden units scaled and shifted by the latent.

    Much faster than the LSTM on a CPU: it has no gates, and the scales are folded into one weight matrix a shape, so
    that a step is three matrix products and two ReLUs.

    Args:
        latent_size: Length L of the latent code.
        width: Hidden units of each of the two layers.
        steps: Number of steps, a multiple of four.
        octaves: Frequencies of sines and cosines beside the points. With none the warp is smooth; with several it
            folds, and canonical points no longer correspond.

    Source: the modulation is that of Perez 2018 (FiLM).
    """

    _frequencies: Tensor

    def __init__(self, latent_size: int, width: int, steps: int = 4, octaves: int = 4):
        super().__init__(latent_size, steps)
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.width = width
        self.octaves = octaves
        self.register_buffer("_frequencies", frequencies(octaves), persistent=False)
        # Scale and shift of both hidden layers of all steps, in one product.
        self.modulation = nn.Linear(latent_size, steps * 4 * width)
        self.weight1 = nn.Parameter(torch.empty(steps, 3 + 6 * octaves, width))
        self.bias1 = nn.Parameter(torch.zeros(steps, width))
        self.weight2 = nn.Parameter(torch.empty(steps, width, width))
        self.bias2 = nn.Parameter(torch.zeros(steps, width))
        self.weight3 = nn.Parameter(torch.empty(steps, width, 6))
        self.bias3 = nn.Parameter(torch.zeros(steps, 6))
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.modulation.weight, std=0.3)
        nn.init.zeros_(self.modulation.bias)
        # Kinks of the first layer spread over the unit ball, not all through its centre.
        nn.init.normal_(self.weight1, std=(2 / 3) ** 0.5)
        with torch.no_grad():
            # The higher the frequency, the less of it at the start: the first warps are smooth.
            amplitudes = (0.5 ** torch.arange(1, self.octaves + 1)).repeat(6)
            self.weight1[:, 3:] *= amplitudes[:, None]
        nn.init.uniform_(self.bias1, -1, 1)
        nn.init.normal_(self.weight2, std=(2 / self.width) ** 0.5)
        # Near the identity at the start, but not at it: with zeros here the other layers would get no gradient.
        nn.init.normal_(self.weight3, std=0.02 / (self.steps * self.width**0.5))

    def _walk(self, points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]) -> Iterator[Float[Tensor, "B N 3"]]:
        B, N, _ = points.shape
        modulation = self.modulation(latent).view(B, self.steps, 2, 2, 1, self.width)
        # scale * (x W + b) + shift = x (W scale) + (b scale + shift): the products on the right are once a shape.
        scale, shift = 1 + modulation[:, :, :, 0], modulation[:, :, :, 1]
        weight1, bias1 = self.weight1 * scale[:, :, 0], self.bias1.unsqueeze(1) * scale[:, :, 0] + shift[:, :, 0]
        weight2, bias2 = self.weight2 * scale[:, :, 1], self.bias2.unsqueeze(1) * scale[:, :, 1] + shift[:, :, 1]
        x = points
        for i in range(self.steps):
            features = nn.functional.relu(
                torch.baddbmm(bias1[:, i], with_waves(x, self._frequencies), weight1[:, i]), inplace=True
            )
            features = nn.functional.relu(torch.baddbmm(bias2[:, i], features, weight2[:, i]), inplace=True)
            affine = torch.addmm(self.bias3[i], features.view(B * N, self.width), self.weight3[i])
            x = _affine_step(x, affine.view(B, N, 6))
            yield x


def _affine_step(x: Float[Tensor, "B N 3"], affine: Float[Tensor, "B N 6"]) -> Float[Tensor, "B N 3"]:
    """x * (1 + a) + b, with a and b the halves of `affine`."""
    return torch.addcmul(x + affine[..., 3:], x, affine[..., :3])
