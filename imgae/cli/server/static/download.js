/** Saves results, masks, and all results in one file. */

import { call, nameOf } from "./api.js";
import { $, save, say } from "./dom.js";
import { maskOf } from "./fill.js";
import { t } from "./language.js";
import { makeMenu } from "./controls.js";
import { sentence } from "./dock.js";
import { asProblem } from "./work.js";

/** Return the work whose result counts for a picture: that of the tab it was left in, else the other. */
function workOf(picture, tab) {
  const order = (picture.tab ?? tab) === "fill" ? ["fill", "denoise"] : ["denoise", "fill"];
  return order.map((name) => picture.works[name]).find(({ result }) => result) ?? null;
}

export class Download {
  #busy = false;
  #ready = false;

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

  /** Show what can be saved; `current` says that the result of the tab is what is shown. */
  render(picture, current) {
    this.#ready = current && !picture.works[this.tab()].runs && !this.#busy;
    $("download").disabled = !this.#ready;
    $("download").classList.toggle("primary", this.#ready);
    if (!$("download-menu").hidden) this.#list();
  }

  /** Save the result that is shown. */
  async result() {
    const picture = this.pictures.current;
    const tab = this.tab();
    if (!picture || !this.#ready) return;
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
      const body = JSON.stringify({ jobs: made.map(([, work]) => work.result.id) });
      const headers = { "Content-Type": "application/json" };
      const answer = await call("/v1/archive", { method: "POST", body, headers });
      const name = nameOf(answer, "imgae.zip");
      save(await answer.blob(), name);
      for (const [picture, work] of made) if (work === picture.works.fill) picture.saved = true;
      return name;
    });
  }

  /** The pictures that have a result, each with the work that made it. */
  #made() {
    return this.pictures.list.map((picture) => [picture, workOf(picture, this.tab())]).filter(([, work]) => work);
  }

  async #try(run) {
    this.#busy = true;
    this.pictures.current?.changed();
    let error = "";
    try {
      say(t("downloaded", { name: await run() }));
    } catch (problem) {
      error = sentence("errorDownload", asProblem(problem));
    }
    this.#busy = false;
    this.pictures.current?.changed();
    if (error) $("dock-error").textContent = error;
  }

  #list() {
    const picture = this.pictures.current;
    const { result } = picture.works[this.tab()];
    const made = this.#made();
    $("download-result").disabled = !this.#ready;
    $("download-name").textContent = this.#ready ? result.name : t("downloadNone");
    $("download-mask").disabled = picture.strokes.isEmpty;
    $("download-all").disabled = !made.length;
    $("download-count").textContent = t("downloadAllCount", { count: made.length, all: this.pictures.list.length });
  }
}
