"""The template: one signed distance field, in canonical space, for a whole category."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._execution import chunk_size, hidden_dtype
from urform.models._waves import frequencies, with_waves

_WAVE_SHARE = 0.25  # of the usual initial weights, for sines and cosines


class _WeightNormLinear(nn.Module):
    """Weight and bias of a linear layer, with rows weight_g * weight_v / |weight_v|, under the published key names.

    torch's parametrisation has the same mathematics but other key names.
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        linear = nn.Linear(in_features, out_features)
        self.bias = linear.bias
        self.weight_g = nn.Parameter(linear.weight.detach().norm(dim=1, keepdim=True))
        self.weight_v = nn.Parameter(linear.weight.detach().clone())

    @property
    def weight(self) -> Float[Tensor, "O I"]:
        return self.weight_v * (self.weight_g / self.weight_v.norm(dim=1, keepdim=True))


class _Layer(NamedTuple):
    """Parameters of a layer in the number format it is evaluated in."""

    weight: Tensor
    bias: Tensor
    norm: tuple[Tensor, Tensor] | None = None
    dropout: float = 0.0


class Template(nn.Module):
    """The template's signed distance network: linear layers with ReLU, tanh at the end.

    Args:
        dims: Widths of the hidden layers.
        dropout: Probability of dropout after the ReLU, in [0, 1).
        weight_norm: True normalises the weights of `norm_layers`; False puts a LayerNorm after these layers instead.
        norm_layers: Indices of the hidden layers that are normalised; None means all.
        dropout_layers: Indices of the hidden layers with dropout; None means all.
        xyz_in_all: Appends the point to the input of every layer; hidden layers then have three units less.
        octaves: Frequencies of sines and cosines beside the point in the first layer, for detail.

    Raises:
        ValueError: An argument is out of range.

    Source: the network of Park 2019 (DeepSDF) without its latent, as in Zheng 2021 (Deep Implicit Templates).
    """

    _frequencies: Tensor

    def __init__(
        self,
        dims: Sequence[int] = (256,) * 5,
        dropout: float = 0.05,
        weight_norm: bool = True,
        norm_layers: Sequence[int] | None = None,
        dropout_layers: Sequence[int] | None = None,
        xyz_in_all: bool = False,
        octaves: int = 0,
    ):
        super().__init__()
        hidden = range(len(dims))
        norm_layers = tuple(hidden) if norm_layers is None else tuple(norm_layers)
        dropout_layers = tuple(hidden) if dropout_layers is None else tuple(dropout_layers)
        _check_arguments(dims, dropout, norm_layers, dropout_layers, xyz_in_all)
        self.dims = tuple(dims)
        self.dropout = dropout
        self.dropout_layers = dropout_layers
        self.xyz_in_all = xyz_in_all
        self.register_buffer("_frequencies", frequencies(octaves), persistent=False)
        in_features = 3 + 6 * octaves
        for i, width in enumerate(dims):
            out_features = width - 3 if xyz_in_all else width
            normalised = i in norm_layers
            layer_type = _WeightNormLinear if weight_norm and normalised else nn.Linear
            self.add_module(f"lin{i}", layer_type(in_features, out_features))
            if normalised and not weight_norm:
                self.add_module(f"bn{i}", nn.LayerNorm(out_features))
            in_features = width
        if octaves:
            self._weaken_waves()
        last = nn.Linear(in_features, 1)
        # Start inside the clamping distance: beyond it the clamped loss has no gradient, and nothing is ever learned.
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()
        self.add_module(f"lin{len(dims)}", last)

    def _weaken_waves(self) -> None:
        """Have little of the waves at the start: the first templates are smooth."""
        first = self.get_submodule("lin0")
        with torch.no_grad():
            if isinstance(first, _WeightNormLinear):
                first.weight_v[:, 3:] *= _WAVE_SHARE
                first.weight_g.copy_(first.weight_v.norm(dim=1, keepdim=True))
            elif isinstance(first, nn.Linear):
                first.weight[:, 3:] *= _WAVE_SHARE

    def forward(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
        """Signed distance of canonical points, in (-1, 1), negative inside.

        Under torch.autocast only the hidden layers take the lower precision; points and sdf keep theirs.
        """
        layers = self._layers(points.dtype, hidden_dtype(points))
        with torch.autocast(points.device.type, enabled=False):
            chunks = points.reshape(-1, 3).split(chunk_size(points))
            sdf = torch.cat([self._evaluate(chunk, layers) for chunk in chunks])
        return sdf.view(points.shape[:-1])

    def _layers(self, outer: torch.dtype, inner: torch.dtype) -> list[_Layer]:
        """The layers of one call: with weights normalised and converted once for all chunks."""
        layers = []
        last = len(self.dims)
        for i in range(last + 1):
            dtype = outer if i in (0, last) else inner
            linear, norm = getattr(self, f"lin{i}"), getattr(self, f"bn{i}", None)
            layers.append(
                _Layer(
                    linear.weight.to(dtype),
                    linear.bias.to(dtype),
                    norm and (norm.weight.to(dtype), norm.bias.to(dtype)),
                    self.dropout if i in self.dropout_layers else 0.0,
                )
            )
        return layers

    def _evaluate(self, points: Float[Tensor, "N 3"], layers: list[_Layer]) -> Float[Tensor, " N"]:
        features = with_waves(points, self._frequencies)
        for i, layer in enumerate(layers):
            features = features.to(layer.weight.dtype)
            if self.xyz_in_all and i > 0:
                features = torch.cat([features, points.to(features.dtype)], dim=1)
            features = nn.functional.linear(features, layer.weight, layer.bias)
            if i == len(layers) - 1:
                break
            if layer.norm is not None:
                features = nn.functional.layer_norm(features, features.shape[1:], *layer.norm)
            # In place: no linear layer or LayerNorm needs its output again for the gradient.
            features = nn.functional.relu(features, inplace=True)
            if layer.dropout > 0:
                features = nn.functional.dropout(features, layer.dropout, self.training)
        return torch.tanh(features).squeeze(1)


def _check_arguments(
    dims: Sequence[int],
    dropout: float,
    norm_layers: Sequence[int],
    dropout_layers: Sequence[int],
    xyz_in_all: bool,
) -> None:
    smallest = 4 if xyz_in_all else 1
    if len(dims) == 0 or min(dims) < smallest:
        raise ValueError(f"dims must hold one or more widths, each at least {smallest}, got {tuple(dims)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1), got {dropout}")
    for name, layers in (("norm_layers", norm_layers), ("dropout_layers", dropout_layers)):
        if any(not 0 <= i < len(dims) for i in layers):
            raise ValueError(f"{name} must be indices of the {len(dims)} hidden layers, got {tuple(layers)}")
