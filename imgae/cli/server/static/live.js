/** Denoises what is looked at, as a crop at once, and the whole a little later. */

import { call, form, isAbort, recordOf } from "./api.js";
import { later } from "./dom.js";
import { denoiseFields, keyOf } from "./fields.js";
import { t } from "./language.js";
import { asProblem } from "./work.js";

const CROP_MS = 120;
const WHOLE_MS = 600;
const LARGEST = 1024;
const FRAMED = 512;

/** Return the part to denoise first, [x, y, w, h]: what is seen at 100%, else the middle of it. */
function cropOf({ x, y, w, h }, scale) {
  const most = scale < 1 ? FRAMED : LARGEST;
  const width = Math.min(w, most);
  const height = Math.min(h, most);
  return [x + Math.floor((w - width) / 2), y + Math.floor((h - height) / 2), width, height];
}

/** Whether one rectangle lies in another. */
const inside = (one, other) =>
  one.x >= other.x && one.y >= other.y && one.x + one.w <= other.x + other.w && one.y + one.h <= other.y + other.h;

/** Write a few words on a dark ground, where there is room for them. */
function writeTag(context, text, room) {
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const { width } = context.measureText(text);
  if (width + 16 > room) return;
  context.fillStyle = "#000b";
  context.fillRect(0, 0, width + 16, 24);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, 8, 12);
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
    const key = keyOf(denoiseFields(picture.settings.denoise));
    const work = picture.works.denoise;
    if (!work.runs || work.key !== key) work.stop();
    picture.busy = false;
    if (work.result?.key === key) return;
    this.#cropSoon();
    if (!work.runs) this.#wholeSoon();
  }

  /** Draw a frame around the crop, and say what it is, unless it fills all that is seen. */
  frame(context) {
    const { crop, scale } = this.viewer;
    if (!crop) return;
    const seen = this.viewer.visible();
    if (inside(seen, crop)) return;
    context.lineWidth = 3 / scale;
    context.strokeStyle = "#0009";
    context.strokeRect(crop.x, crop.y, crop.w, crop.h);
    context.lineWidth = 1 / scale;
    context.strokeStyle = "#fff";
    context.strokeRect(crop.x, crop.y, crop.w, crop.h);
    if (this.viewer.compare !== null) return; // its words are there
    context.translate(Math.max(crop.x, seen.x), Math.max(crop.y, seen.y));
    context.scale(1 / scale, 1 / scale);
    writeTag(context, t("cropTag"), crop.w * scale);
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
    if (!inside({ x, y, w, h }, picture.crop)) this.#cropSoon();
  }

  async #crop() {
    const picture = this.#picture;
    if (picture.problem) return;
    this.#control?.abort();
    this.#control = null;
    const box = cropOf(this.viewer.visible(), this.viewer.scale);
    if (box[2] < 1 || box[3] < 1) return;
    this.#control = new AbortController();
    const { signal } = this.#control;
    const { level } = picture.settings.denoise;
    const fields = denoiseFields(picture.settings.denoise);
    const onWait = () => {
      picture.busy = true;
      picture.changed();
    };
    const ask = async (draft) => {
      const answer = await picture.withId((id) => {
        signal.throwIfAborted();
        const body = form({ picture: id, ...fields, crop: box.join(","), draft: String(draft) });
        return call("/v1/denoise", { method: "POST", body, signal, onWait });
      });
      const url = URL.createObjectURL(await answer.blob());
      if (signal.aborted) URL.revokeObjectURL(url);
      signal.throwIfAborted();
      const record = recordOf(answer);
      if (level === null && record.found) picture.found = record.found;
      keepCrop(picture, box, url, keyOf(fields), record.draft);
      this.#moved();
    };
    try {
      await ask(!picture.found);
      // The whole is looked at after its first crop is on the screen.
      if (picture.crop.draft) await ask(false);
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
    works.denoise.run(denoiseFields(settings.denoise));
  }
}

/** Keep a crop, and show it. */
function keepCrop(picture, [x, y, w, h], url, key, draft) {
  const old = picture.crop;
  picture.crop = { url, x, y, w, h, key, draft };
  picture.cropProblem = null;
  picture.busy = false;
  picture.changed();
  if (old) setTimeout(() => URL.revokeObjectURL(old.url), 2000);
}
