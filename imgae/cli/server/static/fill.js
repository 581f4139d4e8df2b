/** The panel that fills what is marked: tools, marks, found damage, and options. */

import { call, form, isAbort, recordOf } from "./api.js";
import { maskBitmap } from "./bitmap.js";
import { Slider } from "./controls.js";
import { $, choose, chosen, onChoice, recall, remember } from "./dom.js";
import { number, onLanguage, t } from "./language.js";
import { FILL } from "./pictures.js";
import { makeTool } from "./tools.js";
import { asProblem } from "./work.js";
import { sentence } from "./dock.js";

const COLORS = { red: "#e5002b", green: "#00b84a" };
const COLOR_KEY = "imgae-overlay";
const STEP = 1.2;

const SIZE = { id: "size", min: 1, max: 400, step: 1, value: 40 };
const TOLERANCE = { id: "tolerance", min: 0, max: 128, step: 1, value: 16 };
const SENSITIVITY = { id: "sensitivity", min: 0, max: 1, step: 0.05, value: 0.5 };
const FEATHER = { id: "feather", min: 0, max: 50, step: 1, value: 0 };
/** Check boxes by their setting. */
const BOXES = { texture: "texture", "keep-noise": "noise", "denoise-too": "denoise" };

/** Return the fields of a request that fills the marks of a picture. */
export function fillFields(picture) {
  const { feather, texture, noise, denoise, seed } = picture.settings.fill;
  const fields = { strokes: JSON.stringify(picture.strokes) };
  if (feather !== FILL.feather) fields.feather = String(feather);
  if (!texture) fields["no-texture"] = "true";
  if (!noise) fields["no-grain"] = "true";
  if (denoise) fields.denoise = "true";
  if (seed !== FILL.seed) fields.seed = String(seed);
  return fields;
}

const keyOf = (picture) => JSON.stringify(fillFields(picture));

/** Return the answer with the mask, a PNG, that strokes give. */
export function maskOf(picture, strokes, options = {}) {
  const send = (id) =>
    call("/v1/mask", { method: "POST", body: form({ picture: id, strokes: JSON.stringify(strokes) }), ...options });
  return picture.withId(send);
}

export class FillPanel {
  /** @type {import("./pictures.js").Picture|null} */
  #picture = null;
  #searching = null;
  #color = recall(COLOR_KEY) === "green" ? "green" : "red";
  #settings;
  #said = () => "";

  constructor(viewer) {
    this.viewer = viewer;
    this.size = new Slider(SIZE, () => viewer.repaint());
    this.tolerance = new Slider(TOLERANCE, () => {});
    this.sensitivity = new Slider(SENSITIVITY, () => {});
    this.feather = new Slider(FEATHER, (value) => this.#set("feather", value));
    this.#settings = this.#toolSettings();
    this.#listen();
    onLanguage(() => this.#describe());
  }

  /** Draw on a picture from now on; null draws on none. */
  watch(picture) {
    if (picture !== this.#picture) {
      this.#searching?.abort();
      this.#picture?.strokes.removeEventListener("change", this.#marked);
      picture?.strokes.addEventListener("change", this.#marked);
      this.#picture = picture;
      this.#say(() => "");
    }
    if (picture?.shown) this.#begin(picture);
    this.#hold();
  }

  render(picture) {
    const { fill } = picture.settings;
    const { strokes, works } = picture;
    if (this.feather.value !== fill.feather) this.feather.value = fill.feather;
    for (const [id, name] of Object.entries(BOXES)) $(id).checked = fill[name];
    $("undo").disabled = !strokes.canUndo;
    $("redo").disabled = !strokes.canRedo;
    $("clear").disabled = strokes.isEmpty;
    $("fill").disabled = !picture.shown || strokes.isEmpty || works.fill.runs;
    $("fill").classList.toggle("primary", this.changed(picture));
    $("variant").hidden = !works.fill.result?.record.varies;
    $("variant").disabled = works.fill.runs || strokes.isEmpty;
    $("find").disabled = !picture.shown || this.#searching !== null;
  }

  /** Whether a fill would give another result than the one there is. */
  changed(picture) {
    return picture.works.fill.result?.key !== keyOf(picture);
  }

  /** Fill what is marked; `another` with another texture. */
  async fill(another = false) {
    const picture = this.#picture;
    if (!picture?.shown || picture.strokes.isEmpty || picture.works.fill.runs) return;
    if (another) picture.settings.fill.seed += 1;
    const { works, strokes } = picture;
    const before = works.fill.result;
    const count = strokes.ops.length;
    works.denoise.stop();
    await works.fill.run(fillFields(picture), keyOf(picture));
    if (!works.fill.result || works.fill.result === before) return;
    picture.saved = false;
    strokes.since = count;
    picture.changed();
  }

  /** Whether Enter on the picture fills: not while the keys draw, or a shape is open. */
  get mayFill() {
    return !$("fill").disabled && !this.viewer.keys.cross && !this.viewer.tool?.shape;
  }

  /** Make the brush smaller (-1) or larger (1). */
  resize(direction) {
    const { value } = this.size;
    this.size.step(direction * Math.max(1, Math.round(value * STEP - value)));
  }

  pick(tool) {
    choose("tool", tool);
    this.#hold();
    this.#describe();
  }

  #listen() {
    const strokes = () => this.#picture.strokes;
    $("undo").addEventListener("click", () => strokes().undo());
    $("redo").addEventListener("click", () => strokes().redo());
    $("clear").addEventListener("click", () => strokes().clear());
    $("invert").addEventListener("click", () => {
      strokes().since = 0;
      strokes().invert();
    });
    $("overlay").addEventListener("change", () => this.#show());
    $("overlay-color").addEventListener("click", () => {
      this.#color = this.#color === "red" ? "green" : "red";
      remember(COLOR_KEY, this.#color);
      this.#show();
    });
    $("find").addEventListener("click", () => this.#find());
    $("fill").addEventListener("click", () => this.fill());
    $("variant").addEventListener("click", () => this.fill(true));
    for (const [id, name] of Object.entries(BOXES)) {
      $(id).addEventListener("change", () => this.#set(name, $(id).checked));
    }
    onChoice("tool", (tool) => this.pick(tool));
  }

  #toolSettings() {
    const panel = this;
    return {
      get size() {
        return panel.size.value;
      },
      get tolerance() {
        return panel.tolerance.value;
      },
      rendered: (op) => panel.#rendered(panel.#picture, op),
    };
  }

  /** The first time that a picture can be drawn on. */
  #begin({ strokes, shown }) {
    const longest = Math.max(shown.width, shown.height);
    this.size.limit = Math.max(100, Math.round(longest / 4));
    if (strokes.size) return;
    strokes.size = { width: shown.width, height: shown.height };
    this.size.value = Math.max(8, Math.round(longest / 40));
  }

  /** Put the tool into the viewer, and the marks over it. */
  #hold() {
    const picture = this.#picture;
    const usable = picture?.strokes.size;
    this.viewer.tool = usable ? this.#tool(picture.strokes) : null;
    this.viewer.painter = usable ? (context, view) => picture.strokes.paint(context, view) : () => {};
    if (usable && chosen("tool") === "eraser") picture.strokes.since = 0;
    this.#show();
  }

  /** Make the chosen tool; the eraser shows also the marks that are filled. */
  #tool(strokes) {
    const name = chosen("tool");
    const tool = makeTool(name, this.viewer, strokes, this.#settings);
    if (name !== "eraser") return tool;
    const { down } = tool;
    tool.down = (point) => {
      strokes.since = 0;
      down(point);
    };
    return tool;
  }

  #show() {
    document.body.dataset.overlay = this.#color;
    const strokes = this.#picture?.strokes;
    if (!strokes?.size) return this.viewer.repaint();
    if (strokes.color !== COLORS[this.#color]) strokes.color = COLORS[this.#color];
    if (strokes.shown !== $("overlay").checked) strokes.shown = $("overlay").checked;
    this.viewer.repaint();
  }

  #describe() {
    const tool = chosen("tool");
    $("tool-help").textContent = t(`${tool}Help`);
    $("tool-help").hidden = tool === "brush";
    this.size.hidden = tool !== "brush" && tool !== "eraser";
    this.tolerance.hidden = tool !== "color";
    $("find-said").textContent = this.#said();
  }

  #marked = () => {
    this.viewer.repaint();
    this.#picture.changed();
  };

  #set(name, value) {
    this.#picture.settings.fill[name] = value;
    this.#picture.changed();
  }

  async #rendered(picture, op, options) {
    const answer = await maskOf(picture, [op], options);
    const { width, height } = picture.shown;
    return maskBitmap(await answer.blob(), width, height);
  }

  /** Find damage, and add it to the marks. */
  async #find() {
    const picture = this.#picture;
    const defects = [...document.querySelectorAll('input[name="defect"]:checked')].map(({ value }) => value);
    const control = new AbortController();
    const op = { tool: "detect", defects, sensitivity: this.sensitivity.value };
    this.#searching = control;
    this.#say(() => t("finding"));
    picture.changed();
    try {
      if (!defects.length) return this.#say(() => t("findNone"));
      const answer = await maskOf(picture, [op], { signal: control.signal });
      const { width, height } = picture.shown;
      const share = (recordOf(answer).marked ?? 0) / (width * height);
      const bitmap = await maskBitmap(await answer.blob(), width, height);
      if (control.signal.aborted) return;
      if (share > 0) picture.strokes.add({ ...op, bitmap });
      this.#say(() => (share > 0 ? t("findPart", { percent: percent(share) }) : t("findNone")));
    } catch (error) {
      if (!isAbort(error)) this.#say(() => sentence("errorFind", asProblem(error)));
    } finally {
      this.#searching = null;
      picture.changed();
    }
  }

  #say(text) {
    this.#said = text;
    $("find-said").textContent = text();
  }
}

/** Return a share as a percentage of two digits; a tiny one still says something. */
const percent = (share) => number(Math.max(share, 1e-5), { style: "percent", maximumSignificantDigits: 2 });
