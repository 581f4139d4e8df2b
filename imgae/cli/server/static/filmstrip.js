/** The row of open pictures: name and state of each, to look at and to remove. */

import { $, icon, make } from "./dom.js";
import { onLanguage, t } from "./language.js";

const THUMB = 96;
const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

function stateOf({ problem, info, works }) {
  const all = Object.values(works);
  if (problem || all.some((work) => work.state === "failed")) return "failed";
  if (all.some((work) => work.runs)) return "running";
  if (!info) return "uploading";
  if (works.fill.result) return "filled";
  return works.denoise.result ? "denoised" : "ready";
}

/** Draw a picture small, so that the browser need not keep all of it. */
async function thumbnail(url) {
  const image = make("img", { src: url });
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const side = Math.min(width, height);
  const canvas = make("canvas", { width: THUMB, height: THUMB });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (width - side) / 2, (height - side) / 2, side, side, 0, 0, THUMB, THUMB);
  return canvas;
}

export class Filmstrip {
  #items = new Map();

  constructor(pictures) {
    this.pictures = pictures;
    pictures.addEventListener("list", () => this.#list());
    pictures.addEventListener("current", () => this.#mark());
    pictures.addEventListener("change", ({ detail }) => this.#update(detail));
    $("film-list").addEventListener("keydown", (event) => this.#key(event));
    onLanguage(() => pictures.list.forEach((picture) => this.#update(picture)));
  }

  #list() {
    const { list } = this.pictures;
    if (!list.length) $("film").hidden = true;
    for (const picture of this.#items.keys()) if (!list.includes(picture)) this.#items.delete(picture);
    $("film-list").replaceChildren(...list.map((picture) => this.#item(picture).root));
    for (const picture of list) this.#update(picture);
  }

  #item(picture) {
    const known = this.#items.get(picture);
    if (known) return known;
    const thumb = make("span", { className: "thumb" });
    const name = make("span", { className: "film-name", textContent: picture.name });
    const state = make("span", { className: "film-state" });
    const open = make("button", { type: "button", className: "film-open" }, [
      thumb, make("span", { className: "film-text" }, [name, " ", state]),
    ]);
    const remove = make("button", { type: "button", className: "film-remove button quiet" }, [icon("close")]);
    const root = make("li", {}, [open, remove]);
    open.addEventListener("click", () => this.pictures.select(picture));
    remove.addEventListener("click", () => this.remove(picture));
    const item = { root, thumb, open, remove, state };
    this.#items.set(picture, item);
    return item;
  }

  #update(picture) {
    const item = this.#items.get(picture);
    if (!item) return;
    $("film").hidden = this.pictures.list.length < 2 && !picture.problem;
    const state = stateOf(picture);
    const text = t(`state${state[0].toUpperCase()}${state.slice(1)}`);
    item.root.dataset.state = state;
    item.state.textContent = text;
    item.remove.setAttribute("aria-label", t("remove", { name: picture.name }));
    item.remove.title = t("remove", { name: picture.name });
    const url = picture.shown?.url;
    if (!url || item.url === url) return;
    item.url = url;
    thumbnail(url).then((canvas) => item.thumb.replaceChildren(canvas), () => {});
  }

  #mark() {
    for (const [picture, { open, remove, root }] of this.#items) {
      const current = picture === this.pictures.current;
      open.setAttribute("aria-current", current);
      open.tabIndex = remove.tabIndex = current ? 0 : -1;
      if (current) root.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #key(event) {
    const open = event.target.closest(".film-open");
    if (!open) return;
    if (event.key === "Delete") this.remove(this.pictures.current);
    else if (event.key in MOVES) this.pictures.step(MOVES[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.#items.get(this.pictures.current)?.open.focus();
  }

  /** Close a picture; asks where marks would be lost. */
  remove(picture) {
    if (picture.unsaved && !confirm(t("removeSure", { name: picture.name }))) return;
    this.pictures.remove(picture);
    this.#items.get(this.pictures.current)?.open.focus();
  }
}
