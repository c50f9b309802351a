"""What a network takes for the object of a picture: U2-Netp, which comes with the package, run by OpenCV."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

_FILE = Path(__file__).parent / "u2netp" / "u2netp.onnx"
_SIZE = 320  # pixels along both sides, whatever the picture's shape, as in its training
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
_lock = threading.Lock()  # a network of OpenCV holds what it computes


def salient(rgb: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W"]:
    """How surely each pixel belongs to the object that stands out, 0..1; it knows no fine detail.

    Source: Qin 2020 (U2-Net).
    """
    import cv2

    # cv2.resize by area would need whole steps to enlarge.
    method = cv2.INTER_AREA if min(rgb.shape[:2]) >= _SIZE else cv2.INTER_LINEAR
    small = cv2.resize(rgb, (_SIZE, _SIZE), interpolation=method).astype(np.float32)
    small = (small / max(float(small.max()), 1.0) - _MEAN) / _SPREAD
    with _lock:
        network = _network()
        network.setInput(np.ascontiguousarray(small.transpose(2, 0, 1)[None]))
        # The first of its outputs is the one that all others are fused into.
        surely = np.array(network.forward(network.getUnconnectedOutLayersNames()[0]))[0, 0]
    return cv2.resize(surely, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR).clip(0, 1)


@cache
def _network():
    import cv2

    return cv2.dnn.readNetFromONNX(str(_FILE))
