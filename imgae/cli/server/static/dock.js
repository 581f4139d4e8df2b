/** The foot of the panel: what is going on, how far, and what went wrong. */

import { $, say } from "./dom.js";
import { startsDenoised } from "./fields.js";
import { number, t } from "./language.js";

const TASKS = {
  denoise: { running: "denoising", failed: "errorDenoise" },
  fill: { running: "filling", failed: "errorFill" },
};

/** Return what went wrong as a sentence: in the page's words, then the server's own. */
export function sentence(lead, problem) {
  if (problem.status === 0) return t("errorGone");
  if (problem.status === 401) return t("errorToken");
  return problem.message ? `${t(lead)} ${problem.message}` : t(lead);
}

/** What was told in place of the state, and over which state; it goes when another comes. */
let told = { text: "", over: "" };

/** Say what was just done, until something else goes on. */
export function tell(text) {
  told = { text, over: null };
  say(text);
}

/** Whether the denoised picture is being made that fills start from. */
function denoisesFirst(picture, tab) {
  const { denoise, fill } = picture.works;
  return tab === "fill" && denoise.runs && startsDenoised(picture) && (!fill.runs || fill.state === "waiting");
}

/**
 * What the dock shows of a picture. `changed` says that its result is of other marks or options.
 * @returns {{text: string, error: string, progress: number|null, cancel: boolean, retry: boolean}}
 */
function stateOf(picture, tab, changed) {
  const work = picture.works[tab];
  const still = { text: "", error: "", progress: null, cancel: false, retry: false };
  const failed = (lead, problem) => {
    const retry = problem.status <= 0 || problem.status >= 500;
    return { ...still, error: sentence(lead, problem), retry };
  };
  // The stage says why.
  if (picture.problem) return { ...failed("errorPicture", picture.problem), error: "" };
  if (picture.showProblem) return { ...still, error: t("errorShow") };
  if (work.problem) return failed(TASKS[tab].failed, work.problem);
  const { denoise } = picture.works;
  if (denoisesFirst(picture, tab)) {
    const text = work.runs ? t("denoisingFirst") : running(denoise, "denoise");
    return { ...still, text, progress: shareOf(denoise), cancel: true };
  }
  if (tab === "fill" && denoise.problem && startsDenoised(picture)) return failed("errorDenoise", denoise.problem);
  if (work.runs) return { ...still, text: running(work, tab), progress: shareOf(work), cancel: true };
  if (!picture.info) return { ...still, text: t("uploading", { name: picture.name }), progress: picture.uploaded };
  if (work.state === "cancelled" && (changed || !work.result)) return { ...still, text: t("cancelled"), retry: true };
  if (tab === "fill" && picture.searching) return { ...still, text: t("finding"), progress: NaN, cancel: true };
  if (tab === "fill" && picture.markProblem) return failed("errorMark", picture.markProblem);
  if (tab === "fill" && picture.strokes.isEmpty) return { ...still, text: t("fillEmpty") };
  if (tab === "denoise" && picture.cropProblem && (changed || !work.result)) {
    return failed(TASKS[tab].failed, picture.cropProblem);
  }
  if (tab === "denoise" && picture.busy) return { ...still, text: t("waiting") };
  if (tab === "denoise" && !work.result) return { ...still, text: t("foundWait"), progress: NaN };
  if (changed) return { ...still, text: t(tab === "fill" ? "fillMore" : "denoising") };
  return work.result ? { ...still, text: doneText(work.result) } : still;
}

function running(work, tab) {
  if (work.state === "busy") return t("waiting");
  if (work.state === "preparing") return t("preparing");
  if (work.state === "waiting" && work.ahead) return t("waitingAhead", { ahead: work.ahead });
  return t(TASKS[tab].running);
}

/** How far a work is, 0..1; NaN where nobody knows. */
const shareOf = ({ state, progress }) => (state === "preparing" ? 1 : (state === "running" && progress) || NaN);

function doneText({ seconds, record }) {
  const digits = { maximumFractionDigits: seconds < 10 ? 1 : 0 };
  const done = t("done", { seconds: number(seconds, digits) });
  const one = record.varies === false ? [t("fillOne")] : [];
  const notes = [...one, ...(record.warnings ?? []), ...(record.notes ?? [])];
  return notes.length ? `${done} ${t("note", { text: notes.join(" ") })}` : done;
}

export class Dock {
  #retry = () => {};
  #cancel = () => {};
  #said = "";

  constructor() {
    $("retry").addEventListener("click", () => this.#retry());
    $("cancel").addEventListener("click", () => this.#cancel());
  }

  /** Show what goes on with a picture, or `error` of something else; `again` is called to try again. */
  render(picture, tab, { changed, again, error: other }) {
    const { text: state, error: own, progress, cancel, retry } = stateOf(picture, tab, changed);
    const error = own || other;
    const text = instead(state + error + tab + picture.name) || state;
    this.#retry = again;
    this.#cancel = () => {
      const first = denoisesFirst(picture, tab);
      if (tab === "fill" && picture.searching) picture.searching.abort();
      else if (picture.works[tab].runs) picture.works[tab].cancel();
      if (first) picture.works.denoise.cancel();
    };
    $("dock-text").textContent = text;
    $("dock-text").title = text;
    if ($("dock-error").textContent !== error) $("dock-error").textContent = error;
    $("retry").hidden = !retry;
    $("cancel").hidden = !cancel;
    $("dock-fill").hidden = tab !== "fill";
    this.#bar(progress);
    this.#announce(text);
    title(picture, progress);
  }

  #bar(progress) {
    const bar = $("dock-progress");
    bar.hidden = progress === null;
    if (Number.isFinite(progress)) bar.value = progress;
    else bar.removeAttribute("value");
  }

  /** Tell screen readers each new state, not each percent. */
  #announce(text) {
    if (text !== this.#said) say(text);
    this.#said = text;
  }
}

/** Return what was told, as long as the state is the one over which it was. */
function instead(state) {
  told.over ??= state;
  if (told.over !== state) told = { text: "", over: "" };
  return told.text;
}

function title(picture, progress) {
  const share = Number.isFinite(progress) ? `${number(progress, { style: "percent" })} ` : "";
  document.title = `${share}${picture.name} · imgae`;
}
