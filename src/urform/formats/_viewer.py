"""A page that shows a mesh in a browser: one file, no network, no library."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from urform.files import html_page

_SCRIPT = Path(__file__).parent / "viewer.js"
# The page of one mesh; the script that draws it is a file of its own, which `urform serve` uses, too.
_STYLE = """html, body { margin: 0; height: 100%; overflow: hidden; font: 13px system-ui, sans-serif; color: #555;
  background: radial-gradient(circle at 50% 40%, #fff, #d9dde3); }
canvas { width: 100%; height: 100%; display: block; touch-action: none; cursor: grab; }
p { position: fixed; left: 12px; bottom: 8px; margin: 0; pointer-events: none; }"""
_BODY = r"""<canvas tabindex="0" aria-label="@TITLE@, a mesh to be turned"></canvas>
<p>@TITLE@: @COUNTS@ &middot; drag to turn, wheel to zoom, shift-drag to move, double click to reset</p>
<script>
@SCRIPT@
const data = @DATA@;
function bytes(text) { return Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer; }
const grid = new Uint16Array(bytes(data.positions));
const shown = showMesh(document.querySelector("canvas"), {
  positions: new Float32Array(grid.length).map((_, i) => data.low[i % 3] + grid[i] * data.step),
  faces: data.wide ? new Uint32Array(bytes(data.faces)) : new Uint16Array(bytes(data.faces)),
  colors: data.colors && new Float32Array(new Uint8Array(bytes(data.colors))).map(c => c / 255),
}, null);
if (!shown) document.querySelector("p").textContent = "This browser offers no WebGL, which is needed to show the mesh.";
</script>"""


def viewer_script() -> str:
    """The script of the viewer, which has a function `showMesh`; see there."""
    return _SCRIPT.read_text(encoding="utf-8")


def viewer_html(mesh: trimesh.Trimesh, title: str = "urform") -> str:
    """Write a page that shows a mesh, lit, framed, to be turned with the mouse; it needs nothing but itself.

    Positions are stored to 1/65535 of the longest edge of the bounding box; a mesh of 40,000 faces makes about 0.5 MB.

    Args:
        mesh: with the colors of its vertices, where it has some; y is up; z looks at the observer, who starts a little
            to the right of it and above.
        title: of the page.

    Raises:
        ValueError: the mesh has no faces.
    """
    if not len(mesh.faces):
        raise ValueError("the mesh must have faces to be shown, got none")
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    step = max(float((high - low).max()), 1e-12) / 65535
    wide = len(vertices) > 65536
    visual = mesh.visual
    colors = visual.vertex_colors[:, :3] if isinstance(visual, ColorVisuals) and visual.kind == "vertex" else None
    data = {
        "positions": _base64(np.round((vertices - low) / step).astype("<u2")),
        "faces": _base64(np.asarray(mesh.faces).astype("<u4" if wide else "<u2")),
        "wide": wide,
        "colors": None if colors is None else _base64(colors),
        "low": low.tolist(),
        "step": step,
    }
    body = _BODY.replace("@TITLE@", html.escape(title)).replace("@COUNTS@", f"{len(mesh.faces):,} faces")
    body = body.replace("@SCRIPT@", viewer_script()).replace("@DATA@", json.dumps(data))
    return html_page(title, body, _STYLE, is_text=False)


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
