/** The panel that removes noise: what was found, how much to remove, and with which model. */

import { $, choose, make, onChoice } from "./dom.js";
import { Slider } from "./controls.js";
import { tell } from "./dock.js";
import { DENOISE, denoiseFields, keyOf } from "./fields.js";
import { number, onLanguage, t } from "./language.js";

const LEVEL = { id: "level", min: 0, max: 100, step: 1, value: 10 };
const RANGES = [
  { id: "strength", min: 0, max: 2, step: 0.05, value: 1 },
  { id: "luma", min: 0, max: 2, step: 0.05, value: 1 },
  { id: "chroma", min: 0, max: 2, step: 0.05, value: 1 },
  { id: "detail", min: 0, max: 1, step: 0.05, value: 0 },
  { id: "grain", min: 0, max: 1, step: 0.05, value: 0 },
];
/** Controls that the model for cameras takes up to 1 alone. */
const TO_ONE = new Set(["strength", "luma", "chroma"]);
const ORDER = ["fast", "balanced", "best", "camera"];

const kindOf = (name) => /^denoise-(\w+?)(?:-int8)?$/.exec(name)?.[1] ?? null;
const capital = (word) => word[0].toUpperCase() + word.slice(1);

export class DenoisePanel {
  #models = [];

  /**
   * @param {import("./pictures.js").Pictures} pictures
   * @param {() => void} changed called when the user changed something
   */
  constructor(pictures, changed) {
    this.pictures = pictures;
    this.changed = changed;
    this.level = new Slider(LEVEL, (value) => this.#set("level", value));
    this.sliders = RANGES.map((range) => [range.id, new Slider(range, (value) => this.#set(range.id, value))]);
    onChoice("level-mode", (mode) => {
      this.level.usual = this.#start();
      this.#set("level", mode === "own" ? this.level.usual : null);
    });
    $("model").addEventListener("change", () => this.#set("model", $("model").value));
    $("reset-all").addEventListener("click", () => this.#put({ ...DENOISE }));
    $("apply-all").addEventListener("click", () => this.#applyAll());
    onLanguage(() => this.#list());
  }

  set models(models) {
    this.#models = models.filter(({ task }) => task === "denoise");
    this.#list();
  }

  /** Show the settings of a picture, and what was found in it. */
  render(picture) {
    const { level, model, ...others } = picture.settings.denoise;
    const camera = kindOf(model) === "camera";
    choose("level-mode", level === null ? "found" : "own");
    $("level-mode").disabled = camera;
    this.level.hidden = level === null;
    if (level !== null) this.level.value = level;
    for (const [id, slider] of this.sliders) {
      if (TO_ONE.has(id)) slider.limit = camera ? 1 : 2;
      if (slider.value !== others[id]) slider.value = others[id];
    }
    $("model").value = model;
    $("model-help").textContent = kindOf(model) || !model ? t(`model${capital(kindOf(model) ?? "auto")}Help`) : "";
    $("denoise-alone").hidden = !picture.works.fill.result;
    $("apply-all").hidden = this.pictures.list.length < 2;
    this.#tell(picture);
  }

  #tell(picture) {
    const { level } = picture.settings.denoise;
    const found = picture.found ?? measured(picture.works.denoise.result?.record);
    $("found").textContent = $("found-more").textContent = "";
    if (picture.problem) return;
    const kind = level !== null ? "Given" : found ? capital(found.kind) : "Wait";
    const shown = level ?? found?.sigma ?? 0;
    $("found").textContent = t(`found${kind}`, { level: number(shown, { maximumFractionDigits: 1 }) });
    $("found-more").textContent = kind !== "Wait" ? t(`found${kind}Help`) : picture.crop?.draft ? t("foundDraft") : "";
  }

  /** Return the level to start from when the user wants an own one. */
  #start() {
    return Math.min(100, Math.round(this.pictures.current?.found?.sigma || LEVEL.value));
  }

  #set(name, value) {
    const { settings } = this.pictures.current;
    const more = name === "model" && kindOf(value) === "camera" ? capped(settings.denoise) : {};
    this.#put({ ...settings.denoise, ...more, [name]: value });
  }

  #put(settings) {
    const picture = this.pictures.current;
    picture.settings.denoise = settings;
    picture.cropProblem = null;
    this.changed();
    picture.changed();
  }

  #applyAll() {
    const { settings } = this.pictures.current;
    const { list } = this.pictures;
    const usable = list.filter(({ problem }) => !problem);
    for (const picture of usable) {
      picture.settings.denoise = { ...settings.denoise };
      const fields = denoiseFields(settings.denoise);
      const key = keyOf(fields);
      const { denoise } = picture.works;
      const made = denoise.runs ? denoise.key : denoise.result?.key;
      if (made !== key) denoise.run(fields, { patient: true });
    }
    const failed = list.length - usable.length;
    tell(t(failed ? "appliedSome" : "applied", { count: number(usable.length), failed: number(failed) }));
    this.pictures.current.changed();
  }

  /** Fill the list of models with those whose number format suits the machine. */
  #list() {
    const int8 = this.#models.some((model) => model.default && model.precision === "int8");
    const rank = (model) => (ORDER.indexOf(kindOf(model.name)) + ORDER.length + 1) % (ORDER.length + 1);
    const usual = this.#models.filter(({ precision }) => (precision === "int8") === int8);
    const sorted = usual.toSorted((one, other) => rank(one) - rank(other));
    const value = $("model").value;
    const automatic = make("option", { value: "", textContent: t("modelDefault", { name: t("modelAuto") }) });
    $("model").replaceChildren(automatic, ...sorted.map(option));
    $("model").value = value;
  }
}

/** Return what a whole that is done tells of its noise, where no crop did; null if it tells nothing. */
function measured(record) {
  if (record?.sigma_source === "estimated") return { kind: "white", sigma: record.sigma };
  return record?.sigma_source === "removed" ? { kind: "camera" } : null;
}

/** Return settings with all that the model for cameras does not take set to what it takes. */
function capped(settings) {
  const values = [...TO_ONE].map((name) => [name, Math.min(1, settings[name])]);
  return { ...Object.fromEntries(values), level: null };
}

function option({ name }) {
  const kind = kindOf(name);
  return make("option", { value: name, textContent: ORDER.includes(kind) ? t(`model${capital(kind)}`) : name });
}
