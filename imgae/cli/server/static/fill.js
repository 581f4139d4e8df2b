/** The panel that fills what is marked: tools, marks, found damage, and options. */

import { call, form, isAbort, recordOf } from "./api.js";
import { maskBitmap } from "./bitmap.js";
import { Slider } from "./controls.js";
import { $, choose, chosen, onChoice, recall, remember } from "./dom.js";
import { fillFields, isCurrent, keyOf } from "./fields.js";
import { number, onLanguage, t } from "./language.js";
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

const seedOf = ({ fields }) => Number(fields.seed ?? 0);

/** Return the fills that are kept of what is marked now. */
function variantsOf(picture) {
  const key = keyOf(fillFields(picture));
  return picture.works.fill.kept.filter((result) => result.key === key);
}

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
    if (picture?.settled) this.#begin(picture);
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
    const current = isCurrent(picture, "fill");
    $("fill").disabled = !picture.settled || strokes.isEmpty || works.fill.runs || current;
    $("fill").classList.toggle("primary", !current);
    const varies = Boolean(works.fill.result?.record.varies);
    $("variant").hidden = !varies;
    $("variant").disabled = !current || !varies;
    $("overlay").checked = strokes.shown;
    $("find").disabled = !picture.settled || this.#searching !== null;
    this.#tellVariants(picture, current);
  }

  /** Show which of the fills of these marks is seen. */
  #tellVariants(picture, current) {
    const all = current ? variantsOf(picture) : [];
    const at = all.indexOf(picture.works.fill.result);
    $("variants").hidden = all.length < 2;
    $("variants-at").textContent = t("variantsAt", { at: number(at + 1), all: number(all.length) });
    $("earlier").disabled = at <= 0;
    $("later").disabled = at >= all.length - 1;
  }

  /** Fill what is marked, or show the fill that is there; `another` fills with another texture. */
  async fill(another = false) {
    const picture = this.#picture;
    if (!picture?.settled || picture.strokes.isEmpty || picture.works.fill.runs) return;
    if (isCurrent(picture, "fill") !== another) return;
    const { works, strokes } = picture;
    const fields = fillFields(picture);
    const known = variantsOf(picture);
    const marks = [...strokes.ops];
    if (known.length && !another) return strokes.fill(known.at(-1), marks);
    if (another) fields.seed = String(Math.max(...known.map(seedOf)) + 1);
    works.denoise.stop();
    const result = await works.fill.run(fields);
    if (!result) return;
    picture.saved = false;
    strokes.fill(result, marks);
    strokes.keep(works.fill.kept);
  }

  /** Show the fill of the same marks that was made before (-1) or after the one that is shown. */
  #step(by) {
    const all = variantsOf(this.#picture);
    this.#picture.strokes.pick(all[all.indexOf(this.#picture.works.fill.result) + by]);
  }

  /** Take back what was done last: a stroke, a fill, or the fill that is being made. */
  #undo() {
    const { strokes, works } = this.#picture;
    if (works.fill.runs && works.fill.key === keyOf(fillFields(this.#picture))) works.fill.cancel();
    else strokes.undo();
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
    $("undo").addEventListener("click", () => this.#undo());
    $("redo").addEventListener("click", () => strokes().redo());
    $("clear").addEventListener("click", () => strokes().clear());
    $("invert").addEventListener("click", () => strokes().invert());
    $("overlay").addEventListener("change", () => {
      strokes().shown = $("overlay").checked;
    });
    $("overlay-color").addEventListener("click", () => {
      this.#color = this.#color === "red" ? "green" : "red";
      remember(COLOR_KEY, this.#color);
      this.#show();
    });
    $("find").addEventListener("click", () => this.#find());
    $("fill").addEventListener("click", () => this.fill());
    $("variant").addEventListener("click", () => this.fill(true));
    $("earlier").addEventListener("click", () => this.#step(-1));
    $("later").addEventListener("click", () => this.#step(1));
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
    this.viewer.tool = usable ? makeTool(chosen("tool"), this.viewer, picture.strokes, this.#settings) : null;
    this.viewer.painter = usable ? (context, view) => picture.strokes.paint(context, view) : () => {};
    if (usable && chosen("tool") === "eraser") picture.strokes.shown = true;
    this.#show();
  }

  #show() {
    document.body.dataset.overlay = this.#color;
    const strokes = this.#picture?.strokes;
    if (!strokes?.size) return this.viewer.repaint();
    if (strokes.color !== COLORS[this.#color]) strokes.color = COLORS[this.#color];
    this.viewer.repaint();
  }

  #describe() {
    const tool = chosen("tool");
    $("tool-help").textContent = t(`${tool}Help`);
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
