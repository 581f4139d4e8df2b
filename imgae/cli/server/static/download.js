/** Saves results, masks, and all results in one file. */

import { call, nameOf } from "./api.js";
import { $, save, say } from "./dom.js";
import { fieldsFor, isCurrent, keyOf } from "./fields.js";
import { maskOf } from "./fill.js";
import { t } from "./language.js";
import { makeMenu } from "./controls.js";
import { sentence } from "./dock.js";
import { asProblem } from "./work.js";

/** Return the task whose result counts for a picture: that of the tab it was left in, else the other. */
function taskOf(picture, tab) {
  const order = (picture.tab ?? tab) === "fill" ? ["fill", "denoise"] : ["denoise", "fill"];
  return order.find((name) => picture.works[name].result) ?? order[0];
}

export class Download {
  #busy = false;
  /** What went wrong: with which picture, as it was then, and the sentence. */
  #failed = { picture: null, state: "", text: "" };

  /** @param {() => "denoise"|"fill"} tab */
  constructor(pictures, tab) {
    this.pictures = pictures;
    this.tab = tab;
    makeMenu($("download-more"), () => this.#list());
    $("download").addEventListener("click", () => this.result());
    $("download-result").addEventListener("click", () => this.result());
    $("download-mask").addEventListener("click", () => this.#mask());
    $("download-all").addEventListener("click", () => this.#all());
  }

  /** Show what can be saved. */
  render(picture) {
    const ready = this.#ready(picture);
    $("download").disabled = !ready;
    $("download").classList.toggle("primary", ready);
    if (!$("download-menu").hidden) this.#list();
  }

  /** Return what went wrong with a picture that is still as it was, or "". */
  errorOf(picture) {
    const { picture: failed, state, text } = this.#failed;
    return failed === picture && state === this.#state(picture) ? text : "";
  }

  /** Save the result that is shown. */
  async result() {
    const picture = this.pictures.current;
    const tab = this.tab();
    if (!picture || !this.#ready(picture)) return;
    await this.#try(async () => {
      const { blob, name } = await picture.works[tab].bytes(() => say(t("waiting")));
      save(blob, name);
      if (tab === "fill") picture.saved = true;
      return name;
    });
  }

  async #mask() {
    const picture = this.pictures.current;
    await this.#try(async () => {
      const answer = await maskOf(picture, picture.strokes);
      const name = nameOf(answer, `${picture.name}.mask.png`);
      save(await answer.blob(), name);
      return name;
    });
  }

  async #all() {
    const made = this.#made();
    await this.#try(async () => {
      say(t("archive"));
      const jobs = [];
      for (const [picture, task] of made) jobs.push(await picture.works[task].id());
      const body = JSON.stringify({ jobs });
      const headers = { "Content-Type": "application/json" };
      const answer = await call("/v1/archive", { method: "POST", body, headers });
      const name = nameOf(answer, "imgae.zip");
      save(await answer.blob(), name);
      for (const [picture, task] of made) if (task === "fill") picture.saved = true;
      return name;
    });
  }

  /** Whether the result of the tab can be saved: it is that of the settings and marks that are shown. */
  #ready(picture) {
    return isCurrent(picture, this.tab()) && !this.#busy;
  }

  /** The pictures whose result is up to date, each with its task. */
  #made() {
    const all = this.pictures.list.map((picture) => [picture, taskOf(picture, this.tab())]);
    return all.filter(([picture, task]) => isCurrent(picture, task));
  }

  #state(picture) {
    return this.tab() + keyOf(fieldsFor(picture, this.tab()));
  }

  async #try(run) {
    const picture = this.pictures.current;
    this.#busy = true;
    this.#failed.text = "";
    picture.changed();
    try {
      say(t("downloaded", { name: await run() }));
    } catch (problem) {
      this.#failed = { picture, state: this.#state(picture), text: sentence("errorDownload", asProblem(problem)) };
    }
    this.#busy = false;
    picture.changed();
  }

  #list() {
    const picture = this.pictures.current;
    const { result, runs } = picture.works[this.tab()];
    const made = this.#made();
    const ready = this.#ready(picture);
    $("download-result").disabled = !ready;
    $("download-name").textContent = ready ? result.name : t(runs || result ? "downloadWait" : "downloadNone");
    $("download-mask").disabled = picture.strokes.isEmpty;
    $("download-all").disabled = !made.length;
    $("download-count").textContent = t("downloadAllCount", { count: made.length, all: this.pictures.list.length });
  }
}
