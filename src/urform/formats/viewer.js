"use strict";
// Shows a mesh on a canvas: drag or arrow keys turn, wheel, pinch, + or - zoom, right or shift drag moves, double click
// or Home resets.
//
// mesh: positions (Float32Array), faces (Uint16Array or Uint32Array), colors (Float32Array 0..1, or null).
// camera: where the view begins, in the mesh's unit, or null: azimuth 0 is the front (+z), 90 degrees the right (+x).
// Returns { mesh: replaces the mesh and keeps the view, look: moves the camera }, or null without WebGL.
function showMesh(canvas, mesh, camera) {
  const gl = canvas.getContext("webgl", { antialias: true, alpha: true, preserveDrawingBuffer: true });
  if (!gl) return null;
  gl.getExtension("OES_element_index_uint");
  const program = gl.createProgram();
  const shader = (type, source) => {
    const s = gl.createShader(type); gl.shaderSource(s, source); gl.compileShader(s); gl.attachShader(program, s);
  };
  shader(gl.VERTEX_SHADER, `attribute vec3 position, normal, color;
    uniform mat3 turn; uniform vec3 shift, middle; uniform vec2 lens; varying vec3 n, eye, paint;
    void main() { eye = turn * (position - middle) + shift; n = turn * normal; paint = color;
      gl_Position = vec4(eye.xy * lens, -eye.z * 1.0002 - 0.02, -eye.z); }`);
  shader(gl.FRAGMENT_SHADER, `precision mediump float; varying vec3 n, eye, paint; void main() {
      vec3 m = normalize(n), v = normalize(-eye); if (dot(m, v) < 0.0) m = -m;
      float key = max(dot(m, normalize(vec3(0.45, 0.8, 0.6))), 0.0);
      float fill = max(dot(m, normalize(vec3(-0.7, 0.1, 0.5))), 0.0);
      float rim = pow(1.0 - max(dot(m, v), 0.0), 3.0);
      vec3 c = paint * (0.34 + 0.16 * m.y + 0.62 * key + 0.2 * fill) + 0.1 * rim;
      gl_FragColor = vec4(pow(c, vec3(0.9)), 1.0); }`);
  gl.linkProgram(program); gl.useProgram(program); gl.enable(gl.DEPTH_TEST);
  const at = name => gl.getUniformLocation(program, name);
  const buffers = {};
  const upload = (name, target, array) => {
    buffers[name] ||= gl.createBuffer();
    gl.bindBuffer(target, buffers[name]); gl.bufferData(target, array, gl.STATIC_DRAW);
  };
  let drawn, middle, radius, azimuth, elevation, roll, distance, fov, pan, start, waiting = false;

  function setMesh(next) {
    drawn = next;
    const { positions, faces } = next, low = [1e9, 1e9, 1e9], high = [-1e9, -1e9, -1e9];
    for (let i = 0; i < positions.length; i++) {
      low[i % 3] = Math.min(low[i % 3], positions[i]); high[i % 3] = Math.max(high[i % 3], positions[i]);
    }
    next.centre = low.map((l, k) => (l + high[k]) / 2);
    let far = 0;
    for (let i = 0; i < positions.length; i += 3)
      far = Math.max(far, Math.hypot(...next.centre.map((c, k) => positions[i + k] - c)));
    next.radius = far || 1;
    const colors = next.colors ? next.colors.map(c => Math.pow(c, 1.1))
      : new Float32Array(positions.length).map((_, i) => [0.62, 0.66, 0.72][i % 3]);
    const arrays = { position: positions, normal: vertexNormals(positions, faces), color: colors };
    for (const [name, array] of Object.entries(arrays)) {
      const place = gl.getAttribLocation(program, name);
      upload(name, gl.ARRAY_BUFFER, array); gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
    }
    upload("faces", gl.ELEMENT_ARRAY_BUFFER, faces);
  }
  function look(from) {
    start = from;
    ({ centre: middle, radius } = drawn); pan = [0, 0];
    fov = from?.fov ?? 0.6;
    [azimuth, elevation, roll] = from ? [from.azimuth, from.elevation, from.roll ?? 0] : [0.65, 0.35, 0];
    distance = (from?.distance ?? 1.08 * radius / Math.sin(fov / 2)) / radius;
    if (from?.target) middle = from.target;
    redraw();
  }
  function draw() {
    waiting = false;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth * scale | 0, height = canvas.clientHeight * scale | 0;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height); gl.clearColor(0, 0, 0, 0); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const [sa, ca, se, ce] = [Math.sin(azimuth), Math.cos(azimuth), Math.sin(elevation), Math.cos(elevation)];
    const [sr, cr] = [Math.sin(roll), Math.cos(roll)];
    // Rows: right, up and backwards of an observer who is `azimuth` to the right and `elevation` above, turned by roll.
    const right = [ca, 0, -sa], up = [-se * sa, ce, -se * ca], back = [ce * sa, se, ce * ca];
    const rows = [right.map((r, k) => cr * r - sr * up[k]), right.map((r, k) => sr * r + cr * up[k]), back];
    const turn = [0, 1, 2].flatMap(column => rows.map(row => row[column] / radius));  // units of the mesh's radius
    gl.uniformMatrix3fv(at("turn"), false, turn);
    gl.uniform3f(at("middle"), ...middle); gl.uniform3f(at("shift"), pan[0], pan[1], -distance);
    const zoom = 1 / Math.tan(fov / 2), small = Math.min(width, height);
    gl.uniform2f(at("lens"), zoom * small / width, zoom * small / height);
    const type = drawn.faces instanceof Uint32Array ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT;
    gl.drawElements(gl.TRIANGLES, drawn.faces.length, type, 0);
  }
  function redraw() { if (!waiting) { waiting = true; requestAnimationFrame(draw); } }
  const zoomBy = factor => { distance = Math.min(Math.max(distance * factor, 0.3), 30); redraw(); };
  const turnBy = (right, above) => {
    azimuth += right; elevation = Math.min(Math.max(elevation + above, -1.55), 1.55); roll = 0; redraw();
  };
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
      pan[0] += dx * unit; pan[1] -= dy * unit; redraw();
    } else turnBy(-dx * 0.01, dy * 0.01);
    pointers.set(e.pointerId, e);
  });
  canvas.addEventListener("wheel", e => { e.preventDefault(); zoomBy(Math.exp(e.deltaY * 0.001)); }, { passive: false });
  canvas.addEventListener("contextmenu", e => e.preventDefault());
  canvas.addEventListener("dblclick", () => look(start));
  const keys = {
    ArrowLeft: () => turnBy(-0.1, 0), ArrowRight: () => turnBy(0.1, 0), ArrowUp: () => turnBy(0, 0.1),
    ArrowDown: () => turnBy(0, -0.1), "+": () => zoomBy(0.9), "-": () => zoomBy(1.1), Home: () => look(start),
  };
  canvas.addEventListener("keydown", e => { if (keys[e.key]) { e.preventDefault(); keys[e.key](); } });
  new ResizeObserver(redraw).observe(canvas);
  setMesh(mesh); look(camera);
  return { look, mesh: next => { setMesh(next); redraw(); } };
}

// Normals of vertices: the mean of the faces around, weighted by area.
function vertexNormals(positions, faces) {
  const normals = new Float32Array(positions.length), p = positions;
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
    const u = [0, 1, 2].map(k => p[b + k] - p[a + k]), v = [0, 1, 2].map(k => p[c + k] - p[a + k]);
    for (let k = 0; k < 3; k++) {
      const n = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
      normals[a + k] += n; normals[b + k] += n; normals[c + k] += n;
    }
  }
  return normals;
}
