/** One long work on one picture: a job of the server, its progress, and its result to show. */

import { Problem, call, follow, forget, isAbort, nameOf, start } from "./api.js";

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

/** So many of the works that may take their time run at once. */
const gate = new Gate(2);

/**
 * @typedef {object} Result
 * @property {string} id of the job
 * @property {string} key what it was made with
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
  /** @type {Result|null} */
  result = null;
  /** What the work that runs, or ran last, is made with. */
  key = null;
  #control = null;
  #fields = null;

  constructor(picture, kind, changed) {
    this.picture = picture;
    this.kind = kind;
    this.changed = changed;
  }

  get runs() {
    return this.#control !== null;
  }

  /** Make a result; a work that runs is stopped before. `patient` lets others go first. */
  async run(fields, key, { patient = false } = {}) {
    this.stop();
    const control = new AbortController();
    this.#control = control;
    this.#fields = fields;
    this.key = key;
    this.#set("waiting", { progress: 0, ahead: 0, problem: null });
    try {
      const make = () => this.#made(fields, key, control.signal);
      const result = await (patient ? gate.pass(make) : make());
      this.#release();
      this.#control = null;
      this.#set("done", { result });
    } catch (error) {
      if (control !== this.#control) return;
      this.#control = null;
      if (isAbort(error)) this.#set("cancelled");
      else this.#set("failed", { problem: asProblem(error) });
    }
  }

  /** Stop what runs; nothing is said. */
  stop() {
    const control = this.#control;
    this.#control = null;
    control?.abort();
    if (control) this.#set(this.result ? "done" : "idle");
  }

  /** Stop because the user wants it. */
  cancel() {
    this.stop();
    this.#set("cancelled");
  }

  /** Forget all, here and on the server. */
  drop() {
    this.stop();
    this.#release();
    this.result = null;
    this.#set("idle", { problem: null });
  }

  /** Return the bytes of the result and their name; made again where the server forgot them. */
  async bytes(onWait) {
    try {
      return await this.#read(onWait);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    await this.run(this.#fields, this.result.key);
    if (this.problem) throw this.problem;
    return this.#read(onWait);
  }

  async #read(onWait) {
    const answer = await call(`/v1/jobs/${this.result.id}/result`, { onWait });
    return { blob: await answer.blob(), name: nameOf(answer, this.result.name) };
  }

  async #made(fields, key, signal) {
    signal.throwIfAborted();
    const since = performance.now();
    const onWait = () => this.#set("busy");
    const begin = (id) => start(this.kind, { picture: id, ...fields }, { onWait, until: signal });
    const job = await this.picture.withId(begin);
    const leave = () => forget(`/v1/jobs/${job.id}`);
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    signal.throwIfAborted();
    const last = await follow(job.id, (state) => this.#heard(state, signal), signal);
    if (last.status === "failed") throw new Problem(last.problem?.status ?? 500, last.problem?.detail);
    if (last.status === "cancelled") throw new DOMException("", "AbortError");
    const view = await call(`/v1/jobs/${job.id}/view`, { signal });
    const url = URL.createObjectURL(await view.blob());
    signal.removeEventListener("abort", leave);
    const seconds = (performance.now() - since) / 1000;
    return { id: job.id, key, url, name: last.name, record: last.record ?? {}, seconds };
  }

  #heard({ status, progress, ahead }, signal) {
    if (signal.aborted) return;
    const state = status === "done" ? "preparing" : status === "running" ? "running" : "waiting";
    this.#set(state, { progress: progress ?? 0, ahead: ahead ?? 0 });
  }

  #release() {
    if (!this.result) return;
    URL.revokeObjectURL(this.result.url);
    forget(`/v1/jobs/${this.result.id}`);
  }

  #set(state, more = {}) {
    Object.assign(this, { state, ...more });
    this.changed(this);
  }
}

/** Return an error as a Problem; one of this page's own is told as it is. */
export const asProblem = (error) =>
  error instanceof Problem ? error : new Problem(-1, String(error?.message ?? error));
