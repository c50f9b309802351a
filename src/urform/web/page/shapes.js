"use strict";
// The second tab, a slider between two shapes, and the third, sliders for the template's modes.

const sides = [null, null];  // { file, latent, category, isMesh }

for (const input of document.querySelectorAll(".shape")) input.addEventListener("change", async () => {
  const [file] = input.files, side = Number(input.dataset.side), data = new FormData();
  if (!file) return;
  input.nextElementSibling.textContent = file.name; sides[side] = null;
  const isMesh = !file.type.startsWith("image/");
  data.append(isMesh ? "scan" : "picture", file, file.name);
  await known;
  const chosen = byId("category-two").value;
  if (isMesh) data.append("category", chosen);
  say("state-two", isMesh ? "Fitting the mesh, about ten seconds ..." : "Working ...");
  try {
    const answer = await ask(isMesh ? "api/fit" : "api/reconstruct", data, "state-two").then(r => r.json());
    sides[side] = { file, latent: answer.latent, category: answer.category ?? chosen, isMesh };
    if (!sides.every(Boolean)) say("state-two", "Choose the other file.");
    else if (sides[0].category !== sides[1].category) {
      byId("share").disabled = true;
      say("state-two", `The first shows a ${sides[0].category}, the second a ${sides[1].category}: choose two of one category.`, true);
    } else { say("state-two", ""); byId("share").disabled = false; between(byId("share").value); }
  } catch (error) { say("state-two", error.message, true); }
  for (const button of document.querySelectorAll(".register")) button.disabled = !sides[button.dataset.side]?.isMesh;
});

async function showLatent(id, latent, category) {
  try {
    const body = JSON.stringify({ latent, category, resolution: 64 });
    show(id, await ask("api/shape", body, `state${id.slice(4)}`).then(r => r.arrayBuffer()));
    say(`state${id.slice(4)}`, "");
  } catch (error) { say(`state${id.slice(4)}`, error.message, true); }
}

const between = latest(share => {
  const [first, last] = sides;
  return showLatent("view-two", first.latent.map((value, i) => (1 - share) * value + share * last.latent[i]), first.category);
});
byId("share").addEventListener("input", e => between(Number(e.target.value)));

for (const button of document.querySelectorAll(".register")) button.addEventListener("click", async () => {
  const { file, category } = sides[button.dataset.side], data = new FormData();
  data.append("scan", file, file.name);
  data.append("category", category);
  say("state-two", "Registering, about twenty seconds ...");
  try {
    const answer = await ask("api/register", data, "state-two").then(r => r.json());
    const note = answer.note && `; ${answer.note}`;
    say("state-two", `Half of the surface lies within ${(100 * answer.median).toFixed(2)} % of the diagonal${note}.`);
    save(bytesOf(answer.mesh), `${stem(file.name)}_registered.${answer.format}`);
  } catch (error) { say("state-two", error.message, true); }
});

let modes = null;
const category = () => byId("category-modes").value;
const shapeOfModes = latest(() => {
  const values = [...document.querySelectorAll("#sliders input")].map(slider => Number(slider.value));
  const latent = modes.mean.map((mean, i) => values.reduce((sum, value, k) => sum + value * modes.directions[k][i], mean));
  return showLatent("view-modes", latent, category());
});

async function showTemplate() {
  try {
    const address = `api/template?category=${encodeURIComponent(category())}`;
    show("view-modes", await ask(address, undefined, "state-modes").then(r => r.arrayBuffer()));
    say("state-modes", "The template, colored by its canonical points.");
  } catch (error) { say("state-modes", error.message, true); }
}

async function openModes() {
  await known;
  try {
    modes = await ask(`api/modes?category=${encodeURIComponent(category())}`, undefined, "state-modes").then(r => r.json());
  } catch (error) { say("state-modes", error.message, true); return; }
  byId("sliders").replaceChildren(...modes.directions.map((_, k) => {
    const label = document.createElement("label"), slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: -2, max: 2, step: 0.1, value: 0 });
    slider.addEventListener("input", shapeOfModes);
    label.append(`Mode ${k + 1}`, slider);
    return label;
  }));
  await showTemplate();
}
document.addEventListener("opened", e => { if (e.detail === "modes" && !modes) openModes(); });
byId("category-modes").addEventListener("change", openModes);
byId("template").addEventListener("click", showTemplate);
byId("level").addEventListener("click", () => {
  for (const slider of document.querySelectorAll("#sliders input")) slider.value = 0;
  shapeOfModes();
});
