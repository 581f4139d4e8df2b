/** Denoises what is looked at, as a crop at once, and the whole a little later. */

import { call, form, isAbort, recordOf } from "./api.js";
import { later } from "./dom.js";
import { DENOISE } from "./pictures.js";
import { asProblem } from "./work.js";

const CROP_MS = 120;
const WHOLE_MS = 600;
const LARGEST = 1024;
const FRAMED = 512;

/** Return the fields of a request that say other than what `imgae denoise` does without options. */
export function fieldsOf({ level, ...settings }) {
  const fields = level === null ? {} : { sigma: String(level) };
  for (const [name, value] of Object.entries(settings)) {
    if (value !== DENOISE[name]) fields[name] = String(value);
  }
  return fields;
}

export const keyOf = (settings) => JSON.stringify(fieldsOf(settings));

/** Return the part to denoise first, [x, y, w, h]: what is seen at 100%, else the middle of it. */
export function cropOf({ x, y, w, h }, scale) {
  const most = scale < 1 ? FRAMED : LARGEST;
  const width = Math.min(w, most);
  const height = Math.min(h, most);
  return [x + Math.floor((w - width) / 2), y + Math.floor((h - height) / 2), width, height];
}

export class Live {
  /** @type {import("./pictures.js").Picture|null} */
  #picture = null;
  #control = null;
  #cropSoon = later(() => this.#crop(), CROP_MS);
  #wholeSoon = later(() => {
    this.#due = true;
    this.#whole();
  }, WHOLE_MS);
  /** Whether it is time for the whole, which lets a crop go first. */
  #due = false;

  constructor(viewer) {
    this.viewer = viewer;
    viewer.addEventListener("viewchange", () => this.#moved());
  }

  /** Work on a picture from now on; null stops. A whole that runs goes on. */
  watch(picture) {
    if (picture === this.#picture) return;
    this.#stop();
    this.#picture = picture;
    if (picture) this.change();
  }

  /** The settings are others, or the picture can be seen now. */
  change() {
    const picture = this.#picture;
    if (!picture) return;
    this.#stop();
    const key = keyOf(picture.settings.denoise);
    const work = picture.works.denoise;
    if (work.runs && work.key !== key) work.stop();
    picture.busy = false;
    if (work.result?.key === key) return;
    this.#cropSoon();
    if (!work.runs) this.#wholeSoon();
  }

  /** Draw a frame around the crop where it is a small part of what is seen. */
  frame(context) {
    const { crop, scale } = this.viewer;
    if (!crop || scale >= 1) return;
    context.lineWidth = 3 / scale;
    context.strokeStyle = "#0009";
    context.strokeRect(crop.x, crop.y, crop.w, crop.h);
    context.lineWidth = 1 / scale;
    context.strokeStyle = "#fff";
    context.strokeRect(crop.x, crop.y, crop.w, crop.h);
  }

  #stop() {
    this.#control?.abort();
    this.#control = null;
    this.#due = false;
    this.#cropSoon.cancel();
    this.#wholeSoon.cancel();
  }

  /** What is seen is another part: denoise that, unless the whole is there. */
  #moved() {
    const picture = this.#picture;
    if (!picture?.crop || picture.works.denoise.result?.key === picture.crop.key) return;
    const [x, y, w, h] = cropOf(this.viewer.visible(), this.viewer.scale);
    const { crop } = picture;
    const inside = x >= crop.x && y >= crop.y && x + w <= crop.x + crop.w && y + h <= crop.y + crop.h;
    if (!inside) this.#cropSoon();
  }

  async #crop() {
    const picture = this.#picture;
    if (!picture.shown || picture.problem) return;
    this.#control?.abort();
    this.#control = null;
    const box = cropOf(this.viewer.visible(), this.viewer.scale);
    if (box[2] < 1 || box[3] < 1) return;
    this.#control = new AbortController();
    const { signal } = this.#control;
    const settings = { ...picture.settings.denoise };
    const onWait = () => {
      picture.busy = true;
      picture.changed();
    };
    try {
      const answer = await picture.withId((id) => {
        signal.throwIfAborted();
        const body = form({ picture: id, ...fieldsOf(settings), crop: box.join(",") });
        return call("/v1/denoise", { method: "POST", body, signal, onWait });
      });
      const url = URL.createObjectURL(await answer.blob());
      if (signal.aborted) return URL.revokeObjectURL(url);
      keepCrop(picture, box, url, settings, recordOf(answer));
    } catch (error) {
      if (isAbort(error)) return;
      picture.cropProblem = asProblem(error);
    }
    this.#control = null;
    picture.busy = false;
    this.#whole();
    picture.changed();
  }

  #whole() {
    if (!this.#due || this.#control) return;
    this.#due = false;
    const { works, settings, problem } = this.#picture;
    if (problem) return;
    works.denoise.run(fieldsOf(settings.denoise), keyOf(settings.denoise));
  }
}

/** Keep a crop and what was found in its picture. */
function keepCrop(picture, [x, y, w, h], url, settings, record) {
  const old = picture.crop;
  picture.crop = { url, x, y, w, h, key: keyOf(settings) };
  picture.cropProblem = null;
  if (settings.level === null && record.found) picture.found = record.found;
  if (old) setTimeout(() => URL.revokeObjectURL(old.url), 2000);
}
