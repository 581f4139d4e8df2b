/** The pictures that are open: their files, what the server knows of them, settings and results. */

import { call, forget, isAbort, upload } from "./api.js";
import { DENOISE, FILL, fieldsFor, keyOf } from "./fields.js";
import { Strokes } from "./strokes.js";
import { Gate, Work, asProblem } from "./work.js";

const uploads = new Gate(2);
/** So many fills are kept of a picture. */
const FILLS = 6;

export class Picture {
  /** The server's description; null until the file is there. */
  info = null;
  /** What the viewer shows: {url, width, height}; null until it can. */
  shown = null;
  /** Whether what is shown lies as the server has it, so that it can be worked on. */
  settled = false;
  uploaded = 0;
  problem = null;
  /** What the server found in it, from the first denoised crop. */
  found = null;
  /** The denoised crop: {url, x, y, w, h, key, draft}; a draft was made by a look at its surroundings alone. */
  crop = null;
  cropProblem = null;
  /** Whether a crop waits for room on the server. */
  busy = false;
  /** Whether the user wants fills to start from the denoised picture; null where that is left to the page. */
  fromDenoised = null;
  /** Whether it was denoised when marks came to be drawn on it. */
  wasDenoised = false;
  settings = { denoise: { ...DENOISE }, fill: { ...FILL } };
  strokes = new Strokes();
  /** The key of the fill that was saved last. */
  saved = null;
  /** The search for damage that goes on, as what stops it; or null. */
  searching = null;
  /** Why nothing could be marked, or nothing shown. */
  markProblem = null;
  showProblem = null;
  #coming = null;
  #control = new AbortController();

  constructor(file, changed) {
    this.file = file;
    this.name = file.name || "picture.png";
    this.changed = () => changed(this);
    this.works = {
      denoise: new Work(this, "denoise", this.changed),
      fill: new Work(this, "inpaint", this.changed, FILLS),
    };
    this.strokes.addEventListener("change", () => this.works.fill.show(this.strokes.filled));
  }

  /** Show and upload it. What fails is told in `problem`. */
  async open() {
    this.problem = null;
    this.changed();
    const local = this.#local();
    try {
      const info = await this.ready();
      const own = await local;
      const same = info.shown && own?.width === info.width && own.height === info.height;
      if (!same) await this.#fetchView(info);
      this.settled = true;
    } catch (error) {
      if (!isAbort(error)) this.problem = asProblem(error);
    }
    this.changed();
  }

  /** Return the server's description; uploads the file if need be. */
  ready() {
    this.#coming ??= this.#send();
    return this.#coming;
  }

  /** Run with the server's id of the picture; upload again if the server forgot it. */
  async withId(run) {
    const { id } = await this.ready();
    try {
      return await run(id);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    if (this.info?.id === id) this.#coming = null;
    return run((await this.ready()).id);
  }

  /** Run with the server's id of what a fill starts from: the picture, or the denoised one of a key. */
  async withSource(run, key) {
    if (key === undefined) return this.withId(run);
    await this.denoised(key);
    return this.works.denoise.withId(run);
  }

  /** Wait for the denoised picture of a key; makes it if need be. */
  async denoised(key = keyOf(fieldsFor(this, "denoise"))) {
    const { denoise } = this.works;
    if (!denoise.runs && denoise.result?.key === key) return;
    const comes = denoise.runs && denoise.key === key;
    const result = await (comes ? denoise.coming : denoise.run(JSON.parse(key)));
    if (!result) throw denoise.problem ?? new DOMException("", "AbortError");
  }

  /** Whether there are marks, filled or not, that closing would lose. */
  get unsaved() {
    return !this.strokes.isEmpty && this.saved !== keyOf(fieldsFor(this, "fill"));
  }

  /** Forget it, here and on the server. */
  close() {
    this.#control.abort();
    this.searching?.abort();
    for (const work of Object.values(this.works)) work.drop();
    this.strokes.size = null;
    if (this.info) forget(`/v1/pictures/${this.info.id}`);
    if (this.shown) URL.revokeObjectURL(this.shown.url);
    if (this.crop) URL.revokeObjectURL(this.crop.url);
  }

  /** What the server holds of it, as paths to delete. */
  get held() {
    const jobs = Object.values(this.works).flatMap((work) => work.jobs.map((id) => `/v1/jobs/${id}`));
    return this.info ? [...jobs, `/v1/pictures/${this.info.id}`] : jobs;
  }

  async #send() {
    const { signal } = this.#control;
    const onProgress = (share) => {
      this.uploaded = share;
      this.changed();
    };
    try {
      this.info = await uploads.pass(() => upload(this.file, { signal, onProgress }));
      return this.info;
    } catch (error) {
      this.#coming = null;
      throw error;
    }
  }

  /** Show the file itself, if the browser can. Returns its size, or null. */
  async #local() {
    const url = URL.createObjectURL(this.file);
    const size = await sizeOf(url);
    if (size && !this.#control.signal.aborted) this.#show({ url, ...size });
    else URL.revokeObjectURL(url);
    return size;
  }

  async #fetchView({ id, width, height }) {
    const answer = await call(`/v1/pictures/${id}/view`, { signal: this.#control.signal });
    this.#show({ url: URL.createObjectURL(await answer.blob()), width, height });
  }

  #show(shown) {
    if (this.shown) URL.revokeObjectURL(this.shown.url);
    this.shown = shown;
    this.changed();
  }
}

/** Return the size of a picture as the browser shows it, upright; null if it cannot. */
function sizeOf(url) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => {
      const { naturalWidth: width, naturalHeight: height } = image;
      resolve(width ? { width, height } : null);
    };
    image.onerror = () => resolve(null);
    image.src = url;
  });
}

/** The open pictures, and which one is looked at. Events: "list", "current", "change" (detail: Picture). */
export class Pictures extends EventTarget {
  list = [];
  /** @type {Picture|null} */
  current = null;

  /** Open files, and look at the first that can be opened. */
  add(files) {
    const added = files.map((file) => new Picture(file, (picture) => this.#tell("change", picture)));
    this.list.push(...added);
    this.#tell("list");
    if (added.length) this.select(added[0]);
    for (const picture of added) picture.open().then(() => this.#skip(picture, added));
  }

  remove(picture) {
    const at = this.list.indexOf(picture);
    this.list.splice(at, 1);
    picture.close();
    this.#tell("list");
    if (picture === this.current) this.select(this.list[Math.min(at, this.list.length - 1)] ?? null);
  }

  select(picture) {
    this.current = picture;
    this.#tell("current", picture);
  }

  /** Look at the next picture, or the one before (-1). */
  step(by) {
    const at = this.list.indexOf(this.current) + by;
    if (this.list[at]) this.select(this.list[at]);
  }

  /** Look at another of the pictures that came together where one cannot be opened. */
  #skip(picture, added) {
    const other = added.find(({ problem }) => !problem);
    if (picture.problem && picture === this.current && other) this.select(other);
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
