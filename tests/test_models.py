import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from urform.models import Decoder, LstmWarp, MlpWarp, ResNetEncoder, Template
from urform.models import _execution as execution
from urform.published import decoder_from_published

TOLERANCE = 1e-5


def _points(shapes=3, count=20, seed=0):
    return torch.rand(shapes, count, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _latent(shapes=3, seed=1):
    return torch.randn(shapes, 8, generator=torch.Generator().manual_seed(seed))


def _warps():
    torch.manual_seed(0)
    return {
        "lstm": LstmWarp(8, hidden_size=12, steps=8),
        "lstm 4 steps": LstmWarp(8, hidden_size=12, steps=4),
        "mlp": MlpWarp(8, width=12, steps=4),
        "mlp 8 steps": MlpWarp(8, width=12, steps=8),
        "mlp without waves": MlpWarp(8, width=12, steps=4, octaves=0),
    }


def _templates():
    torch.manual_seed(0)
    return {
        "weight norm": Template((16,) * 3, dropout=0),
        "weight norm of some": Template((16,) * 3, dropout=0, norm_layers=(0, 2)),
        "layer norm": Template((16,) * 3, dropout=0, weight_norm=False),
        "layer norm of some": Template((16,) * 3, dropout=0, weight_norm=False, norm_layers=(1,)),
        "plain": Template((16,) * 3, dropout=0, weight_norm=False, norm_layers=()),
        "point in all": Template((16, 20, 16), dropout=0, xyz_in_all=True),
        "dropout of some": Template((16,) * 3, dropout=0.5, dropout_layers=(1,)),
    }


@pytest.fixture(params=_warps())
def warp(request):
    return _warps()[request.param]


@pytest.fixture(params=_templates())
def template(request):
    return _templates()[request.param].eval()


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return Decoder(MlpWarp(8, width=16), Template((16,) * 3, dropout=0))


# Template


def _naive_template(template, points, weight_norm, xyz_in_all):
    """The published description read word by word, of plain torch modules."""
    x = points
    last = len(template.dims)
    for i in range(last + 1):
        layer = getattr(template, f"lin{i}")
        if xyz_in_all and i > 0:
            x = torch.cat([x, points], dim=-1)
        linear = nn.Linear(x.shape[-1], len(layer.bias))
        with torch.no_grad():
            linear.bias.copy_(layer.bias)
            linear.weight.copy_(layer.weight_v if hasattr(layer, "weight_v") else layer.weight)
        if hasattr(layer, "weight_v"):
            linear = nn.utils.parametrizations.weight_norm(linear)
            with torch.no_grad():
                linear.get_parameter("parametrizations.weight.original0").copy_(layer.weight_g)
        x = linear(x)
        if i == last:
            return torch.tanh(x)[..., 0]
        if hasattr(template, f"bn{i}"):
            assert not weight_norm
            x = getattr(template, f"bn{i}")(x)
        x = torch.relu(x)
    raise AssertionError


@pytest.mark.parametrize("name", [name for name in _templates() if "dropout" not in name])
def test_template_agrees_with_its_naive_twin(name):
    template = _templates()[name]
    with torch.no_grad():
        for parameter in template.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    points = _points()
    expected = _naive_template(template, points, "weight norm" in name, "point in all" in name)
    torch.testing.assert_close(template(points), expected)


def test_template_keys_are_the_published_ones():
    keys = set(Template((16,) * 2).state_dict())
    assert keys == {f"lin{i}.{k}" for i in (0, 1) for k in ("weight_g", "weight_v", "bias")} | {
        "lin2.weight",
        "lin2.bias",
    }
    keys = set(Template((16,) * 2, weight_norm=False, norm_layers=(1,)).state_dict())
    assert keys == {f"{m}.{k}" for m in ("lin0", "lin1", "bn1", "lin2") for k in ("weight", "bias")}


@pytest.mark.parametrize("shape", [(3,), (0, 3), (5, 3), (4, 2, 5, 3)])
def test_template_takes_any_batch_shape(template, shape):
    points = torch.rand(shape)
    sdf = template(points)
    assert sdf.shape == shape[:-1]
    assert (sdf.abs() < 1).all()


def test_template_gradients_reach_points_and_parameters(template):
    points = _points().requires_grad_()
    template(points).sum().backward()
    for tensor in (points, *template.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


def test_chunks_change_neither_values_nor_gradients(decoder, monkeypatch):
    decoder = decoder.double()
    points, latent = _points(count=50).double(), _latent().double()

    def run():
        decoder.zero_grad()
        canonical_points, sdf, _ = decoder.progressive(points, latent)
        (sdf.sum() + canonical_points.square().sum()).backward()
        return canonical_points, sdf, *(parameter.grad for parameter in decoder.parameters())

    whole = run()
    for size in (1, 7, 64, 100):
        monkeypatch.setattr(execution, "_CPU_CHUNK", size)
        torch.testing.assert_close(run(), whole)


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    template = Template((64,) * 2, dropout=0.5)
    points = _points()
    assert not torch.equal(template(points), template(points))
    template.eval()
    assert torch.equal(template(points), template(points))


def test_dropout_keeps_the_published_probability():
    torch.manual_seed(0)
    template = Template((4000,), dropout=0.05, weight_norm=False, norm_layers=())
    first, last = template.get_submodule("lin0"), template.get_submodule("lin1")
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(first.weight)
    nn.init.ones_(first.bias)
    nn.init.constant_(last.weight, 1e-4)
    nn.init.zeros_(last.bias)
    sdf = template(torch.zeros(400, 3))
    assert sdf.mean().item() == pytest.approx(np.tanh(0.4), rel=1e-3)
    assert sdf.std().item() == pytest.approx(1e-4 * (4000 * 0.05 / 0.95) ** 0.5 * (1 - np.tanh(0.4) ** 2), rel=0.1)


def test_mixed_precision_keeps_coordinates_and_stays_close(template):
    decoder = Decoder(_warps()["mlp"], template)
    points, latent = _points(), _latent()
    canonical_points, sdf, _ = decoder.progressive(points, latent)
    with torch.autocast("cpu", torch.bfloat16):
        low_points, low_sdf, _ = decoder.progressive(points, latent)
    assert torch.equal(low_points, canonical_points)
    assert low_sdf.dtype == torch.float32
    assert 0 < (low_sdf - sdf).abs().max() < 0.02
    low_sdf.sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in template.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dims": ()}, r"dims must hold one or more widths, each at least 1, got \(\)"),
        ({"dims": (8, 3), "xyz_in_all": True}, r"each at least 4, got \(8, 3\)"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"dims": (8, 8), "norm_layers": (2,)}, r"norm_layers must be indices of the 2 hidden layers, got \(2,\)"),
        ({"dims": (8, 8), "dropout_layers": (-1,)}, r"dropout_layers must be .* got \(-1,\)"),
    ],
)
def test_template_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Template(**arguments)


# Warps


def _naive_lstm_warp(warp, points, latent):
    """The published form: the latent is fed to the cell again for each point and step."""
    B, N, _ = points.shape
    x = points.reshape(B * N, 3)
    code = latent.repeat_interleave(N, dim=0)
    state, kept = None, []
    for step in range(warp.steps):
        state = warp.lstm(torch.cat([code, x], dim=1), state)
        a = warp.affine(state[0])
        x = x * (1 + a[:, :3]) + a[:, 3:]
        if (step + 1) % (warp.steps // 4) == 0:
            kept.append(x.view(B, N, 3))
    return torch.stack(kept)


def _naive_mlp_warp(warp, points, latent):
    """Each point alone, scale and shift applied to the hidden units."""
    kept = []
    for shape_points, code in zip(points, latent, strict=True):
        modulation = (warp.modulation.weight @ code + warp.modulation.bias).view(warp.steps, 2, 2, warp.width)
        rows, x = [], shape_points
        for i in range(warp.steps):
            scale, shift = modulation[i].unbind(dim=1)
            angles = [x[:, axis] * np.float32(np.pi) * 2**k for axis in range(3) for k in range(warp.octaves)]
            waves = [angle.sin() for angle in angles] + [angle.cos() for angle in angles]
            h = torch.stack([*x.unbind(dim=1), *waves], dim=1)
            h = ((h @ warp.weight1[i] + warp.bias1[i]) * (1 + scale[0]) + shift[0]).relu()
            h = ((h @ warp.weight2[i] + warp.bias2[i]) * (1 + scale[1]) + shift[1]).relu()
            a = h @ warp.weight3[i] + warp.bias3[i]
            x = x * (1 + a[:, :3]) + a[:, 3:]
            if (i + 1) % (warp.steps // 4) == 0:
                rows.append(x)
        kept.append(torch.stack(rows))
    return torch.stack(kept, dim=1)


def _strengthen(warp):
    """Random parameters that move points far, so that a twin cannot agree by doing nothing."""
    with torch.no_grad():
        for parameter in warp.double().parameters():
            parameter.copy_(0.2 * torch.randn_like(parameter))


def test_warp_agrees_with_its_naive_twin_in_values_and_gradients(warp):
    _strengthen(warp)
    naive = _naive_lstm_warp if isinstance(warp, LstmWarp) else _naive_mlp_warp
    results = []
    for function in (warp, lambda p, z: naive(warp, p, z)):
        points, latent = _points().double().requires_grad_(), _latent().double().requires_grad_()
        warp.zero_grad()
        canonical_points = function(points, latent)
        canonical_points.sin().sum().backward()
        results.append((canonical_points, points.grad, latent.grad, *(p.grad for p in warp.parameters())))
    assert (results[0][0][-1] - _points()).abs().mean() > 0.1
    # Steps as strong as these, and their waves, let rounding grow.
    torch.testing.assert_close(*results, rtol=1e-6, atol=1e-6)


def test_untrained_warp_is_near_the_identity(warp):
    latent = nn.functional.normalize(_latent(), dim=1)  # the length that latents have before and after training
    moved = (warp(_points(), latent) - _points()).norm(dim=-1)
    assert 0 < moved.max() < 0.1
    assert moved.mean() < 0.05


@given(seed=st.integers(0, 2**31), shapes=st.integers(1, 4), count=st.integers(1, 9))
@settings(max_examples=15, deadline=None)
def test_zero_warp_is_the_identity(seed, shapes, count):
    for warp in _warps().values():
        with torch.no_grad():
            (warp.affine.weight if isinstance(warp, LstmWarp) else warp.weight3).zero_()
        points = _points(shapes, count, seed)
        for x in warp(points, _latent(shapes, seed)):
            assert torch.equal(x, points)


def test_canonical_is_the_last_kept_point(warp):
    points, latent = _points(), _latent()
    kept = warp(points, latent)
    assert kept.shape == (4, 3, 20, 3)
    assert torch.equal(warp.canonical(points, latent), kept[-1])


def test_mlp_warp_refuses_octaves():
    with pytest.raises(ValueError, match="octaves must be at least 0, got -1"):
        MlpWarp(8, 16, octaves=-1)


@pytest.mark.parametrize("warp_type", [LstmWarp, MlpWarp])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((8, 16, 6), "steps must be a positive multiple of 4, got 6"),
        ((8, 16, 0), "steps must be a positive multiple of 4, got 0"),
        ((0, 16), "latent_size must be at least 1, got 0"),
        ((8, 0), "(hidden_size|width) must be at least 1, got 0"),
    ],
)
def test_warp_refuses(warp_type, arguments, message):
    with pytest.raises(ValueError, match=message):
        warp_type(*arguments)


# Decoder


def test_decoder_is_the_template_of_the_warp(warp):
    template = _templates()["weight norm"]
    decoder = Decoder(warp, template)
    points, latent = _points(), _latent()
    canonical_points, sdf, _ = decoder.progressive(points, latent)
    torch.testing.assert_close(canonical_points, warp(points, latent))
    torch.testing.assert_close(sdf, template(canonical_points))
    torch.testing.assert_close(decoder(points, latent), sdf[-1])
    torch.testing.assert_close(decoder.canonical(points, latent), canonical_points[-1])


@given(seed=st.integers(0, 2**31), shapes=st.integers(1, 5), count=st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_batch_of_one_equals_its_row_of_the_batch(seed, shapes, count):
    for warp in _warps().values():
        decoder = Decoder(warp, _templates()["weight norm"])
        points, latent = _points(shapes, count, seed), _latent(shapes, seed)
        row, point = seed % shapes, seed % count
        with torch.inference_mode():
            sdf = decoder(points, latent)
            torch.testing.assert_close(decoder(points[row : row + 1], latent[row : row + 1])[0], sdf[row])
            alone = decoder(points[row : row + 1, point : point + 1], latent[row : row + 1])
            torch.testing.assert_close(alone[0, 0], sdf[row, point])


def test_one_shape_of_many_points_in_inference_mode(decoder):
    points, latent = _points(1, 10_001), _latent(1)
    with torch.inference_mode():
        sdf = decoder(points, latent)
    assert sdf.shape == (1, 10_001)
    torch.testing.assert_close(sdf[:, ::100], decoder(points[:, ::100], latent))


def test_no_points_give_no_sdf(decoder):
    assert decoder(torch.zeros(2, 0, 3), _latent(2)).shape == (2, 0)


@pytest.mark.parametrize("method", ["forward", "canonical", "progressive"])
@pytest.mark.parametrize(
    ("points", "latent", "message"),
    [
        ((5, 2), (5, 8), r"points must have shape \(B, N, 3\), got \(5, 2\)"),
        ((5, 9, 2), (5, 8), r"points must have shape \(B, N, 3\), got \(5, 9, 2\)"),
        ((5, 9, 3), (5, 7), r"latent must have shape \(B, 8\), got \(5, 7\)"),
        ((5, 9, 3), (8,), r"latent must have shape \(B, 8\), got \(8,\)"),
        ((5, 9, 3), (4, 8), "points and latent must be of as many shapes, got 5 and 4"),
    ],
)
def test_decoder_refuses(decoder, method, points, latent, message):
    with pytest.raises(ValueError, match=message):
        getattr(decoder, method)(torch.zeros(points), torch.zeros(latent))


# Published checkpoints


@pytest.fixture(scope="module")
def published(known_experiment):
    """Decoder, latents and expected results of a published experiment."""
    specs = json.loads((known_experiment / "specs.json").read_text())
    sizes, options = specs["NetworkSpecs"]["warper_kargs"], specs["NetworkSpecs"]["decoder_kargs"]
    warp = LstmWarp(specs["CodeLength"], **sizes)
    template = Template(
        options["dims"],
        dropout=options["dropout_prob"],
        weight_norm=options["weight_norm"],
        norm_layers=options["norm_layers"],
        dropout_layers=options["dropout"],
        xyz_in_all=options["xyz_in_all"],
    )
    decoder = Decoder(warp, template).eval()
    checkpoint = torch.load(known_experiment / "ModelParameters" / "latest.pth", weights_only=True)
    decoder.load_state_dict(decoder_from_published(checkpoint["model_state_dict"]))
    with np.load(known_experiment / "expected.npz") as recorded:
        expected = {key: torch.from_numpy(recorded[key]) for key in recorded}
    return decoder, expected


def test_published_latents_are_those_of_the_record(published, known_experiment):
    checkpoint = torch.load(known_experiment / "LatentCodes" / "latest.pth", weights_only=True)
    assert torch.equal(checkpoint["latent_codes"]["weight"], published[1]["latents"])


@torch.no_grad()
def test_published_decoder_is_reproduced(published):
    decoder, expected = published
    points, latents = expected["points"], expected["latents"]
    canonical_points, sdf, _ = decoder.progressive(points, latents)
    for name, result in {
        "warped": decoder.canonical(points, latents),
        "sdf": decoder(points, latents),
        "template_sdf": decoder.template(points),
        "progressive_warped": canonical_points,
        "progressive_sdf": sdf,
    }.items():
        torch.testing.assert_close(result, expected[name], rtol=0, atol=TOLERANCE, msg=lambda m, n=name: f"{n}: {m}")


def test_published_keys_without_module_prefix_and_unknown_keys():
    tensor = torch.zeros(1)
    mapped = decoder_from_published({"warper.lstm.bias_ih": tensor, "module.sdf_decoder.lin0.bias": tensor})
    assert list(mapped) == ["warp.lstm.bias_ih", "template.lin0.bias"]
    assert mapped["template.lin0.bias"] is tensor
    with pytest.raises(ValueError, match=r"state_dict must have keys that begin with .*, got encoder\.fc"):
        decoder_from_published({"encoder.fc": tensor})


# Image encoder


def _resnet18_shapes():
    """Names and shapes of torchvision's resnet18, written down from its published state dict."""

    def norm(name, channels):
        vectors = {f"{name}.{k}": (channels,) for k in ("weight", "bias", "running_mean", "running_var")}
        return vectors | {f"{name}.num_batches_tracked": ()}

    shapes = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    for stage, (before, channels) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)], start=1):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            shapes[f"{name}.conv1.weight"] = (channels, before if block == 0 else channels, 3, 3)
            shapes |= norm(f"{name}.bn1", channels)
            shapes[f"{name}.conv2.weight"] = (channels, channels, 3, 3)
            shapes |= norm(f"{name}.bn2", channels)
            if block == 0 and stage > 1:
                shapes[f"{name}.downsample.0.weight"] = (channels, before, 1, 1)
                shapes |= norm(f"{name}.downsample.1", channels)
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def test_encoder_has_the_names_and_shapes_of_torchvision():
    encoder = ResNetEncoder(1000)
    assert {k: tuple(v.shape) for k, v in encoder.state_dict().items()} == _resnet18_shapes()
    assert list(encoder.state_dict()) == list(_resnet18_shapes())
    assert len(encoder.state_dict()) == 122
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 11_689_512


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 32)])
def test_encoder_takes_any_size(size):
    encoder = ResNetEncoder(5, width=4).eval()
    images = torch.rand(2, 3, *size)
    assert encoder(images).shape == (2, 5)
    assert encoder.features(images).shape == (2, encoder.feature_size) == (2, 32)


def test_encoder_of_channels_last_images_is_the_same():
    encoder = ResNetEncoder(5, width=8).eval()
    images = torch.rand(2, 3, 48, 40)
    expected = encoder(images)
    encoder = encoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    torch.testing.assert_close(encoder(images.contiguous(memory_format=torch.channels_last)), expected)


def test_encoder_batch_of_one_equals_its_row_and_gradients_are_finite():
    torch.manual_seed(0)
    encoder = ResNetEncoder(5, width=8)
    images = torch.rand(3, 3, 40, 40)
    encoder(images).square().sum().backward()
    gradients = [parameter.grad for parameter in encoder.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    encoder.eval()
    torch.testing.assert_close(encoder(images)[1:2], encoder(images[1:2]))


def test_encoder_normalises_images_itself():
    encoder = ResNetEncoder(5, width=8).eval()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    seen = []
    encoder.conv1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(mean)
    encoder(mean + torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 32, 32), atol=1e-6, rtol=0)
    torch.testing.assert_close(seen[1], torch.ones(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 64, 64), r"images must have shape \(B, 3, H, W\), got \(3, 64, 64\)"),
        ((2, 4, 64, 64), r"images must have shape \(B, 3, H, W\), got \(2, 4, 64, 64\)"),
        ((2, 3, 64, 31), r"images must be 32 pixels or more a side, got \(64, 31\)"),
    ],
)
def test_encoder_refuses_images(shape, message):
    with pytest.raises(ValueError, match=message):
        ResNetEncoder(5, width=4)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "latent_size must be at least 1, got 0"), ((5, 0), "width must be at least 1, got 0")],
)
def test_encoder_refuses_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResNetEncoder(*arguments)


def test_imagenet_weights_are_loaded_all_but_the_last_layer(tmp_path):
    torch.manual_seed(0)
    source, encoder = ResNetEncoder(1000), ResNetEncoder(7)
    path = tmp_path / "resnet18.pth"
    torch.save(source.state_dict(), path)
    last = encoder.fc.weight.clone()
    encoder.load_imagenet(path)
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(encoder.eval().features(images), source.eval().features(images))
    assert torch.equal(encoder.fc.weight, last)


def _without_conv1(state):
    return {key: value for key, value in state.items() if key != "conv1.weight"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_conv1, "does not fit a ResNet-18 of width 64: 1 keys missing, 0 unknown; conv1.weight is missing"),
        (lambda s: s | {"layer9.weight": torch.zeros(1)}, "0 keys missing, 1 unknown; layer9.weight is unknown"),
        (lambda s: s | {"bn1.bias": torch.zeros(3)}, r"bn1.bias must have shape \(64,\), got \(3,\)"),
        (lambda s: [1], "must hold a state dict, got list"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, change, message):
    encoder = ResNetEncoder(2)
    before = encoder.conv1.weight.clone()
    path = tmp_path / "resnet18.pth"
    torch.save(change(encoder.state_dict()), path)
    with pytest.raises(ValueError, match=message) as error:
        encoder.load_imagenet(path)
    assert "\n" not in str(error.value)
    assert torch.equal(encoder.conv1.weight, before)


def test_imagenet_weights_need_the_published_width(tmp_path):
    with pytest.raises(ValueError, match="width must be 64 to load ImageNet weights, got 8"):
        ResNetEncoder(2, width=8).load_imagenet(tmp_path / "none.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        ResNetEncoder(2).load_imagenet(tmp_path / "none.pth")
