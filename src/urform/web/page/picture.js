"use strict";
// The first tab: pictures, cut-outs, clicks that mend them, and the mesh.

const pictures = [];  // { file, hints, cut, answer, glb, error }
let current = null;

const newHints = () => ({ inside: [], outside: [], corner: null, box: null });

async function add(files) {
  const images = [...files].filter(file => file.size);
  if (!images.length) return;
  if (images.length === 1) pictures.length = 0;
  for (const file of images) pictures.push({ file, hints: newHints() });
  for (const picture of pictures.slice(-images.length)) { current = picture; await make(picture); }
}

function form(picture, options = {}) {
  const { inside, outside, box } = picture.hints, data = new FormData();
  data.append("picture", picture.file, picture.file.name);
  if (box) data.append("box", box.join(","));
  data.append("inside", inside.map(p => p.join(",")).join(" "));
  data.append("outside", outside.map(p => p.join(",")).join(" "));
  data.append("keep_background", byId("keep").checked);
  for (const [name, value] of Object.entries(options)) data.append(name, value);
  return data;
}

function options(format = "glb", texture = false) {
  return { format, category: byId("category").value, resolution: byId("resolution").value, size_mm: byId("size").value,
    refine: byId("refine").value, color: byId("color").checked,
    texture, force: byId("force").checked };
}

async function make(picture) {
  say("state", "Working ..."); picture.error = picture.answer = picture.cut = null;
  draw();
  try {
    const wish = { ...options(), cutout: true };
    picture.answer = await ask("api/reconstruct", form(picture, wish), "state").then(r => r.json());
    picture.glb = bytesOf(picture.answer.mesh);
    await setCut(picture, picture.answer.cutout);
  } catch (error) {
    picture.error = error.message;
    // The cut-out may be what is wrong: it is shown, so that it can be mended.
    await ask("api/cutout", form(picture), "state").then(r => r.json()).then(cut => setCut(picture, cut.picture), () => {});
  }
  draw();
}

async function setCut(picture, png) {
  picture.cut = await createImageBitmap(new Blob([bytesOf(png)]));
  picture.image = await createImageBitmap(picture.file).catch(() => picture.cut);
}

const remake = latest(make);

// The camera of a picture, as the viewer wants it.
function cameraOf({ camera }) {
  const turn = Math.PI / 180;
  return camera && { azimuth: Math.PI / 2 - camera.azimuth_deg * turn, elevation: camera.elevation_deg * turn,
    roll: camera.roll_deg * turn, distance: camera.distance, fov: camera.fov_deg * turn, target: camera.target };
}

function draw() {
  const picture = current;
  byId("pictures").replaceChildren(...(pictures.length > 1 ? pictures.map(thumbnail) : []));
  byId("mean").hidden = pictures.filter(p => p.answer).length < 2;
  byId("cut").hidden = !picture?.cut;
  byId("download").disabled = byId("as-photographed").disabled = !picture?.answer;
  if (picture?.cut) drawCut(picture);
  const { answer, error } = picture ?? {};
  byId("warnings").replaceChildren(...(answer?.warnings ?? []).map(text => {
    const item = document.createElement("li"); item.textContent = text; return item;
  }));
  if (error) say("state", error, true);
  else if (answer) {
    show("view", picture.glb.buffer, cameraOf(answer));
    const closed = answer.watertight ? "watertight" : "not watertight", chance = answer.category_probabilities?.[answer.category];
    const kind = chance === undefined ? answer.category : `${answer.category} (${Math.round(100 * chance)} %)`;
    say("state", `${kind}: ${answer.faces.toLocaleString("en")} faces, ${closed}, background: ${answer.background}`);
  }
}

function thumbnail(picture) {
  const button = document.createElement("button"), image = new Image();
  picture.address ??= URL.createObjectURL(picture.file);
  image.src = picture.address; image.alt = picture.file.name;
  button.className = "thumb"; button.append(image); button.setAttribute("aria-pressed", picture === current);
  button.addEventListener("click", () => { current = picture; draw(); });
  return button;
}

let cross = null;
function drawCut(picture) {
  const canvas = byId("cutout"), { cut, image, hints } = picture;
  canvas.width = cut.width; canvas.height = cut.height;
  const pen = canvas.getContext("2d"), dot = Math.max(4, canvas.width / 90);
  pen.globalAlpha = 0.3; pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  pen.globalAlpha = 1; pen.drawImage(cut, 0, 0);
  for (const [points, color] of [[hints.inside, "#1d8a3a"], [hints.outside, "#c62828"], [hints.corner ? [hints.corner] : [], "#2f7fd1"]])
    for (const [x, y] of points) {
      pen.fillStyle = color; pen.strokeStyle = "#fff"; pen.lineWidth = dot / 3;
      pen.beginPath(); pen.arc(x, y, dot, 0, 7); pen.fill(); pen.stroke();
    }
  pen.lineWidth = dot / 2; pen.strokeStyle = "#2f7fd1";
  if (hints.box) { const [a, b, c, d] = hints.box; pen.strokeRect(a, b, c - a, d - b); }
  if (cross) for (const [dx, dy] of [[1, 0], [0, 1]]) {
    pen.beginPath(); pen.moveTo(cross[0] - 3 * dot * dx, cross[1] - 3 * dot * dy);
    pen.lineTo(cross[0] + 3 * dot * dx, cross[1] + 3 * dot * dy); pen.stroke();
  }
}

function click(x, y) {
  const { hints } = current, kind = document.querySelector("[name=click]:checked").value;
  const canvas = byId("cutout");
  const point = [Math.min(Math.max(Math.floor(x), 0), canvas.width - 1), Math.min(Math.max(Math.floor(y), 0), canvas.height - 1)];
  if (kind !== "box") hints[kind].push(point);
  else if (!hints.corner) { hints.corner = point; hints.box = null; drawCut(current); return; }
  else {
    const [a, b] = [hints.corner, point];
    hints.corner = null;
    hints.box = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]) + 1, Math.max(a[1], b[1]) + 1];
  }
  remake(current);
}

byId("cutout").addEventListener("click", e => {
  const canvas = byId("cutout"), place = canvas.getBoundingClientRect();
  cross = null;
  click((e.clientX - place.left) * canvas.width / place.width, (e.clientY - place.top) * canvas.height / place.height);
});
byId("cutout").addEventListener("keydown", e => {
  const canvas = byId("cutout"), step = Math.max(1, canvas.width / 50);
  const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[e.key];
  if (!move && e.key !== "Enter") return;
  e.preventDefault();
  cross ??= [canvas.width / 2, canvas.height / 2];
  if (move) { cross = cross.map((at, k) => at + move[k]); drawCut(current); } else click(...cross);
});
byId("unhint").addEventListener("click", () => { current.hints = newHints(); remake(current); });
for (const id of ["keep", "category", "resolution", "refine", "color", "force"])
  byId(id).addEventListener("change", () => current && remake(current));
byId("as-photographed").addEventListener("click", () => viewers.view.look(cameraOf(current.answer)));

byId("download").addEventListener("click", async () => {
  const picture = current, format = byId("format").value, name = `${stem(picture.file.name)}.${format}`;
  const texture = format === "glb" && byId("color").checked && byId("texture").checked;
  if (format === "glb" && !texture) { save(picture.glb, name); return; }
  try {
    const answer = await ask("api/reconstruct", form(picture, { ...options(format, texture), answer: "mesh" }), "state");
    save(await answer.arrayBuffer(), name); draw();
  } catch (error) { say("state", error.message, true); }
});

byId("mean").addEventListener("click", async () => {
  const made = pictures.filter(p => p.answer && p.answer.category === current.answer?.category);
  if (!made.length) { say("state", "The pictures are of no common category.", true); return; }
  const latent = made[0].answer.latent.map((_, i) => made.reduce((sum, p) => sum + p.answer.latent[i], 0) / made.length);
  try {
    const body = JSON.stringify({ latent, category: made[0].answer.category, resolution: Number(byId("resolution").value) });
    show("view", await ask("api/shape", body, "state").then(r => r.arrayBuffer()));
    say("state", `The mean of ${made.length} pictures.`);
  } catch (error) { say("state", error.message, true); }
});

byId("files").addEventListener("change", e => { add(e.target.files); e.target.value = ""; });
const drop = byId("drop");
for (const kind of ["dragover", "dragleave", "drop"]) drop.addEventListener(kind, e => {
  e.preventDefault(); drop.classList.toggle("over", kind === "dragover");
  if (kind === "drop") add(e.dataTransfer.files);
});
for (const button of document.querySelectorAll(".example")) button.addEventListener("click", async () => {
  const content = await fetch(`examples/${button.dataset.name}`).then(r => r.blob());
  add([new File([content], button.dataset.name, { type: "image/jpeg" })]);
});

byId("camera").addEventListener("click", async () => {
  try {
    byId("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    byId("live").hidden = false;
  } catch { say("state", "No camera can be used here. On a phone, choosing a file offers it.", true); }
});
byId("snap").addEventListener("click", () => {
  const video = byId("video"), still = document.createElement("canvas");
  still.width = video.videoWidth; still.height = video.videoHeight;
  still.getContext("2d").drawImage(video, 0, 0);
  video.srcObject.getTracks().forEach(track => track.stop()); byId("live").hidden = true;
  still.toBlob(content => add([new File([content], "camera.jpg", { type: "image/jpeg" })]), "image/jpeg", 0.92);
});
