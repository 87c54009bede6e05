"use strict";
import { Canvas } from "/static/canvas.js";

const $ = (id) => document.getElementById(id);
const ROW = 52;
const SEVERITIES = ["sample", "error", "warning", "info", "doubt", "proposal"];
const LAYERS = { mask: "mask", object: "released box", source: "source box", derived: "derived box", proposed: "proposed", text: "text that was read", corrected: "corrected" };
const REASONS = {
  accept: ["The release is right, the source's label is wrong", "The difference is too small to matter", "Correct as released: looked at in the picture", "Harmless: it touches no object"],
  exclude: ["Not an object of this label", "Two labels for one object", "The object cannot be told from its surroundings"],
  picture: ["The picture cannot be judged", "The labels of the picture cannot be repaired", "Copy of another picture", "Text or marks in the picture show who it is", "Consent was withdrawn"],
  edit: ["The outline was too large", "The outline was too small", "An object was missing", "Two objects were one", "One object was two", "Wrong label", "A label where there is no object"],
};
// Reasons of `picture` that are about a person: the picture is withdrawn, so that its copies stay out for good, too.
const WITHDRAWS = new Set(["Text or marks in the picture show who it is", "Consent was withdrawn"]);
const nameOf = (kind) => (kind === "sample" ? "drawn at random" : kind.replaceAll("_", " "));
// A proposal is not released: to refuse it changes nothing that is, and the file keeps it as an accepted kind.
const PROPOSED = {
  title: { accept: "Accept the proposal: why?", exclude: "Refuse the proposal: why?" },
  reasons: {
    accept: ["The object is there, and its outline is right", "The object is there, and its outline is good enough"],
    exclude: ["There is no object of this label", "The outline is wrong", "It is an object that is labelled already", "It cannot be told from its surroundings"],
  },
  decided: { accept: "refused", edit: "object added", removed: "object removed", exclude: "picture excluded" },
  saved: { accept: "proposal accepted", exclude: "proposal refused", picture: "picture excluded", edit: "corrected" },
};
const proposed = (item) => (item?.kind === "proposal" ? item.objects.find((one) => one.id === item.finding_id) : undefined);

const state = { busy: 0, rows: [], shown: [], id: null, item: null, canvas: null, marked: new Set(), done: [], looked: new Set(), zoom: 1, fit: 1, hidden: new Set(), cut: null, tool: null, labels: [] };

// ---- talking to the server -------------------------------------------------------------------------------------

class Refused extends Error {}

async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    banner("The server does not answer. Decisions that were marked as done are in the file; what is drawn stays in this window. Start it again and open its new address.");
    throw new Refused("no answer");
  }
  if (answer.status === 403) {
    banner("The server was started again: open the address that it printed. What is drawn stays in this window.");
    throw new Refused("forbidden");
  }
  const found = await answer.json();
  if (!answer.ok) { banner(found.error); throw new Refused(found.error); }
  banner("");
  return found;
}

function banner(text) { $("banner").textContent = text; $("banner").hidden = !text; }
function hint(text) { $("hint").textContent = text; }
function reviewer() { return $("reviewer").value.trim(); }
// What each choice does to this finding.
function choices_of(item) {
  if (item.kind === "proposal") return "Accept: the proposed object is added to the next release. Refuse: it is not added, and what is released stays as it is. Edit: you draw what is right.";
  return `Accept: ${item.kind === "sample" ? "all of the record is right" : "what is released stays as it is"}. Remove: the released object is taken out. Edit: you draw what is right.`;
}
const sizeOf = (one) => `${figure(one.box[2] - one.box[0])} × ${figure(one.box[3] - one.box[1])} px`;

// Ask for the name, then go on with what was asked for.
function named(then) {
  const dialog = $("name"), text = $("name-text");
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    if (!text.value.trim()) { text.focus(); return; }
    $("reviewer").value = text.value.trim();
    dialog.close();
    await busy(renamed).then(then).catch(quiet);
  };
  $("name-cancel").onclick = () => dialog.close();
  dialog.showModal();
  text.focus();
}

async function renamed() {
  localStorage.setItem("reviewer", reviewer());
  state.done = [];
  await loadQueue();
  if (state.id) await load(state.id);
  $("picture").focus({ preventScroll: true });
}

// ---- the queue -------------------------------------------------------------------------------------------------

async function loadQueue() {
  const found = await ask(`/api/queue?reviewer=${encodeURIComponent(reviewer())}`);
  state.rows = found.rows;
  state.labels = found.labels;
  state.file = found.file;
  state.released = found.released;
  $("title").textContent = found.title;
  document.title = `Review of ${found.title}`;
  $("statements").replaceChildren(...found.statements.map((text) => element("li", text)));
  choices("by-kind", [...new Set(found.rows.map((row) => row.kind))].sort());
  choices("by-label", [...new Set(found.rows.map((row) => row.label).filter(Boolean))].sort());
  severities();
  filter();
}

function choices(id, values) {
  const select = $(id), before = select.value || (kept()[id] ?? "");
  if (select.options.length === values.length + 1) return;
  select.replaceChildren(new Option("all", ""), ...values.map((value) => new Option(value.replaceAll("_", " "), value)));
  select.value = values.includes(before) ? before : "";
}

// Filters outlive a reload of this window.
function kept() { try { return JSON.parse(sessionStorage.getItem("filters")) ?? {}; } catch { return {}; } }
function keepFilters() {
  const values = Object.fromEntries(["by-state", "by-kind", "by-label", "by-text"].map((id) => [id, $(id).value]));
  values.severities = [...$("by-severity").querySelectorAll("input")].map((one) => [one.value, one.checked]);
  sessionStorage.setItem("filters", JSON.stringify(values));
}

function severities() {
  const there = SEVERITIES.filter((name) => state.rows.some((row) => row.severity === name));
  const box = $("by-severity"), waiting = (name) => state.rows.filter((row) => row.severity === name && STATES.open(row)).length;
  if (box.querySelectorAll("input").length === there.length) {
    for (const one of box.querySelectorAll("input")) one.nextSibling.data = ` ${one.value} ${waiting(one.value)}`;
    return;
  }
  const graver = there.some((name) => name !== "info"), before = new Map(kept().severities ?? []);
  box.replaceChildren(box.firstElementChild, ...there.map((name) => {
    const label = element("label"), input = Object.assign(document.createElement("input"), { type: "checkbox", value: name, checked: before.get(name) ?? (name !== "info" || !graver) });
    input.onchange = chooseFilter;
    label.append(input, ` ${name} ${waiting(name)}`);
    return label;
  }));
}

const DECIDED = { accept: "accepted", exclude: "picture excluded", removed: "object removed", edit: "corrected" };
const decided = (row) => row.mine !== null;
const STATES = {
  open: (row) => row.open && !decided(row) && !row.others,
  conflict: (row) => row.conflict && row.same_as === row.finding_id,  // a dispute about a picture is listed once
  second: (row) => row.open && !decided(row) && row.others > 0,
  mine: decided,
  all: () => true,
};

function filter(strict = false) {
  const severity = new Set([...$("by-severity").querySelectorAll("input:checked")].map((one) => one.value));
  const kind = $("by-kind").value, label = $("by-label").value, words = $("by-text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = STATES[$("by-state").value];
  // The finding at hand stays in the list until the next one is chosen.
  const dispute = $("by-state").value === "conflict";
  state.shown = state.rows.filter((row) => (fits(row) || (row.finding_id === state.id && !strict)) && (dispute || severity.has(row.severity)) && (!kind || row.kind === kind) && (!label || row.label === label)
    && words.every((word) => `${row.sample_id} ${row.kind} ${row.label}`.toLowerCase().includes(word)));
  const all = state.rows.filter((row) => severity.has(row.severity) && row.open), done = all.filter((row) => decided(row) || row.others);
  $("progress").textContent = `${done.length.toLocaleString("en")} of ${all.length.toLocaleString("en")} decided`;
  $("shown").textContent = `${state.shown.length.toLocaleString("en")} shown`;
  offerTogether();
  keepFilters();
  drawRows();
}

// What a person filters for is what is shown: keys must never be about a finding that is not in the list.
function chooseFilter() {
  filter(true);
  if (state.canvas || state.shown.some((row) => row.finding_id === state.id)) return;
  const first = state.shown[0];
  if (first) open(first.finding_id).catch(quiet); else nothing();
}

// No finding is at hand: nothing can be decided.
function nothing() {
  state.id = state.item = null;
  document.body.dataset.empty = "true";
  $("image").hidden = true;
  $("image").removeAttribute("src");
  $("over").replaceChildren();
  $("facts").replaceChildren();
  const words = state.rows.length ? finished() : "The audit found nothing: there is nothing to decide.";
  $("stage").querySelector(".lost")?.remove();
  $("stage").style.width = $("stage").style.height = "";
  $("stage").prepend(element("p", words, "lost"));
  $("layers").querySelectorAll("[data-layer]").forEach((one) => { one.hidden = true; });
  hint("");
}

function drawRows() {
  const list = $("rows"), spacer = $("spacer");
  spacer.style.height = `${state.shown.length * ROW}px`;
  const first = Math.max(Math.floor(list.scrollTop / ROW) - 5, 0), after = Math.min(first + Math.ceil(list.clientHeight / ROW) + 10, state.shown.length);
  if (!state.shown.length) { spacer.replaceChildren(element("p", "No finding under these filters.", "quiet none")); return; }
  spacer.replaceChildren(...state.shown.slice(first, after).map((row, place) => {
    const one = element("div", "", "finding");
    Object.assign(one, { id: `row-${first + place}` });
    one.style.top = `${(first + place) * ROW}px`;
    one.setAttribute("role", "option");
    one.setAttribute("aria-selected", String(row.finding_id === state.id));
    one.setAttribute("aria-posinset", first + place + 1);
    one.setAttribute("aria-setsize", state.shown.length);
    const mark = row.conflict ? tag("conflict") : decided(row) ? tag("done", (row.kind === "proposal" ? PROPOSED.decided : DECIDED)[row.mine] ?? row.mine) : row.others ? tag("", "second reading") : "";
    const line = element("div"), name = element("span");
    name.append(element("b", nameOf(row.kind)), ` ${row.label}`);
    name.title = name.textContent;
    line.append(tag(row.severity), name, mark);
    one.append(line, element("small", row.sample_id));
    one.onclick = () => open(row.finding_id);
    return one;
  }));
  const place = state.shown.findIndex((row) => row.finding_id === state.id);
  if ($(`row-${place}`)) list.setAttribute("aria-activedescendant", `row-${place}`); else list.removeAttribute("aria-activedescendant");
}

function step(by) {
  if (!state.shown.length) { hint("Nothing is left under these filters."); return; }
  const place = state.shown.findIndex((row) => row.finding_id === state.id);
  const next = place < 0 ? 0 : place + by;
  if (next < 0 || next >= state.shown.length) { hint(by > 0 ? "This is the last one under these filters." : "This is the first one."); return; }
  open(state.shown[next].finding_id);
}

function nextOpen() {
  const place = state.shown.findIndex((row) => row.finding_id === state.id);
  const order = [...state.shown.slice(place + 1), ...state.shown.slice(0, Math.max(place, 0))];
  const wanted = $("by-state").value === "all" ? STATES.open : STATES[$("by-state").value];
  return order.find((row) => wanted(row));
}

// ---- one finding -----------------------------------------------------------------------------------------------

// While the next finding is on its way, keys would be about the one before: they are passed over.
async function busy(work) {
  document.body.dataset.busy = String(++state.busy);
  try { return await work(); } finally { if (--state.busy === 0) delete document.body.dataset.busy; else document.body.dataset.busy = String(state.busy); }
}

function open(id) { return busy(() => load(id)); }

async function load(id) {
  if (state.canvas && state.id !== id) leaveEdit();
  const item = await ask(`/api/finding?id=${encodeURIComponent(id)}&reviewer=${encodeURIComponent(reviewer())}`);
  state.id = id;
  state.item = item;
  delete document.body.dataset.empty;
  state.marked.clear();
  sessionStorage.setItem("at", id);
  filter();
  reveal();
  await showPicture();
  drawFacts();
  $("remove-words").textContent = item.kind === "proposal" ? "Refuse" : "Remove object";
  const next = nextOpen();
  if (next?.image_sha256) new Image().src = `/picture/${next.image_sha256}`;
  noteLooked(id);
  hint(item.image_sha256 ? choices_of(item) : "The picture is not in this release: nothing can be decided about it here.");
  if (draft()) { hint("What you drew before is here again."); edit(); }
}

function reveal() {
  const list = $("rows"), top = state.shown.findIndex((row) => row.finding_id === state.id) * ROW;
  if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - ROW) list.scrollTop = top - list.clientHeight / 3;
  drawRows();
}

async function showPicture() {
  const { item } = state, image = $("image");
  $("stage").querySelector(".lost")?.remove();
  image.hidden = !item.has_picture;
  $("over").replaceChildren();
  if (!item.has_picture) {
    image.removeAttribute("src");
    $("stage").style.width = "";
    $("stage").prepend(element("p", "no picture of it in this release", "lost"));
    return;
  }
  image.alt = `${item.sample_id}: ${item.words.join(" ")}`;
  if (!image.src.endsWith(item.image_sha256)) { image.src = `/picture/${item.image_sha256}`; await image.decode().catch(() => {}); }
  fit();
}

const narrow = () => matchMedia("(max-width: 62rem)").matches;

function fit() {
  const image = $("image"), frame = $("frame");
  if (!image.naturalWidth) return;
  // On a narrow screen the frame is as high as the picture.
  frame.style.height = narrow() ? `${Math.min(innerHeight * 0.58, ((frame.clientWidth - 4) / image.naturalWidth) * image.naturalHeight + 4)}px` : "";
  state.fit = Math.min((frame.clientWidth - 4) / image.naturalWidth, (frame.clientHeight - 4) / image.naturalHeight);
  zoomTo(state.fit);
}

function zoomTo(zoom, at) {
  const image = $("image"), frame = $("frame"), before = state.zoom;
  if (!image.naturalWidth) return;
  state.zoom = Math.min(Math.max(zoom, Math.min(state.fit, 0.1)), 16);
  const width = image.naturalWidth * state.zoom, height = image.naturalHeight * state.zoom;
  image.style.width = $("stage").style.width = `${width}px`;
  image.style.height = $("stage").style.height = `${height}px`;
  $("zoom").textContent = `${Math.round(100 * state.zoom)} %`;
  const [x, y] = at ?? [frame.clientWidth / 2, frame.clientHeight / 2];
  frame.scrollLeft = ((frame.scrollLeft + x) * state.zoom) / before - x;
  frame.scrollTop = ((frame.scrollTop + y) * state.zoom) / before - y;
  drawOver();
}

const NS = "http://www.w3.org/2000/svg";
function shape(name, attributes) {
  const one = document.createElementNS(NS, name);
  Object.entries(attributes).forEach(([key, value]) => one.setAttribute(key, value));
  return one;
}

function lines(kind, name, place) { return [shape(name, { class: "casing", ...place }), shape(name, { class: kind, ...place })]; }
const rect = ([x1, y1, x2, y2]) => ({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
const path = (outlines) => outlines.map((one) => `M${one.map((point) => point.join(" ")).join("L")}Z`).join(" ");

// What is drawn over the picture, in pixels of the original. While editing, the objects are the canvas' own.
function drawOver() {
  const { item } = state, over = $("over");
  if (!item?.has_picture) return;
  const [width, height] = item.size, unit = Math.max(width, height) / 100, parts = [];
  over.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const show = (kind) => !state.hidden.has(kind), offered = proposed(item), released = item.objects.filter((one) => one !== offered);
  if (!state.canvas) {
    if (show("mask")) for (const one of released) if (one.outlines) parts.push(shape("path", { class: "tint mask", d: path(one.outlines) }), ...lines("mask", "path", { d: path(one.outlines) }));
    if (show("object")) for (const one of released) parts.push(...lines("object", "rect", rect(one.box)));
    if (offered && show("proposed")) parts.push(shape("path", { class: "tint proposed", d: path(offered.outlines ?? []) }), ...lines("proposed", "path", { d: path(offered.outlines ?? []) }));
    if (show("corrected")) for (const [one, kind] of drawnBy(item)) for (const [label, box] of one.objects) parts.push(...lines(kind, "rect", rect(box)), words(`${one.reviewer}: ${label}`, box, kind === "corrected"));
  }
  if (show("text")) for (const box of item.places) parts.push(...lines("text", "rect", rect(box)));
  for (const kind of [offered ? "proposed" : "derived", "source"]) {
    const box = kind === "proposed" ? offered.box : item[kind];
    if (!box || !show(kind)) continue;
    // Over an equal box the dashes are drawn alone, so that both are seen.
    const equal = !state.canvas && show("object") && released.some((one) => one.box.every((side, place) => Math.abs(side - box[place]) < 0.5));
    parts.push(...lines(kind, "rect", rect(box)).slice(equal ? 1 : 0));
    const [w, h] = [box[2] - box[0], box[3] - box[1]];
    if (Math.min(w, h) < 3 * unit) parts.push(...lines(kind, "circle", { cx: (box[0] + box[2]) / 2, cy: (box[1] + box[3]) / 2, r: Math.max(w, h) / 2 + 3 * unit }));
  }
  if (state.cut?.length) {
    const [[x1, y1], [x2, y2] = state.cut[0]] = state.cut;
    parts.push(...lines("corrected", "line", { x1, y1, x2, y2 }));
  }
  showLayers(item);
  const size = letter();
  const numbered = state.canvas ? state.canvas.objects : item.objects;
  if (numbered.length > 1 && numbered.length <= 60 && show("object")) numbered.forEach((one, place) => {
    const text = shape("text", { x: one.box[0] + size * 0.2, y: Math.max(one.box[1] - size * 0.25, size), "font-size": size });
    text.textContent = place + 1;
    parts.push(text);
  });
  over.replaceChildren(...parts);
}

// The height of a letter over the picture, in pixels of the original.
const letter = () => 14 / state.zoom / state.item.scale;

// Decisions that leave other boxes than the release, each with the kind of line it is drawn with.
function drawnBy(item) {
  const own = item.decisions.filter((one) => one.verdict !== "accept" && one.objects?.length);
  return own.map((one, place) => [one, place % 2 ? "second" : "corrected"]);
}

// A name at a box: above it on the left, or below it on the right, so that two names at one box stay apart.
function words(text, [x1, y1, x2, y2], above) {
  const size = letter(), [width, height] = state.item.size;
  const place = above ? { x: Math.max(x1, 0), y: Math.max(y1 - size * 0.35, size) } : { x: Math.min(x2, width), y: Math.min(y2 + size * 1.1, height - 2), "text-anchor": "end" };
  const one = shape("text", { ...place, "font-size": size });
  one.textContent = text;
  return one;
}

function drawLayers() {
  $("layers").replaceChildren(...Object.entries(LAYERS).map(([kind, words]) => {
    const label = element("label"), input = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    label.dataset.layer = kind;
    input.onchange = () => { input.checked ? state.hidden.delete(kind) : state.hidden.add(kind); drawOver(); };
    const sign = shape("svg", { class: "drawn", viewBox: "0 0 34 12", "aria-hidden": "true" }), box = element("span", "", "sign");
    sign.append(...(kind === "mask" ? [shape("path", { class: "tint mask", d: "M2 2H32V10H2Z" }), ...lines(kind, "path", { d: "M2 2H32V10H2Z" })] : lines(kind, "path", { d: "M1 6H33" })));
    box.append(sign);
    label.append(input, box, words);
    return label;
  }));
}

// A layer is offered where the picture has something of it.
function showLayers(item) {
  const offered = proposed(item), released = item.objects.filter((one) => one !== offered);
  const there = {
    mask: released.some((one) => one.outlines), object: released.length > 0, source: item.source, derived: item.derived && !offered, proposed: offered, text: item.places.length > 0,
    corrected: drawnBy(item).length > 0,
  };
  $("layers").querySelectorAll("[data-layer]").forEach((one) => { one.hidden = !there[one.dataset.layer]; one.style.visibility = state.canvas && ["mask", "object", "corrected"].includes(one.dataset.layer) ? "hidden" : ""; });
}

function hideAll() {
  const every = Object.keys(LAYERS), hide = state.hidden.size < every.length;
  state.hidden = new Set(hide ? every : []);
  $("layers").querySelectorAll("input").forEach((one) => { one.checked = !hide; });
  drawOver();
}

// ---- facts beside the picture ----------------------------------------------------------------------------------

function element(name, text = "", kind = "") {
  const one = document.createElement(name);
  if (text) one.textContent = text;
  if (kind) one.className = kind;
  return one;
}
const tag = (kind, text = kind) => element("span", text, `tag ${kind}`);
const figure = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1).replace(/\.0$/, ""));

// The chosen object is marked in the list as it stands: a new list would take the focus from who types on.
function markChosen() {
  $("facts").querySelectorAll(".objects li").forEach((row, place) => {
    const chosen = state.canvas?.objects[place]?.key === state.canvas?.chosen;
    row.classList.toggle("chosen", chosen);
    row.querySelector("button")?.setAttribute("aria-pressed", String(chosen));
  });
}

function drawFacts() {
  const { item } = state, box = $("facts"), parts = [], focused = box.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  if (!item) return;
  const head = element("p");
  head.append(tag(item.severity), " ", element("b", nameOf(item.kind)), ` ${item.label}`);
  parts.push(head, element("p", `${item.sample_id}${item.split ? `, ${item.split}` : ""}`, "quiet id"));
  for (const text of [item.detail, ...item.words]) if (text) parts.push(element("p", text));
  if (item.places.length) parts.push(element("p", `The dotted ${item.places.length === 1 ? "box shows" : "boxes show"} where it was read.`, "quiet"));
  parts.push(element("p", `Now: ${item.action}`, "quiet"));
  if (item.twin) parts.push(heading("The other picture of this frame"), twin(item.twin));
  const numbers = [["source", item.source], [proposed(item) ? "proposed" : "derived", item.derived]].filter(([, one]) => one);
  if (numbers.length) parts.push(boxTable(numbers));
  if (item.size) parts.push(heading(objectsHeading(item)), objectList());
  if (item.decisions.length || item.others) parts.push(heading("Decisions"), decisionList());
  if (item.neighbours.length) parts.push(heading("Near-duplicates"), thumbs(item.neighbours, (one) => `${one.split}, distance ${one.distance.toFixed(4)} (${one.evidence})`));
  if (item.strip.length > 1) parts.push(heading("Frames before and after"), thumbs(item.strip, (one) => `frame ${one.frame_index}`, "strip"));
  box.replaceChildren(...parts);
  if (focused) [...box.querySelectorAll("[aria-label]")].find((one) => one.getAttribute("aria-label") === focused)?.focus({ preventScroll: true });
  const strip = box.querySelector(".strip"), here = strip?.querySelector(".here");
  if (here) strip.scrollLeft = here.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + here.clientWidth / 2;
}

const heading = (text) => element("h2", text);

function boxTable(rows) {
  const table = element("table"), head = table.createTHead().insertRow();
  for (const name of ["box", "x1", "y1", "x2", "y2", "width", "height"]) head.append(element("th", name, name === "box" ? "" : "n"));
  for (const [name, [x1, y1, x2, y2]] of rows) {
    const row = table.insertRow();
    row.append(element("th", name), ...[x1, y1, x2, y2, x2 - x1, y2 - y1].map((value) => element("td", figure(value), "n")));
  }
  return table;
}

function objectsHeading(item) {
  if (state.canvas || !proposed(item)) return `Objects (${(state.canvas?.objects ?? item.objects).length})`;
  return `Released objects (${item.objects.length - 1}), and 1 proposed`;
}

function objectList() {
  const list = element("ul", "", "objects"), objects = state.canvas?.objects ?? state.item.objects;
  objects.slice(0, 300).forEach((one, place) => {
    const row = element("li"), [x1, y1, x2, y2] = one.box;
    const words = `${figure(x2 - x1)} × ${figure(y2 - y1)} px${one.outlines ? ", mask" : ""}${one.changed ? ", changed" : ""}${one.track ? `, track ${one.track.slice(-5)}` : ""}`;
    if (!state.canvas) { row.append(element("b", String(place + 1)), element("span", one.label), element("span", one === proposed(state.item) ? `${words}, proposed` : words, "quiet")); list.append(row); return; }
    row.classList.toggle("chosen", state.canvas.chosen === one.key);
    const mark = Object.assign(document.createElement("input"), { type: "checkbox", checked: state.marked.has(one.key) });
    mark.setAttribute("aria-label", `mark object ${place + 1} to be joined`);
    mark.onchange = () => { mark.checked ? state.marked.add(one.key) : state.marked.delete(one.key); };
    const pick = element("button", `${place + 1}`);
    pick.type = "button";
    pick.setAttribute("aria-label", `select object ${place + 1}, ${one.label}`);
    pick.setAttribute("aria-pressed", String(state.canvas.chosen === one.key));
    pick.onclick = () => state.canvas.select(one.key);
    const label = document.createElement("select");
    label.append(...[...new Set([...state.labels, one.label])].map((name) => new Option(name, name, false, name === one.label)));
    label.setAttribute("aria-label", `label of object ${place + 1}`);
    label.onchange = () => {
      state.canvas.relabel(one.key, label.value);
      if (!state.released.includes(label.value)) hint(`No object of this release is labelled ${label.value}: it would be a new class, and the next release a major version.`);
    };
    row.append(mark, pick, label, element("span", words, "quiet"));
    list.append(row);
  });
  if (objects.length > 300) list.append(element("li", `and ${objects.length - 300} more`));
  return list;
}

// What a decision leaves, so that two of them can be told apart in words.
function verdictWords(one) {
  if (one.verdict === "accept") return state.item.kind === "proposal" ? "proposal refused" : "accepted";
  if (one.withdraws) return "picture withdrawn, its copies too";
  if (!one.objects) return "picture excluded";
  const left = one.objects.map(([label, box]) => `${label} ${sizeOf({ box })}`).slice(0, 4).join(", ") || "nothing";
  return `${one.verdict === "exclude" ? "object removed" : "corrected"}; leaves ${left}${one.objects.length > 4 ? ", …" : ""}`;
}

function decisionList() {
  const list = element("ul");
  for (const one of state.item.decisions) {
    const row = element("li");
    row.append(element("b", `${one.reviewer}: ${verdictWords(one)}`), `, ${one.date}: ${one.reason}${one.in_force ? "" : " (second reading, not applied)"}${one.settles ? " (settles the conflict)" : ""}`);
    list.append(row);
  }
  if (!state.item.decisions.length) list.append(element("li", "Another reviewer decided; you see it after your own decision."));
  if (state.item.conflict) list.prepend(element("li", "The decisions disagree. Decide again: the dialog then asks whether yours settles the conflict.", "tag conflict"));
  return list;
}

// The other picture, as wide as the column, to be compared with the one at hand.
function twin(one) {
  const figure = thumbs([one], () => `${one.split}, ${one.boxes.length === 1 ? "1 object" : `${one.boxes.length} objects`};`, "");
  figure.classList.add("twin");
  figure.querySelector("img").src = `/picture/${one.image_sha256}`;
  return figure;
}

function thumbs(rows, words, kind = "") {
  const box = element("div", "", `thumbs ${kind}`);
  if (kind === "strip") { box.tabIndex = 0; box.setAttribute("role", "group"); box.setAttribute("aria-label", "Frames before and after"); }
  for (const one of rows) {
    const entry = element("figure"), frame = element("div", "", "thumb"), image = document.createElement("img");
    Object.assign(image, { src: `/thumbnail/${one.image_sha256}`, alt: `${one.sample_id}, ${one.boxes.length} objects`, loading: "lazy", width: one.size[0], height: one.size[1] });
    const over = shape("svg", { class: "drawn", viewBox: `0 0 ${one.size[0]} ${one.size[1]}`, "aria-hidden": "true" });
    over.append(...one.boxes.slice(0, 200).flatMap(([, box]) => lines("object", "rect", rect(box))));
    frame.append(image, over);
    entry.classList.toggle("here", one.sample_id === state.item.sample_id);
    entry.append(frame, element("figcaption", `${words(one)} ${kind ? "" : one.sample_id}`));
    box.append(entry);
  }
  return box;
}

// ---- deciding --------------------------------------------------------------------------------------------------

function concerned() {
  if (proposed(state.item)) return proposed(state.item);
  const { item } = state, wanted = item.derived ?? item.source;
  const same = item.objects.filter((one) => !item.label || one.label === item.label);
  if (wanted) {
    const near = same.filter((one) => one.box.every((side, place) => Math.abs(side - wanted[place]) <= 2));
    if (near.length === 1) return near[0];
  }
  return same.length === 1 ? same[0] : null;
}

// What the decision does to the next release.
function aboutDecision(item, verdict, chosen) {
  if (verdict === "picture") return `The next release will be without the whole picture ${item.sample_id}. Withdrawn, its copies stay out of every later release, too, and publish names the published versions that hold it.`;
  if (verdict === "edit") return "The objects are released as drawn.";
  if (item.kind === "proposal") {
    const words = `proposed ${item.label} of ${sizeOf(proposed(item))}`;
    return verdict === "accept" ? `The next release will have the ${words} as an object.` : `The next release will not have the ${words}. What is released stays as it is.`;
  }
  if (verdict === "accept") return "What is released stays.";
  return `The next release will be without the released ${chosen.label} of ${sizeOf(chosen)} (object ${item.objects.indexOf(chosen) + 1}). Until now: ${item.action}. If only the source's box is wrong, accept instead.${item.objects.length === 1 ? " It is the only object: without it the picture may leave the release, too." : ""}`;
}

function decide(verdict) {
  const { item } = state;
  if (!item) return;
  if (!item.image_sha256) { hint("The picture is not in this release: nothing can be decided about it here."); return; }
  if (!reviewer()) { named(() => decide(verdict)); return; }
  const chosen = verdict === "exclude" ? concerned() : null;
  if (verdict === "exclude" && !chosen) { hint(item.objects.length ? "Which object? Press e and delete it there, or x to exclude the picture." : "There is no object here; x excludes the picture."); return; }
  const about = aboutDecision(item, verdict, chosen);
  askReason(verdict, about, async (reason, settle) => {
    const withdraws = verdict === "picture" && (WITHDRAWS.has(reason) || $("withdraw").checked);
    const body = { finding: state.id, verdict: withdraws ? "withdraw" : verdict === "picture" ? "exclude" : verdict, reason, settle, reviewer: reviewer() };
    if (chosen) body.object = chosen.id;
    if (verdict === "edit") body.objects = state.canvas.objects.map(({ label, box, outlines, origin, changed, rle }) => ({ label, box, outlines: rle ? undefined : outlines, rle, origin, changed }));
    await ask("/api/decision", body);
    forgetDraft();
    if (state.canvas) leaveEdit();
    state.done.push(state.id);
    const next = nextOpen();
    await loadQueue();
    const before = { kind: item.kind, label: item.label };
    if (next) { await open(next.finding_id); hint(`Saved: ${withdraws ? "picture withdrawn" : (item.kind === "proposal" ? PROPOSED.saved : SAVED)[verdict]} (${before.kind.replaceAll("_", " ")} ${before.label}); u takes it back. ${choices_of(state.item)}`); } else { await open(state.id); hint(finished()); }
    $("picture").focus({ preventScroll: true });
  });
}

const SAVED = { accept: "accepted", exclude: "object removed", picture: "picture excluded", edit: "corrected" };

// What to do when the queue is empty.
function finished() {
  const open = state.rows.filter(STATES.open), graver = open.filter((row) => row.severity !== "info").length;
  if (graver) return `Nothing is left under these filters; ${graver.toLocaleString("en")} findings wait under others.`;
  const left = open.length;
  const more = left ? ` ${left.toLocaleString("en")} harmless findings (info) are filtered away.` : "";
  return `All is decided and written to ${state.file}. Next: build the recipe again with --version auto.${more}`;
}

function askReason(verdict, about, then) {
  const dialog = $("reasons"), text = $("reason-text"), own = state.item.kind === "proposal" ? PROPOSED : null, given = own?.reasons[verdict] ?? REASONS[verdict];
  $("reasons-title").textContent = own?.title[verdict] ?? { accept: "Accept: why?", exclude: "Remove the object: why?", picture: "Exclude the picture: why?", edit: "Correct: why?" }[verdict];
  $("reasons-about").textContent = about;
  $("settle-row").hidden = !(state.item.conflict || state.item.others);
  $("withdraw-row").hidden = verdict !== "picture";
  $("withdraw").checked = false;
  $("settle").checked = state.item.conflict && state.item.decisions.some((one) => one.mine);
  text.value = "";
  const finish = async (reason) => {
    if (!reason) { text.focus(); return; }
    dialog.close();
    try { await busy(() => then(reason, $("settle").checked && !$("settle-row").hidden)); } catch (error) { if (!(error instanceof Refused)) throw error; hint("Not decided."); }
  };
  $("reasons-list").replaceChildren(...given.map((reason, place) => {
    const row = element("li"), button = element("button");
    button.type = "button";
    button.append(element("kbd", String(place + 1)), ` ${reason}${verdict === "picture" && WITHDRAWS.has(reason) ? " – withdraws it" : ""}`);
    button.onclick = () => finish(reason);
    row.append(button);
    return row;
  }));
  dialog.onkeydown = (event) => {
    if (event.target === text && text.value) return;
    const reason = given[Number(event.key) - 1];
    if (reason && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); finish(reason); }
  };
  dialog.querySelector("form").onsubmit = (event) => { event.preventDefault(); finish(text.value.trim()); };
  $("reasons-cancel").onclick = () => dialog.close();
  dialog.showModal();
  text.focus();
}

async function takeBack() {
  const last = state.done.pop(), id = last ?? state.id;
  if (last?.findings) { await takeBackTogether(last); return; }
  if (!id) return;
  if (!reviewer()) { named(() => takeBack().catch(quiet)); return; }
  await busy(async () => {
    await ask("/api/undo", { finding: id, reviewer: reviewer() });
    await loadQueue();
    await open(id);
  });
  hint("Taken back.");
}

// ---- deciding many at once -------------------------------------------------------------------------------------

// What this browser has shown of this release: a decision about many says how many of them were not looked at.
const lookedKey = () => `looked ${$("title").textContent}`;
function noteLooked(id) {
  if (!state.looked.size) state.looked = new Set(JSON.parse(localStorage.getItem(lookedKey()) ?? "[]"));
  if (state.looked.has(id)) return;
  state.looked.add(id);
  localStorage.setItem(lookedKey(), JSON.stringify([...state.looked]));
}

// The findings of the chosen kind that are listed, released and not decided by anybody.
function alike() {
  const kind = $("by-kind").value;
  return !kind || kind === "sample" || kind === "proposal" ? [] : state.shown.filter((row) => row.kind === kind && STATES.open(row));
}

function offerTogether() {
  const rows = alike(), button = $("together");
  button.hidden = rows.length < 2 || Boolean(state.canvas);
  button.textContent = `Decide these ${rows.length.toLocaleString("en")} together …`;
}

function together() {
  if (!reviewer()) { named(together); return; }
  const rows = alike(), unseen = rows.filter((row) => !state.looked.has(row.finding_id)).length, dialog = $("many");
  if (rows.length < 2) return;
  const kind = rows[0].kind.replaceAll("_", " "), pictures = new Set(rows.map((row) => row.sample_id)).size;
  const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  $("many-title").textContent = `Decide ${count(rows.length, "finding", "findings")} “${kind}” together`;
  $("many-about").textContent = unseen ? `You have not looked at ${unseen.toLocaleString("en")} of them. Each entry says whether its picture was looked at; u takes all of them back.` : "You have looked at all of them. u takes all of them back.";
  $("many-recipe").textContent = state.item?.kind === rows[0].kind ? state.item.words.filter((text) => text.startsWith("[privacy]")).join(" ") : "";
  $("many-pictures").textContent = count(pictures, "picture", "pictures");
  $("many-ask").textContent = `To confirm, type the number not looked at (${unseen})`;
  $("many-ok").textContent = `Decide ${rows.length.toLocaleString("en")}`;
  const reason = $("many-reason"), confirm = $("many-confirm");
  reason.value = confirm.value = "";
  dialog.querySelector("[value=accept]").checked = true;
  const check = () => { $("many-ok").disabled = !reason.value.trim() || confirm.value.trim() !== String(unseen); };
  reason.oninput = confirm.oninput = check;
  check();
  $("many-cancel").onclick = () => dialog.close();
  dialog.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    if ($("many-ok").disabled) return;
    dialog.close();
    busy(() => decideTogether(rows, unseen, dialog.querySelector("[name=many-verdict]:checked").value, reason.value.trim())).catch(quiet);
  };
  dialog.showModal();
  reason.focus();
}

async function decideTogether(rows, unseen, verdict, reason) {
  const findings = rows.map((row) => row.finding_id);
  const { done } = await ask("/api/together", { findings, verdict, reason, reviewer: reviewer(), not_looked_at: unseen, looked: findings.filter((id) => state.looked.has(id)) });
  state.done.push({ findings: done, verdict });
  await loadQueue();
  const next = nextOpen();
  if (next) await load(next.finding_id); else if (state.id) await load(state.id);
  const left = findings.length - done.length;
  hint(`Saved: ${done.length.toLocaleString("en")} findings ${verdict === "accept" ? "accepted" : "excluded"} together, ${unseen.toLocaleString("en")} of them not looked at${left ? `; ${left} were decided by somebody else meanwhile` : ""}. u takes them back.`);
  $("picture").focus({ preventScroll: true });
}

async function takeBackTogether({ findings, verdict }) {
  await busy(async () => {
    await ask("/api/undo-together", { findings, verdict, reviewer: reviewer() });
    await loadQueue();
    if (findings.length) await load(findings[0]);
  });
  hint(`Taken back: ${findings.length.toLocaleString("en")} findings.`);
}

// ---- editing ---------------------------------------------------------------------------------------------------

const draftKey = () => `draft ${state.item.image_sha256} ${state.id}`;
function draft() { try { return JSON.parse(sessionStorage.getItem(draftKey())); } catch { return null; } }
function forgetDraft() { sessionStorage.removeItem(draftKey()); }

function edit() {
  const { item } = state;
  if (!item?.has_picture || state.canvas) return;
  if (!reviewer()) { named(edit); return; }
  state.canvas = new Canvas($("image"), {
    size: item.size, scale: item.scale, reviewer: reviewer(),
    onChange: (objects) => { sessionStorage.setItem(draftKey(), JSON.stringify(objects)); drawOver(); drawFacts(); },
    onSelect: markChosen,
    onDrawn: () => { endTool(); hint("Drag a corner or use the arrows to change it. Enter when all is right."); },
    onProblem: hint,
  });
  state.canvas.label = item.label || item.objects[0]?.label || state.labels[0];
  state.canvas.load(draft() ?? item.objects.map((one) => ({ label: one.label, box: one.box, outlines: one.outlines ?? undefined, origin: one.id, track: one.track, changed: false })));
  $("frame").classList.add("editing");
  $("edit-tools").hidden = false;
  $("actions").hidden = true;
  zoomTo(state.zoom);
  const first = concerned();
  if (first) { const own = state.canvas.objects.find((one) => one.origin === first.id); if (own) state.canvas.select(own.key); }
  drawFacts();
  hint("Numbers select an object. Enter when it is right, Esc to leave it as it was.");
}

function leaveEdit() {
  endTool();
  state.canvas.destroy();
  state.canvas = null;
  $("frame").classList.remove("editing");
  $("edit-tools").hidden = true;
  $("actions").hidden = false;
  state.marked.clear();
  drawOver();
  drawFacts();
}

function endTool() {
  state.tool = state.cut = null;
  $("frame").classList.remove("cutting");
  state.canvas?.endTool();
  $("edit-tools").querySelectorAll("[aria-pressed]").forEach((one) => one.removeAttribute("aria-pressed"));
}

function useTool(key) {
  const again = state.tool === key;
  endTool();
  drawOver();
  if (again) return;
  if (key === "c") {
    if (!state.canvas.chosen) { hint("Select the object to cut first: press its number."); return; }
    state.cut = [];
    $("frame").classList.add("cutting");
    hint("Click two points: the object is cut along the line through them.");
  } else {
    state.canvas.tool(key === "p" ? "polygon" : "rectangle");
    hint(key === "p" ? "Click the corners; a double click ends the polygon." : "Drag the box over the picture.");
  }
  state.tool = key;
  $("edit-tools").querySelector(`[data-key="${key}"]`).setAttribute("aria-pressed", "true");
}

const sent = (one) => ({ box: one.box, outlines: one.outlines });

async function join() {
  const { canvas } = state, own = canvas.objects.filter((one) => state.marked.has(one.key));
  if (own.length < 2) { hint("Mark two objects or more: Shift and their numbers."); return; }
  if (new Set(own.map((one) => Boolean(one.outlines))).size > 1) { hint("A box and a mask cannot be joined."); return; }
  const { parts } = await ask("/api/shape", { size: state.item.size, join: true, objects: own.map(sent) });
  canvas.replace(own.map((one) => one.key), parts.map((part) => ({ ...part, box: part.box ?? boxOf(part.outlines), label: own[0].label, origin: own.find((one) => one.origin)?.origin ?? null })));
  state.marked.clear();
  drawFacts();
}

async function cut(points) {
  const { canvas } = state, own = canvas.find(canvas.chosen);
  endTool();
  if (!own) return;
  const { parts } = await ask("/api/shape", { size: state.item.size, cut: points, objects: [sent(own)] });
  canvas.replace([own.key], parts.map((part) => ({ ...part, box: part.box ?? boxOf(part.outlines), label: own.label, origin: own.origin })));
  hint("Cut in two.");
}

function boxOf(outlines) {
  const xs = outlines.flat().map(([x]) => x), ys = outlines.flat().map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function editKey(event) {
  const { canvas } = state, key = event.key;
  if (ARROWS[key] && canvas.chosen) {
    const [dx, dy] = ARROWS[key].map((one) => one * (event.altKey ? 10 : 1));
    if (event.shiftKey && canvas.find(canvas.chosen)?.outlines) hint("A mask is moved as a whole; drag its corners, or draw a box with b.");
    else canvas.nudge(canvas.chosen, dx, dy, event.shiftKey);
    return true;
  }
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (digit && canvas.objects[digit - 1]) {
    const own = canvas.objects[digit - 1].key;
    if (event.shiftKey) { state.marked.has(own) ? state.marked.delete(own) : state.marked.add(own); drawFacts(); } else canvas.select(own);
    return true;
  }
  return editCommand(key === "Backspace" ? "Delete" : key);
}

function editCommand(key) {
  const { canvas } = state;
  if (key === "Delete") { if (canvas.chosen) canvas.replace([canvas.chosen], []); else hint("Select an object first: press its number."); }
  else if (key === "b" || key === "p" || key === "c") useTool(key);
  else if (key === "m") join().catch(quiet);
  else if (key === "z") { if (!canvas.undo()) hint("Nothing is left to undo here."); }
  else if (key === "l") { const own = canvas.objects.findIndex((one) => one.key === canvas.chosen); $("facts").querySelectorAll(".objects select")[own]?.focus(); if (own < 0) hint("Select an object first: press its number."); }
  else if (key === "Enter") { if (canvas.objects.every((one) => !one.changed) && sameLabels()) hint("Nothing was changed."); else decide("edit"); }
  else if (key === "Escape") { if (state.tool) endTool(); else { forgetDraft(); leaveEdit(); hint(choices_of(state.item)); } drawOver(); }
  else return false;
  return true;
}

function sameLabels() {
  const { objects } = state.canvas, before = new Map(state.item.objects.map((one) => [one.id, one.label]));
  return objects.length === before.size && objects.every((one) => before.get(one.origin) === one.label);
}

const quiet = (error) => { if (!(error instanceof Refused)) throw error; };

// ---- keys, mouse, start ----------------------------------------------------------------------------------------

function command(key) {
  if (state.busy) { hint("One moment: the next finding is loading."); return true; }
  if (state.canvas) return editCommand(key);
  if (key === "a") decide("accept");
  else if (key === "r") decide("exclude");
  else if (key === "x") decide("picture");
  else if (key === "e") edit();
  else if (key === "n" || key === "s" || key === "ArrowDown") step(1);
  else if (key === "k" || key === "ArrowUp") step(-1);
  else if (key === "u") takeBack().catch(quiet);
  else return false;
  return true;
}

const inField = (target) => target.matches?.("input:not([type=checkbox]), textarea, select") ?? false;

// Before Annotorious hears it: its undo listens on the document, in text fields too.
window.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.stopImmediatePropagation();
    if (!inField(event.target) && state.canvas) { event.preventDefault(); editCommand("z"); }
    return;
  }
  if (document.querySelector("dialog[open]") || inField(event.target) || event.ctrlKey || event.metaKey) {
    if (inField(event.target) && event.key === "Escape") event.target.blur();
    return;
  }
  if (event.target.matches?.("button, summary, a") && (event.key === "Enter" || event.key === " ")) return;
  if (event.key === "?") $("keys").showModal();
  else if (event.key === "+" || event.key === "=") zoomTo(state.zoom * 1.25);
  else if (event.key === "-") zoomTo(state.zoom / 1.25);
  else if (event.key === "0") fit();
  else if (event.key === "h") hideAll();
  else if (state.canvas && !state.busy ? !editKey(event) : !command(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

for (const bar of [$("actions"), $("edit-tools")]) bar.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-key]");
  if (button) command(button.dataset.key);
});

function originalPoint(event) {
  const area = $("stage").getBoundingClientRect(), [width, height] = state.item.size;
  return [Math.round(((event.clientX - area.left) / area.width) * width * 10) / 10, Math.round(((event.clientY - area.top) / area.height) * height * 10) / 10];
}

$("frame").addEventListener("pointerdown", (event) => {
  if (state.cut) { event.preventDefault(); state.cut.push(originalPoint(event)); drawOver(); if (state.cut.length === 2) cut(state.cut).catch(quiet); return; }
  if (state.canvas || event.button !== 0 || event.pointerType === "touch") return;
  const frame = $("frame"), start = [event.clientX + frame.scrollLeft, event.clientY + frame.scrollTop];
  frame.classList.add("panning");
  const move = (now) => { frame.scrollLeft = start[0] - now.clientX; frame.scrollTop = start[1] - now.clientY; };
  const end = () => { frame.classList.remove("panning"); window.removeEventListener("pointermove", move); };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end, { once: true });
  event.preventDefault();
});
$("frame").addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const area = $("frame").getBoundingClientRect();
  zoomTo(state.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2), [event.clientX - area.left, event.clientY - area.top]);
}, { passive: false });

$("zoom-in").onclick = () => zoomTo(state.zoom * 1.25);
$("zoom-out").onclick = () => zoomTo(state.zoom / 1.25);
$("zoom-fit").onclick = fit;
$("together").onclick = together;
$("keys-button").onclick = () => $("keys").showModal();
$("rows").addEventListener("scroll", drawRows, { passive: true });
for (const id of ["by-state", "by-kind", "by-label"]) $(id).onchange = chooseFilter;
$("by-text").oninput = chooseFilter;
new ResizeObserver(() => { if (state.zoom === state.fit) fit(); drawRows(); }).observe($("frame"));
$("reviewer").value = localStorage.getItem("reviewer") ?? document.body.dataset.reviewer ?? "";
$("reviewer").onchange = () => busy(renamed).catch(quiet);
$("reviewer").onkeydown = (event) => { if (event.key === "Enter") event.target.blur(); };

async function start() {
  drawLayers();
  for (const id of ["by-state", "by-text"]) $(id).value = kept()[id] ?? $(id).value;
  if (narrow()) $("queue").open = false;
  await loadQueue();
  const at = sessionStorage.getItem("at"), there = state.rows.some((row) => row.finding_id === at);
  const first = there ? at : state.shown[0]?.finding_id;
  if (first) await open(first); else nothing();
  const events = new EventSource("/events");
  events.addEventListener("changed", async () => {
    try { await loadQueue(); if (state.item && !state.canvas && !document.querySelector("dialog[open]")) { const fresh = await ask(`/api/finding?id=${encodeURIComponent(state.id)}&reviewer=${encodeURIComponent(reviewer())}`); if (fresh.finding_id === state.id) { state.item = fresh; drawOver(); drawFacts(); } } } catch (error) { quiet(error); }
  });
}

start().catch(quiet);
