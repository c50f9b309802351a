"""A page that shows a mesh in a browser: one file, no network, no library."""

from __future__ import annotations

import base64
import html
import json

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

# Drag turns, wheel or pinch zooms, right or shift drag moves, double click resets.
_PAGE = r"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>@TITLE@</title>
<style>
html, body { margin: 0; height: 100%; overflow: hidden; font: 13px system-ui, sans-serif; color: #555;
  background: radial-gradient(circle at 50% 40%, #fff, #d9dde3); }
canvas { width: 100%; height: 100%; display: block; touch-action: none; cursor: grab; }
p { position: fixed; left: 12px; bottom: 8px; margin: 0; pointer-events: none; }
</style></head><body><canvas></canvas>
<p>@TITLE@: @COUNTS@ &middot; drag to turn, wheel to zoom, shift-drag to move, double click to reset</p>
<script>
"use strict";
const data = @DATA@;
function bytes(text) { return Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer; }
const grid = new Uint16Array(bytes(data.positions)), count = grid.length / 3;
const faces = data.wide ? new Uint32Array(bytes(data.faces)) : new Uint16Array(bytes(data.faces));
const positions = new Float32Array(grid.length), normals = new Float32Array(grid.length);
const colors = data.colors ? new Float32Array(new Uint8Array(bytes(data.colors))).map(c => Math.pow(c / 255, 1.1))
  : new Float32Array(grid.length).map((_, i) => [0.62, 0.66, 0.72][i % 3]);
for (let i = 0; i < grid.length; i++) positions[i] = data.low[i % 3] + grid[i] * data.step;
for (let f = 0; f < faces.length; f += 3) {  // normals of vertices: mean of the faces' around, weighted by area
  const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]], p = positions;
  const u = [0, 1, 2].map(k => p[b + k] - p[a + k]), v = [0, 1, 2].map(k => p[c + k] - p[a + k]);
  for (let k = 0; k < 3; k++) {
    const n = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
    normals[a + k] += n; normals[b + k] += n; normals[c + k] += n;
  }
}
const canvas = document.querySelector("canvas");
const gl = canvas.getContext("webgl", { antialias: true, alpha: true });
if (!gl) document.querySelector("p").textContent = "This browser offers no WebGL, which is needed to show the mesh.";
else start();

function start() {
  if (data.wide) gl.getExtension("OES_element_index_uint");
  const program = gl.createProgram();
  const shader = (type, source) => {
    const s = gl.createShader(type); gl.shaderSource(s, source); gl.compileShader(s); gl.attachShader(program, s);
  };
  shader(gl.VERTEX_SHADER, `attribute vec3 position, normal, color;
    uniform mat3 turn; uniform vec3 shift; uniform vec2 lens; varying vec3 n, eye, paint;
    void main() { eye = turn * position + shift; n = turn * normal; paint = color;
      gl_Position = vec4(eye.xy * lens, -eye.z * 1.0002 - 0.02, -eye.z); }`);
  shader(gl.FRAGMENT_SHADER, `precision mediump float; varying vec3 n, eye, paint; void main() {
      vec3 m = normalize(n), v = normalize(-eye); if (dot(m, v) < 0.0) m = -m;
      float key = max(dot(m, normalize(vec3(0.45, 0.8, 0.6))), 0.0);
      float fill = max(dot(m, normalize(vec3(-0.7, 0.1, 0.5))), 0.0);
      float rim = pow(1.0 - max(dot(m, v), 0.0), 3.0);
      vec3 c = paint * (0.34 + 0.16 * m.y + 0.62 * key + 0.2 * fill) + 0.1 * rim;
      gl_FragColor = vec4(pow(c, vec3(0.9)), 1.0); }`);
  gl.linkProgram(program); gl.useProgram(program);
  const upload = (target, array) => {
    gl.bindBuffer(target, gl.createBuffer()); gl.bufferData(target, array, gl.STATIC_DRAW);
  };
  for (const [name, array] of [["position", positions], ["normal", normals], ["color", colors]]) {
    const at = gl.getAttribLocation(program, name);
    upload(gl.ARRAY_BUFFER, array); gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
  }
  upload(gl.ELEMENT_ARRAY_BUFFER, faces);
  gl.enable(gl.DEPTH_TEST);
  const at = name => gl.getUniformLocation(program, name), fov = 0.6;
  let azimuth, elevation, distance, pan, waiting = false;
  const reset = () => { azimuth = 0.65; elevation = 0.35; distance = 1.08 / Math.sin(fov / 2); pan = [0, 0]; };
  function draw() {
    waiting = false;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth * scale | 0, height = canvas.clientHeight * scale | 0;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height); gl.clearColor(0, 0, 0, 0); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const [sa, ca, se, ce] = [Math.sin(azimuth), Math.cos(azimuth), Math.sin(elevation), Math.cos(elevation)];
    // Columns: where x, y and z of the mesh lie for an observer who is `azimuth` to the right and `elevation` above.
    gl.uniformMatrix3fv(at("turn"), false, [ca, -se * sa, ce * sa, 0, ce, se, -sa, -se * ca, ce * ca]);
    gl.uniform3f(at("shift"), pan[0], pan[1], -distance);
    const zoom = 1 / Math.tan(fov / 2), small = Math.min(width, height);
    gl.uniform2f(at("lens"), zoom * small / width, zoom * small / height);
    gl.drawElements(gl.TRIANGLES, faces.length, data.wide ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT, 0);
  }
  const redraw = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };
  const zoomBy = factor => { distance = Math.min(Math.max(distance * factor, 0.3), 30); redraw(); };
  const pointers = new Map();
  canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); pointers.set(e.pointerId, e); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, e => pointers.delete(e.pointerId));
  canvas.addEventListener("pointermove", e => {
    const before = pointers.get(e.pointerId);
    if (!before) return;
    const dx = e.clientX - before.clientX, dy = e.clientY - before.clientY;
    if (pointers.size > 1) {
      const other = [...pointers.values()].find(p => p.pointerId !== e.pointerId);
      const gap = p => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY) || 1;
      zoomBy(gap(before) / gap(e));
    } else if (e.shiftKey || e.buttons & 2) {
      const unit = 2 * distance * Math.tan(fov / 2) / Math.min(canvas.clientWidth, canvas.clientHeight);
      pan[0] += dx * unit; pan[1] -= dy * unit;
    } else {
      azimuth -= dx * 0.01; elevation = Math.min(Math.max(elevation + dy * 0.01, -1.55), 1.55);
    }
    pointers.set(e.pointerId, e); redraw();
  });
  canvas.addEventListener("wheel", e => {
    e.preventDefault(); zoomBy(Math.exp(e.deltaY * 0.001));
  }, { passive: false });
  canvas.addEventListener("contextmenu", e => e.preventDefault());
  canvas.addEventListener("dblclick", () => { reset(); redraw(); });
  window.addEventListener("resize", redraw);
  reset(); draw();
}
</script></body></html>
"""


def viewer_html(mesh: trimesh.Trimesh, title: str = "urform") -> str:
    """Write a self-contained page that shows a mesh, lit and framed; the mouse turns it.

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
    centre = (low + high) / 2
    step = max(float((high - low).max()), 1e-12) / 65535
    radius = max(float(np.linalg.norm(vertices - centre, axis=1).max()), 1e-12)
    wide = len(vertices) > 65536
    visual = mesh.visual
    colors = visual.vertex_colors[:, :3] if isinstance(visual, ColorVisuals) and visual.kind == "vertex" else None
    data = {
        "positions": _base64(np.round((vertices - low) / step).astype("<u2")),
        "faces": _base64(np.asarray(mesh.faces).astype("<u4" if wide else "<u2")),
        "wide": wide,
        "colors": None if colors is None else _base64(colors),
        # The page works in units of the mesh's radius, whatever the unit of the mesh is.
        "low": ((low - centre) / radius).tolist(),
        "step": step / radius,
    }
    page = _PAGE.replace("@TITLE@", html.escape(title)).replace("@COUNTS@", f"{len(mesh.faces):,} faces")
    return page.replace("@DATA@", json.dumps(data))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
