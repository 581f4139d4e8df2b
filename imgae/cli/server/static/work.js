/** One long work on one picture: a job of the server, its progress, and its result to show. */

import { Problem, call, follow, forget, isAbort, nameOf, start } from "./api.js";
import { keyOf } from "./fields.js";

/** Lets few through at a time; the others wait in order. */
export class Gate {
  #free;
  #queue = [];

  constructor(size) {
    this.#free = size;
  }

  async pass(run) {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((go) => this.#queue.push(go));
    try {
      return await run();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

let turns = 0;

/** So many of the works that may take their time run at once. */
const gate = new Gate(2);

/**
 * @typedef {object} Result
 * @property {string} id of the job
 * @property {string} key what it was made with, but for the seed
 * @property {Record<string, string>} fields of the request, without the picture
 * @property {number} turn the higher, the later it was shown
 * @property {string} url of what the browser shows
 * @property {string} name of the file to download
 * @property {object} record
 * @property {number} seconds
 */
export class Work {
  /** @type {"idle"|"busy"|"waiting"|"running"|"preparing"|"done"|"failed"|"cancelled"} */
  state = "idle";
  progress = 0;
  ahead = 0;
  /** @type {Problem|null} */
  problem = null;
  /** @type {Result|null} the one that is shown */
  result = null;
  /** What the work that runs, or ran last, is made with. */
  key = null;
  /** @type {Result[]} those that are kept, the oldest first */
  kept = [];
  /** @type {Promise<Result|null>|null} what the work that runs, or ran last, makes */
  coming = null;
  #control = null;
  #job = null;

  /** @param {number} most so many results are kept */
  constructor(picture, kind, changed, most = 1) {
    Object.assign(this, { picture, kind, changed, most });
  }

  get runs() {
    return this.#control !== null;
  }

  /** The ids of all jobs that the server has of it. */
  get jobs() {
    const ids = this.kept.map(({ id }) => id);
    return this.runs && this.#job ? [...ids, this.#job] : ids;
  }

  /**
   * Make a result; a work that runs is stopped before. `patient` lets others go first.
   * @returns {Promise<Result|null>} null where none was made
   */
  run(fields, options) {
    this.coming = this.#run(fields, options);
    return this.coming;
  }

  async #run(fields, { patient = false } = {}) {
    this.stop();
    const control = new AbortController();
    this.#control = control;
    this.#job = null;
    this.key = keyOf(fields);
    this.#set("waiting", { progress: 0, ahead: 0 });
    try {
      const make = () => this.#made(fields, control.signal);
      const result = this.#keep(await (patient ? gate.pass(make) : make()));
      this.#control = null;
      this.#set("done", { result });
      return result;
    } catch (error) {
      if (control !== this.#control) return null;
      this.#control = null;
      if (isAbort(error)) this.#set("cancelled");
      else this.#set("failed", { problem: asProblem(error) });
      return null;
    }
  }

  /** Show another of the results, or none. */
  show(result) {
    if (result) result.turn = turns += 1;
    if (result === this.result) return;
    this.result = result;
    if (!this.runs) this.#rest();
  }

  /** Stop what runs, and say no more of what was cancelled or failed. */
  stop() {
    this.#control?.abort();
    this.#control = null;
    this.#rest();
  }

  /** Stop because the user wants it. */
  cancel() {
    this.stop();
    this.#set("cancelled");
  }

  /** Forget all, here and on the server. */
  drop() {
    this.stop();
    this.kept.forEach(release);
    this.kept = [];
    this.show(null);
  }

  /** Return the bytes of the result and their name. */
  bytes(onWait) {
    const { result } = this;
    return this.#surely(result, async () => {
      const answer = await call(`/v1/jobs/${result.id}/result`, { onWait });
      return { blob: await answer.blob(), name: nameOf(answer, result.name) };
    });
  }

  /** Run with the id of the result's job; the result is made again where the server forgot it. */
  withId(run) {
    const { result } = this;
    return this.#surely(result, () => run(result.id));
  }

  /** Ask for a result, which is made again where the server forgot it. */
  async #surely(result, ask) {
    try {
      return await ask();
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    await this.run(result.fields);
    if (this.problem) throw this.problem;
    return ask();
  }

  /** Keep a new result; one that was made again takes its own place. */
  #keep(made) {
    const old = this.kept.find(({ key, fields }) => key === made.key && fields.seed === made.fields.seed);
    if (old) {
      release(old);
      return Object.assign(old, made);
    }
    this.kept.push(made);
    this.kept.splice(0, this.kept.length - this.most).forEach(release);
    return made;
  }

  async #made(fields, signal) {
    signal.throwIfAborted();
    const since = performance.now();
    const onWait = () => this.#set("busy");
    const { denoised, ...others } = fields;
    const begin = (id) => start(this.kind, { picture: id, ...others }, { onWait, until: signal });
    const job = await this.picture.withSource(begin, denoised);
    this.#job = job.id;
    try {
      const last = await this.#ended(job.id, signal);
      const view = await call(`/v1/jobs/${job.id}/view`, { signal });
      const url = URL.createObjectURL(await view.blob());
      const seconds = (performance.now() - since) / 1000;
      return { id: job.id, key: keyOf(fields), fields, url, name: last.name, record: last.record ?? {}, seconds };
    } catch (error) {
      forget(`/v1/jobs/${job.id}`);
      throw error;
    }
  }

  /** Wait until a job is done, and return its last state. */
  async #ended(id, signal) {
    signal.throwIfAborted();
    const last = await follow(id, (state) => this.#heard(state, signal), signal);
    if (last.status === "failed") throw new Problem(last.problem?.status ?? 500, last.problem?.detail);
    if (last.status === "cancelled") throw new DOMException("", "AbortError");
    return last;
  }

  #heard({ status, progress, ahead }, signal) {
    if (signal.aborted) return;
    const state = status === "done" ? "preparing" : status === "running" ? "running" : "waiting";
    this.#set(state, { progress: progress ?? 0, ahead: ahead ?? 0 });
  }

  #rest() {
    const state = this.result ? "done" : "idle";
    if (this.state !== state) this.#set(state, { problem: null });
  }

  #set(state, more = {}) {
    Object.assign(this, { state, ...more });
    this.changed(this);
  }
}

/** Forget a result, here and on the server. */
function release({ id, url }) {
  URL.revokeObjectURL(url);
  forget(`/v1/jobs/${id}`);
}

/** Return an error as a Problem; one of this page's own is told as it is. */
export const asProblem = (error) =>
  error instanceof Problem ? error : new Problem(-1, String(error?.message ?? error));
