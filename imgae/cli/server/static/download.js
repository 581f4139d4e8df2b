/** Saves results, masks, and all results in one file. */

import { call, nameOf } from "./api.js";
import { makeMenu } from "./controls.js";
import { sentence, tell } from "./dock.js";
import { $, save } from "./dom.js";
import { fieldsFor, isCurrent, keyOf, startsDenoised } from "./fields.js";
import { t, translate } from "./language.js";
import { maskOf } from "./masks.js";
import { asProblem } from "./work.js";

/** Return the task whose result is the most finished one of a picture, or null. */
function lastTask(picture) {
  if (picture.works.fill.result) return "fill";
  return isCurrent(picture, "denoise") ? "denoise" : null;
}

const namesOf = (pictures) => pictures.map(({ name }) => name).join(", ");

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
    const text = $("download").querySelector("span");
    const key = ready ? `download${this.#lacks(picture)}` : "download";
    if (text.dataset.t !== key) {
      text.dataset.t = key;
      $("download").dataset.tTitle = `${key}Help`;
      translate($("download").parentElement);
    }
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
    if (!picture || !this.#ready(picture)) return;
    const task = this.#task(picture);
    await this.#try(async () => {
      const { key } = picture.works[task].result;
      const { blob, name } = await picture.works[task].bytes(() => tell(t("waiting")));
      save(blob, name);
      if (task === "fill") picture.saved = key;
      return t("downloaded", { name });
    });
  }

  async #mask() {
    const picture = this.pictures.current;
    await this.#try(async () => {
      const answer = await maskOf(picture, picture.strokes);
      const name = nameOf(answer, `${picture.name}.mask.png`);
      save(await answer.blob(), name);
      return t("downloaded", { name });
    });
  }

  async #all() {
    const { list } = this.pictures;
    const made = this.#made();
    const without = list.filter((picture) => !made.includes(picture));
    await this.#try(async () => {
      tell(t("archive"));
      const jobs = [];
      const fills = made.filter(({ works }) => works.fill.result).map((picture) => [picture, picture.works.fill.result.key]);
      const open = fills.filter(([picture]) => !isCurrent(picture, "fill")).map(([picture]) => picture);
      for (const picture of made) {
        jobs.push(await picture.works[lastTask(picture)].withId(async (id) => {
          await call(`/v1/jobs/${id}`);
          return id;
        }));
      }
      const body = JSON.stringify({ jobs });
      const headers = { "Content-Type": "application/json" };
      const answer = await call("/v1/archive", { method: "POST", body, headers });
      const name = nameOf(answer, "imgae.zip");
      save(await answer.blob(), name);
      for (const [picture, key] of fills) picture.saved = key;
      const more = [[without, "archiveLeft"], [open, "archiveOpen"]].filter(([pictures]) => pictures.length);
      const said = more.map(([pictures, key]) => t(key, { names: namesOf(pictures) }));
      return [t("downloaded", { name }), ...said].join(" ");
    });
  }

  /** The task whose result the button saves: that of the tab, or the denoised picture where it is shown unfilled. */
  #task(picture) {
    const tab = this.tab();
    return tab === "fill" && !picture.works.fill.result && startsDenoised(picture) ? "denoise" : tab;
  }

  /** Whether what is shown can be saved: a denoised picture of the settings as they are, or the last fill. */
  #ready(picture) {
    const { works } = picture;
    const task = this.#task(picture);
    const there = task === "fill" ? Boolean(works.fill.result) : isCurrent(picture, "denoise");
    return there && !works[this.tab()].runs && !this.#busy;
  }

  /**
   * What the file to save lacks: "Bare" has no fill although there is one, "Unfilled" none as there is none yet, "Last"
   * not the marks after its fill.
   */
  #lacks(picture) {
    if (this.#task(picture) === "fill") return isCurrent(picture, "fill") ? "" : "Last";
    if (picture.works.fill.result) return "Bare";
    return this.tab() === "fill" ? "Unfilled" : "";
  }

  /** The pictures that have a result. */
  #made() {
    return this.pictures.list.filter(lastTask);
  }

  #state(picture) {
    return this.tab() + keyOf(fieldsFor(picture, this.tab()));
  }

  /** Do something that ends with a sentence to tell. */
  async #try(run) {
    const picture = this.pictures.current;
    this.#busy = true;
    this.#failed.text = "";
    picture.changed();
    try {
      tell(await run());
    } catch (problem) {
      this.#failed = { picture, state: this.#state(picture), text: sentence("errorDownload", asProblem(problem)) };
    }
    this.#busy = false;
    picture.changed();
  }

  #list() {
    const picture = this.pictures.current;
    const { result, runs } = picture.works[this.#task(picture)];
    const made = this.#made();
    const ready = this.#ready(picture);
    const lacks = ready && this.#lacks(picture);
    $("download-result").disabled = !ready;
    $("download-name").textContent = ready ? result.name : t(runs || result ? "downloadWait" : "downloadNone");
    $("download-lacks").textContent = lacks ? t(`download${lacks}Help`) : "";
    $("download-mask").disabled = picture.strokes.isEmpty;
    $("download-all").disabled = !made.length;
    $("download-count").textContent = t("downloadAllCount", { count: made.length, all: this.pictures.list.length });
  }
}
