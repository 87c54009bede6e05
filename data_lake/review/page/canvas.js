"use strict";
// The drawing of objects on a picture: Annotorious draws and drags, this module rounds, clamps, keeps the history.
// Objects are {key, label, box | outlines, origin, changed, rle?} in pixels of the original picture.

const clamp = (value, most) => Math.min(Math.max(value, 0), most);

export class Canvas {
  // `size`: width and height of the original; `scale`: shown pixels = original pixels x scale.
  constructor(image, { size, scale, reviewer, onChange, onSelect, onDrawn, onProblem }) {
    Object.assign(this, { image, size, scale, onChange, onSelect, onDrawn, onProblem });
    this.objects = [];
    this.past = [];
    this.chosen = null;
    this.count = 0;
    this.anno = Annotorious.createImageAnnotator(image, { autoSave: true, drawingMode: "drag", drawingEnabled: false, style: (one) => this.style(one) });
    this.anno.setUser({ id: reviewer, name: reviewer });
    // It selects what was drawn after this event: take the drawing over once that is done.
    this.anno.on("createAnnotation", (made) => { if (!this.quiet) setTimeout(() => this.created(made)); });
    this.anno.on("updateAnnotation", (now) => this.updated(now));
    // That event comes a second after the drag: read the shape back when the button goes up, before any key can follow.
    this.ended = () => { const key = this.chosen; setTimeout(() => this.readBack(key)); };
    window.addEventListener("pointerup", this.ended, true);
    this.anno.on("selectionChanged", (chosen) => this.selected(chosen));
    this.labels = new MutationObserver(() => this.nameHandles());
    this.labels.observe(this.anno.element, { childList: true, subtree: true });
    const layer = this.anno.element.querySelector(".a9s-annotationlayer");
    layer.setAttribute("aria-label", "Drawn objects; select them by their numbers");
  }

  style(annotation) {
    const object = this.find(annotation.id);
    const pattern = object?.changed ? "#f0e442;stroke-dasharray:12 4 3 4" : object?.outlines ? "#4cc9ff" : "#ffb000";
    return { stroke: `${pattern};paint-order:stroke;filter:drop-shadow(0 0 1px #000)`, strokeWidth: 2.2, fill: object?.outlines ? "#4cc9ff" : "#000", fillOpacity: object?.outlines ? 0.22 : 0.01 };
  }

  find(key) { return this.objects.find((one) => one.key === key); }

  load(objects) {
    this.objects = objects.map((one) => ({ ...one, key: one.key ?? this.newKey() }));
    this.draw();
  }

  newKey() { return `o${++this.count}-${Date.now().toString(36)}`; }

  draw() {
    const chosen = this.chosen;
    this.quiet = true;
    this.anno.setAnnotations(this.objects.map((one) => this.toAnnotation(one)));
    this.quiet = false;
    if (chosen && this.find(chosen)) this.select(chosen); else this.chosen = null;
  }

  keep() { this.past.push(JSON.stringify(this.objects)); if (this.past.length > 200) this.past.shift(); }

  changed(draw = true) { if (draw) this.draw(); this.onChange(this.objects); }

  undo() {
    if (!this.past.length) return false;
    this.objects = JSON.parse(this.past.pop());
    this.changed();
    return true;
  }

  select(key) {
    this.chosen = key;
    this.quiet = true;
    if (key) this.anno.setSelected(key, true); else this.anno.cancelSelected();
    this.quiet = false;
    this.onSelect(key);
  }

  selected(chosen) {
    if (this.quiet) return;
    this.chosen = chosen[0]?.id ?? null;
    this.onSelect(this.chosen);
  }

  tool(name) {
    this.anno.cancelSelected();
    this.anno.setDrawingMode(name === "polygon" ? "click" : "drag");
    this.anno.setDrawingTool(name === "polygon" ? "polygon" : "rectangle");
    this.anno.setDrawingEnabled(true);
  }

  endTool() { this.anno.cancelDrawing(); this.anno.setDrawingEnabled(false); }

  created(made) {
    this.onDrawn();
    const shape = this.toShape(made);
    if (!shape) { this.draw(); return; }
    this.keep();
    const key = this.newKey();
    this.objects.push({ key, label: this.label, origin: null, changed: true, ...shape });
    this.chosen = key;
    this.changed();
  }

  updated(now) {
    if (this.quiet) return;
    const object = this.find(now.id), shape = this.toShape(now);
    if (!object) return;
    if (!shape) { this.draw(); return; }
    if (same(object, shape)) return;
    this.keep();
    Object.assign(object, shape, { changed: true, rle: undefined });
    this.quiet = true;
    this.anno.updateAnnotation(this.toAnnotation(object));
    this.quiet = false;
    this.changed(false);
    // A drag under 250 ms counts as a click and may clear the selection.
    setTimeout(() => { if (this.find(object.key)) this.select(object.key); });
  }

  readBack(key = this.chosen) {
    const now = key && this.anno.getAnnotationById(key);
    if (now) this.updated(now);
  }

  replace(keys, made) {
    this.keep();
    const place = this.objects.findIndex((one) => keys.includes(one.key));
    const rest = this.objects.filter((one) => !keys.includes(one.key));
    const fresh = made.map((one) => ({ key: this.newKey(), changed: true, ...one }));
    rest.splice(place < 0 ? rest.length : place, 0, ...fresh);
    this.objects = rest;
    this.chosen = fresh[0]?.key ?? null;
    this.changed();
  }

  relabel(key, label) {
    const object = this.find(key);
    if (!object || object.label === label) return;
    this.keep();
    object.label = label;
    this.changed();
  }

  // Move by dx, dy; `sides`: move the right and lower side alone.
  nudge(key, dx, dy, sides) {
    const object = this.find(key), [width, height] = this.size;
    if (!object || (object.outlines && sides)) return;
    this.keep();
    if (object.outlines) {
      const xs = object.outlines.flat().map(([x]) => x), ys = object.outlines.flat().map(([, y]) => y);
      const stepX = clamp(Math.min(...xs) + dx, width - (Math.max(...xs) - Math.min(...xs))) - Math.min(...xs);
      const stepY = clamp(Math.min(...ys) + dy, height - (Math.max(...ys) - Math.min(...ys))) - Math.min(...ys);
      object.outlines = object.outlines.map((one) => one.map(([x, y]) => [x + stepX, y + stepY]));
    } else {
      const [x1, y1, x2, y2] = object.box;
      object.box = sides ? [x1, y1, Math.max(clamp(x2 + dx, width), x1 + 1), Math.max(clamp(y2 + dy, height), y1 + 1)] : moved([x1, y1, x2, y2], dx, dy, this.size);
    }
    Object.assign(object, { changed: true, rle: undefined });
    this.chosen = key;
    this.changed();
  }

  toAnnotation(object) {
    const s = this.scale, shown = ([x, y]) => [x * s, y * s];
    let selector;
    if (object.outlines) {
      const rings = object.outlines.map((one) => one.map(shown));
      selector = rings.length === 1
        ? { type: "POLYGON", geometry: { points: rings[0], bounds: bounds(rings[0]) } }
        : { type: "MULTIPOLYGON", geometry: { polygons: nested(rings), bounds: bounds(rings.flat()) } };
    } else {
      const [x1, y1, x2, y2] = object.box.map((side) => side * s);
      selector = { type: "RECTANGLE", geometry: { x: x1, y: y1, w: x2 - x1, h: y2 - y1, bounds: { minX: x1, minY: y1, maxX: x2, maxY: y2 } } };
    }
    return { id: object.key, bodies: [], target: { annotation: object.key, selector } };
  }

  // The drawn shape, rounded and inside the picture; null for one that cannot be.
  toShape(annotation) {
    const { type, geometry } = annotation.target.selector, [width, height] = this.size, s = this.scale;
    if (type === "RECTANGLE") {
      if (geometry.rot) { this.onProblem("Boxes cannot be rotated."); return null; }
      const x = [geometry.x, geometry.x + geometry.w].map((v) => clamp(Math.round(v / s), width)).sort((a, b) => a - b);
      const y = [geometry.y, geometry.y + geometry.h].map((v) => clamp(Math.round(v / s), height)).sort((a, b) => a - b);
      if (x[1] - x[0] < 1 || y[1] - y[0] < 1) { this.onProblem("A box needs at least one pixel of the picture."); return null; }
      return { box: [x[0], y[0], x[1], y[1]], outlines: undefined };
    }
    const rings = type === "POLYGON" ? [geometry.points] : type === "MULTIPOLYGON" ? geometry.polygons.flatMap((one) => one.rings.map((ring) => ring.points)) : null;
    if (!rings) { this.onProblem("Only boxes and polygons can be drawn here."); return null; }
    const outlines = rings.map((ring) => ring.map(([x, y]) => [clamp(round(x / s), width), clamp(round(y / s), height)])).filter((ring) => ring.length > 2);
    if (!outlines.length || Math.abs(area(outlines[0])) < 1) { this.onProblem("A polygon needs at least one pixel of the picture."); return null; }
    return { outlines, box: boundsBox(outlines.flat()) };
  }

  nameHandles() {
    const object = this.find(this.chosen), name = object ? `${object.label} ${this.objects.indexOf(object) + 1}` : "object";
    this.anno.element.querySelectorAll('[role="button"]:not([aria-label])').forEach((one) => one.setAttribute("aria-label", `handle of ${name}`));
  }

  destroy() {
    window.removeEventListener("pointerup", this.ended, true);
    this.labels.disconnect();
    this.anno.destroy();
  }
}

const round = (value) => Math.round(value * 10) / 10;
const area = (ring) => ring.reduce((sum, [x, y], i) => { const [u, v] = ring[(i + 1) % ring.length]; return sum + x * v - u * y; }, 0) / 2;
const bounds = (points) => ({ minX: least(points, 0), minY: least(points, 1), maxX: most(points, 0), maxY: most(points, 1) });
const boundsBox = (points) => [Math.floor(least(points, 0)), Math.floor(least(points, 1)), Math.ceil(most(points, 0)), Math.ceil(most(points, 1))];
const least = (points, axis) => points.reduce((value, point) => Math.min(value, point[axis]), Infinity);
const most = (points, axis) => points.reduce((value, point) => Math.max(value, point[axis]), -Infinity);

function same(object, shape) {
  if (shape.outlines) return JSON.stringify(shape.outlines) === JSON.stringify(object.outlines?.map((one) => one.map(([x, y]) => [round(x), round(y)])));
  return JSON.stringify(shape.box) === JSON.stringify(object.box.map(Math.round));
}

function moved([x1, y1, x2, y2], dx, dy, [width, height]) {
  const x = clamp(x1 + dx, width - (x2 - x1)), y = clamp(y1 + dy, height - (y2 - y1));
  return [x, y, x + x2 - x1, y + y2 - y1];
}

function holds(ring, [x, y]) {
  let inside = false;
  ring.forEach(([x1, y1], i) => {
    const [x2, y2] = ring[(i + 1) % ring.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  });
  return inside;
}

// Rings as polygons with holes: a ring inside an odd number of others is a hole of the smallest of them.
function nested(rings) {
  const around = rings.map((ring) => rings.filter((other) => other !== ring && holds(other, ring[0])));
  const outer = rings.filter((_, i) => around[i].length % 2 === 0);
  return outer.map((ring) => {
    const holes = rings.filter((_, i) => around[i].length % 2 === 1 && around[i].slice().sort((a, b) => Math.abs(area(a)) - Math.abs(area(b)))[0] === ring);
    return { rings: [ring, ...holes].map((points) => ({ points })), bounds: bounds(ring) };
  });
}
