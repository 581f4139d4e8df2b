/** The panel that fills what is marked: tools, marks, found damage, and options. */

import { isAbort, recordOf } from "./api.js";
import { Slider } from "./controls.js";
import { tell } from "./dock.js";
import { $, choose, chosen, later, onChoice, recall, remember } from "./dom.js";
import { fillFields, isCurrent, isDenoised, keyOf, startsDenoised } from "./fields.js";
import { number, onLanguage, t } from "./language.js";
import { bitmapOf, maskOf } from "./masks.js";
import { makeTool } from "./tools.js";
import { lastShown, newSeed, step, tellVariants } from "./variants.js";
import { asProblem } from "./work.js";

const COLORS = { red: "#e5002b", green: "#00b84a" };
const COLOR_KEY = "imgae-overlay";
const STEP = 1.2;
/** For so long the size of the brush is shown once it has changed. */
const SIZE_MS = 1000;

/** Help with a tool for those who have no keys, where it differs. */
const TOUCH = { brush: "fillLead", box: "boxTouch", polygon: "polygonTouch", pan: "panTouch" };
const FINGERS = matchMedia("(hover: none)");

const SIZE = { id: "size", min: 1, max: 400, step: 1, value: 40 };
const TOLERANCE = { id: "tolerance", min: 0, max: 128, step: 1, value: 16 };
const SENSITIVITY = { id: "sensitivity", min: 0, max: 1, step: 0.05, value: 0.5 };
const FEATHER = { id: "feather", min: 0, max: 50, step: 1, value: 0 };
/** Check boxes by their setting. */
const BOXES = { texture: "texture", "keep-noise": "noise" };

export class FillPanel {
  /** @type {import("./pictures.js").Picture|null} */
  #picture = null;
  #color = recall(COLOR_KEY) === "green" ? "green" : "red";
  #said = () => "";
  /** The longer side of the picture that was drawn on last. */
  #longest = 0;
  #hideSize = later(() => this.viewer.point(null), SIZE_MS);

  constructor(viewer) {
    this.viewer = viewer;
    this.size = new Slider(SIZE, () => this.#showSize());
    this.tolerance = new Slider(TOLERANCE, () => {});
    this.sensitivity = new Slider(SENSITIVITY, () => {});
    this.feather = new Slider(FEATHER, (value) => this.#set("feather", value));
    this.#listen();
    viewer.addEventListener("comparing", () => this.#picture && this.#hold());
    onLanguage(() => this.#describe());
  }

  /** Draw on a picture from now on; null draws on none. */
  watch(picture) {
    if (picture !== this.#picture) {
      this.#picture?.searching?.abort();
      this.#picture?.strokes.removeEventListener("change", this.#marked);
      picture?.strokes.addEventListener("change", this.#marked);
      if (picture) picture.wasDenoised = isDenoised(picture);
      this.#picture = picture;
      this.#say(() => "");
    }
    if (picture?.settled) {
      this.#begin(picture);
      this.#prepare(picture);
    }
    // With an eraser there is nothing to begin with.
    if (picture?.strokes.isEmpty && chosen("tool") === "eraser") this.pick("brush");
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
    $("find").disabled = !picture.settled || picture.searching !== null;
    const frames = picture.info?.frames ?? 1;
    $("fill-frames").hidden = frames < 2;
    $("fill-frames").textContent = t("fillFrames", { count: number(frames) });
    $("from-denoised").checked = startsDenoised(picture);
    tellVariants(picture, current);
  }

  /** Fill what is marked, or show the fill that is there; `another` fills with another texture. */
  async fill(another = false) {
    const picture = this.#picture;
    if (!picture?.settled || picture.strokes.isEmpty || picture.works.fill.runs) return;
    if (isCurrent(picture, "fill") !== another) return;
    const { works, strokes } = picture;
    const fields = fillFields(picture);
    const known = lastShown(picture);
    const marks = [...strokes.ops];
    if (known && !another) return strokes.fill(known, marks);
    if (another) fields.seed = newSeed(picture);
    this.#makeRoom(picture);
    const result = await works.fill.run(fields);
    if (!result) return;
    strokes.fill(result, marks);
    strokes.keep(works.fill.kept);
  }

  /** Try again what failed: the fill, another variant, or what it starts from. */
  again() {
    this.#prepare(this.#picture);
    return this.fill(isCurrent(this.#picture, "fill"));
  }

  /** Let what the user waits for go before a denoised picture that it does not need. */
  #makeRoom(picture) {
    if (!startsDenoised(picture)) picture.works.denoise.stop();
  }

  /** Start from the denoised picture, or from the original. */
  #startFrom(denoised) {
    const picture = this.#picture;
    picture.fromDenoised = denoised;
    this.#prepare(picture);
    picture.changed();
  }

  /** Have the denoised picture made where fills start from it. What goes wrong is told of it. */
  #prepare(picture) {
    if (startsDenoised(picture)) picture.denoised().catch(() => {});
  }

  /** Take all marks and fills away, and say that they can come back. */
  #clear() {
    this.#picture.strokes.clear();
    tell(t("cleared"));
  }

  /** Take back what was done last: a stroke, a fill, or the fill that is being made. */
  #undo() {
    const { strokes, works } = this.#picture;
    if (works.fill.runs && works.fill.key === keyOf(fillFields(this.#picture))) works.fill.cancel();
    else strokes.undo();
  }

  /** Whether Enter on the picture fills: not while the keys draw a stroke, or a shape is open. */
  get mayFill() {
    return !$("fill").disabled && !this.viewer.keys.holds && !this.viewer.tool?.shape;
  }

  /** Make the brush smaller (-1) or larger (1). */
  resize(direction) {
    const { value } = this.size;
    this.size.step(direction * Math.max(1, Math.round(value * STEP - value)));
  }

  pick(tool) {
    choose("tool", tool);
    this.viewer.compare = null;
    this.#hold();
    this.#describe();
  }

  #listen() {
    const strokes = () => this.#picture.strokes;
    $("undo").addEventListener("click", () => this.#undo());
    $("redo").addEventListener("click", () => strokes().redo());
    $("clear").addEventListener("click", () => this.#clear());
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
    $("earlier").addEventListener("click", () => step(this.#picture, -1));
    $("later").addEventListener("click", () => step(this.#picture, 1));
    $("from-denoised").addEventListener("change", () => this.#startFrom($("from-denoised").checked));
    for (const [id, name] of Object.entries(BOXES)) {
      $(id).addEventListener("change", () => this.#set(name, $(id).checked));
    }
    onChoice("tool", (tool) => this.pick(tool));
  }

  #toolSettings(picture) {
    const panel = this;
    return {
      get size() {
        return panel.size.value;
      },
      get tolerance() {
        return panel.tolerance.value;
      },
      rendered: (op) => panel.#rendered(picture, op),
    };
  }

  /** The first time that a picture can be drawn on. */
  #begin({ strokes, shown }) {
    const longest = Math.max(shown.width, shown.height);
    this.size.limit = Math.max(100, Math.round(longest / 4));
    this.size.usual = Math.max(8, Math.round(longest / 40));
    // Between pictures of other sizes the brush keeps the size that it has on the screen.
    this.size.value = this.#longest ? Math.round((this.size.value * longest) / this.#longest) : this.size.usual;
    this.#longest = longest;
    if (!strokes.size) strokes.size = { width: shown.width, height: shown.height };
  }

  /** Show in the middle how large the brush is, for a moment. */
  #showSize() {
    const { width, height } = this.viewer.camera;
    this.viewer.point({ x: width / 2, y: height / 2 });
    this.#hideSize();
  }

  /** Put the tool into the viewer, and the marks over it; while before and after are compared, there are none. */
  #hold() {
    const picture = this.#picture;
    const usable = picture?.strokes.size && this.viewer.compare === null;
    const settings = this.#toolSettings(picture);
    this.viewer.tool = usable ? makeTool(chosen("tool"), this.viewer, picture.strokes, settings) : null;
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
    $("tool-help").textContent = t((FINGERS.matches && TOUCH[tool]) || `${tool}Help`);
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

  /** Return the mask of a colour, as what to draw; says why where there is none. */
  async #rendered(picture, op) {
    picture.markProblem = null;
    this.#makeRoom(picture);
    try {
      const answer = await maskOf(picture, [op]);
      return await bitmapOf(picture, answer);
    } catch (error) {
      picture.markProblem = asProblem(error);
      throw error;
    }
  }

  /** Find damage, and add it to the marks. */
  async #find() {
    const picture = this.#picture;
    const defects = [...document.querySelectorAll('input[name="defect"]:checked')].map(({ value }) => value);
    const control = new AbortController();
    const op = { tool: "detect", defects, sensitivity: this.sensitivity.value };
    if (picture.strokes.has(op)) return this.#say(() => t("findAgain"));
    picture.searching = control;
    picture.markProblem = null;
    this.#makeRoom(picture);
    this.#say(() => "");
    picture.changed();
    try {
      if (!defects.length) return this.#say(() => t("findNone"));
      const answer = await maskOf(picture, [op], { signal: control.signal });
      const { width, height } = picture.shown;
      const share = (recordOf(answer).marked ?? 0) / (width * height);
      const bitmap = await bitmapOf(picture, answer);
      if (control.signal.aborted) return;
      if (share > 0) picture.strokes.add({ ...op, bitmap });
      this.#say(() => (share > 0 ? t("findPart", { percent: percent(share) }) : t("findNone")));
    } catch (error) {
      if (!isAbort(error)) picture.markProblem = asProblem(error);
    } finally {
      if (picture.searching === control) picture.searching = null;
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
