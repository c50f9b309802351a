"use strict";
// What the three tabs share: asking the server, reading GLB files, the tabs themselves.

const byId = id => document.getElementById(id);

function say(id, text, isError = false) {
  byId(id).textContent = text; byId(id).classList.toggle("error", isError);
}

// Ask the server; while the request waits, its place in the queue is said. Throws Error with one line.
async function ask(address, body, stateId) {
  const ticket = crypto.randomUUID?.() ?? String(Math.random());
  const how = body === undefined ? {} : { method: "POST", body };
  if (body instanceof FormData) body.append("ticket", ticket);
  else if (body !== undefined) how.headers = { "Content-Type": "application/json" };
  const look = setInterval(async () => {
    const place = await fetch(`api/queue/${ticket}`).then(r => r.json(), () => ({}));
    if (place.ahead > 0) say(stateId, `Waiting: ${place.ahead} before you.`);
    else if (place.ahead === 0) say(stateId, "Working ...");
  }, 1000);
  try {
    let answer;
    try { answer = await fetch(address, how); } catch { throw new Error("The server does not answer. Is it running?"); }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error ?? `The server answered ${answer.status}.`);
  } finally { clearInterval(look); }
}

// A GLB file of one mesh, as `showMesh` wants it.
function readGlb(buffer) {
  const view = new DataView(buffer), length = view.getUint32(12, true);
  const tree = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const binary = 20 + length + 8, primitive = tree.meshes[0].primitives[0];
  const kinds = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
  const widths = { SCALAR: 1, VEC3: 3, VEC4: 4 };
  const read = index => {
    const { bufferView, byteOffset = 0, componentType, count, type } = tree.accessors[index];
    const start = binary + (tree.bufferViews[bufferView].byteOffset ?? 0) + byteOffset;
    const kind = kinds[componentType], size = count * widths[type];
    return { array: new kind(buffer.slice(start, start + size * kind.BYTES_PER_ELEMENT)), width: widths[type], count };
  };
  const color = primitive.attributes.COLOR_0 === undefined ? null : read(primitive.attributes.COLOR_0);
  const toScreen = c => c > 0.0031308 ? 1.055 * c ** (1 / 2.4) - 0.055 : 12.92 * c;  // glTF's colors are linear
  const levels = color && (color.array instanceof Uint8Array ? 255 : color.array instanceof Uint16Array ? 65535 : 1);
  return {
    positions: read(primitive.attributes.POSITION).array,
    faces: read(primitive.indices).array,
    colors: color && Float32Array.from({ length: 3 * color.count },
      (_, i) => toScreen(color.array[color.width * Math.floor(i / 3) + i % 3] / levels)),
  };
}

function bytesOf(base64) { return Uint8Array.from(atob(base64), c => c.charCodeAt(0)); }

const viewers = {};
function show(id, glb, camera = null) {
  const mesh = readGlb(glb), there = viewers[id];
  if (there) { there.mesh(mesh); if (camera) there.look(camera); } else viewers[id] = showMesh(byId(id), mesh, camera);
  if (!viewers[id]) throw new Error("This browser offers no WebGL, which is needed to show the mesh.");
}

function save(bytes, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes])); link.download = name;
  link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

const stem = name => name.replace(/\.[^.]*$/, "") || "mesh";

// Only the last of several calls matters: a slider that moves on makes earlier answers useless.
function latest(work) {
  let running = false, next = null;
  return async function run(...values) {
    if (running) { next = values; return; }
    running = true;
    try { await work(...values); } finally {
      running = false;
      if (next) { const values = next; next = null; run(...values); }
    }
  };
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function open(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", other === tab); other.tabIndex = other === tab ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  document.dispatchEvent(new CustomEvent("opened", { detail: tab.getAttribute("aria-controls") }));
}
for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", e => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (step) { const next = tabs[(i + step + tabs.length) % tabs.length]; open(next); next.focus(); }
  });
}

const known = fetch("api/version").then(r => r.json()).then(({ version, categories }) => {
  byId("version").textContent = `urform ${version}`;
  for (const id of ["category", "category-two", "category-modes"])
    for (const name of categories) byId(id).append(new Option(name, name));
  return categories;
});
