/** Calls to the server: token, errors as sentences, waiting where it is busy, events of jobs. */

import { recall, remember } from "./dom.js";

const TOKEN = "imgae-token";
/** Seconds after which a busy server is asked again at the latest. */
const LONGEST_WAIT = 5;
const inSession = () => sessionStorage;
let token = takeToken();

/** Take the token from the address, and remove it there; or from this tab's memory. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return recall(TOKEN, inSession);
  remember(TOKEN, given, inSession);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

addEventListener("hashchange", () => {
  token = takeToken();
});

/** What the server said is wrong. status is 0 where it did not answer. */
export class Problem extends Error {
  constructor(status, detail = "", after = 0) {
    super(detail);
    this.status = status;
    this.after = after;
  }
}

export const isAbort = (error) => error?.name === "AbortError";

const headers = (more = {}) => (token ? { Authorization: `Bearer ${token}`, ...more } : more);

/** Return the Problem that an answer tells. */
function problemOf(status, text, after) {
  let detail = "";
  try {
    detail = JSON.parse(text).detail ?? "";
  } catch {
    // An answer from something other than imgae has no sentence.
  }
  return new Problem(status, detail, Number(after) || 1);
}

/** Fetch once. Raises Problem, or AbortError. */
async function once(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(options.headers), cache: "no-store" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0);
  }
  if (answer.ok) return answer;
  throw problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
}

/** Wait some ms; raises AbortError where the signal is given. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Run `attempt` again for as long as the server says that it is busy. */
async function patiently(attempt, signal, onWait) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error.status !== 429) throw error;
      onWait?.();
      await pause(Math.min(error.after, LONGEST_WAIT) * 1000, signal);
    }
  }
}

/**
 * Fetch, and wait while the server is busy. `until` ends the waiting alone, `signal` the call too.
 * @param {RequestInit & {onWait?: () => void, until?: AbortSignal}} options
 * @returns {Promise<Response>}
 */
export function call(path, { onWait, until, ...options } = {}) {
  return patiently(() => once(path, options), until ?? options.signal, onWait);
}

export const read = async (path, options) => (await call(path, options)).json();

/** Let the server forget a picture or a job; also while the page closes. */
export function forget(path) {
  fetch(path, { method: "DELETE", headers: headers(), keepalive: true }).catch(() => {});
}

/** Return a form of fields; a list gives one field for each of its values. */
export function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) data.append(name, one);
  }
  return data;
}

/** Send a picture's file. Returns the Picture of the server. */
export function upload(file, { onProgress, onWait, signal }) {
  return patiently(() => send(file, onProgress, signal), signal, onWait);
}

/** Send once, with progress, which fetch does not tell. */
function send(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("POST", "/v1/pictures");
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded / (event.total || 1));
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new Problem(0));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    request.send(form({ image: file }));
  });
}

/** Start a job. Returns its first state. */
export const start = (kind, fields, options) =>
  read(`/v1/${kind}`, { method: "POST", body: form(fields), headers: { Prefer: "respond-async" }, ...options });

/** Follow a job until it ends, with `onState` at each change. Returns its last state. */
export async function follow(id, onState, signal) {
  const answer = await call(`/v1/jobs/${id}/events`, { signal });
  let last = null;
  try {
    for await (const state of events(answer.body)) onState((last = state));
  } catch (error) {
    if (isAbort(error)) throw error;
  }
  while (!last || last.status === "waiting" || last.status === "running") {
    await pause(500, signal);
    onState((last = await read(`/v1/jobs/${id}`, { signal })));
  }
  return last;
}

/** Yield the JSON of each event of a text/event-stream. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
    }
  }
}

/** Return the record that an answer carries, or {}. */
export const recordOf = (answer) => JSON.parse(answer.headers.get("Imgae-Record") ?? "{}");

/** Return the file name that an answer suggests. */
export function nameOf(answer, otherwise) {
  const header = answer.headers.get("Content-Disposition") ?? "";
  const long = /filename\*=utf-8''([^;]+)/i.exec(header);
  if (long) return decodeURIComponent(long[1]);
  return /filename="?([^";]+)"?/i.exec(header)?.[1] ?? otherwise;
}
