/** Shows a picture before and after, pans and zooms it, and hands pointers and keys to a tool. */

import { Camera } from "./camera.js";
import { Gestures } from "./gestures.js";
import { Hints } from "./hints.js";
import { Images } from "./images.js";
import { Keys } from "./keys.js";
import { labelSplitter, makeSplitter, placeSplitter } from "./splitter.js";

const SETTLED_MS = 140;

/**
 * Events: "viewchange" (scale or place), "comparing" (begun or ended), "aftershown" (a new `after` is on the screen),
 * "failed" (an image could not be read; detail is the error).
 */
export class Viewer extends EventTarget {
  camera = new Camera();
  /** @type {(ctx: CanvasRenderingContext2D, view: import("./camera.js").View) => void} */
  painter = () => {};
  /** @type {string|null} the image that colours are taken from, where that is not before */
  source = null;
  #element;
  #images;
  #crop = null;
  #compare = null;
  #peek = false;
  #peekTag;
  /** @type {import("./tools.js").Tool|null} */
  #tool = null;
  #pointer = null;
  #frame = 0;
  #moved = false;
  #moving = false;
  #settling = 0;
  #picture = false;

  constructor(element) {
    super();
    this.#element = element;
    element.classList.add("viewer");
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    this.#images = new Images(element, this.camera);
    this.canvas = document.createElement("canvas");
    this.canvas.className = "viewer-overlay";
    this.context = this.canvas.getContext("2d");
    element.append(this.canvas);
    this.hints = new Hints(element);
    this.handle = makeSplitter(element, () => this.#compare, (position) => {
      this.compare = position;
    });
    this.handle.addEventListener("pointerenter", () => this.point(null));
    this.#peekTag = document.createElement("span");
    this.#peekTag.className = "viewer-word viewer-word-peek";
    element.append(this.#peekTag, this.handle);
    this.keys = new Keys(this, element);
    this.gestures = new Gestures(this, element);
    new ResizeObserver(() => this.#resize()).observe(element);
    this.#resize();
    this.#cursor();
  }

  /** Names the viewport and the handle for screen readers, and writes what is before and what is after. */
  label({ viewport, handle, before, after }) {
    this.#element.setAttribute("aria-label", viewport);
    this.handle.setAttribute("aria-label", handle);
    labelSplitter(this.handle, before, after);
    this.#peekTag.textContent = before;
  }

  /**
   * Shows another picture, whole, with no after and no crop.
   * @returns {Promise<void>} settled when it is on the screen; rejected where the browser cannot read it
   */
  async show({ before, width, height }) {
    this.camera.picture = { width, height };
    this.#picture = true;
    this.#crop = null;
    this.#clear();
    this.fit();
    await this.#images.load("before", before);
    this.#divide();
  }

  /** Takes the picture away. */
  hide() {
    this.#picture = false;
    this.#crop = null;
    this.#clear();
    this.repaint();
  }

  /** Whether there is no picture. */
  get empty() {
    return !this.#picture;
  }

  get after() {
    return this.#images.wanted.after;
  }

  /** The result, for all of the picture. It is shown when it is decoded, and a crop set earlier goes then. */
  set after(url) {
    if (url) this.#loadAfter(url).catch((error) => this.#fail(error));
    else this.#clear("after");
  }

  get crop() {
    return this.#crop;
  }

  /** The result for a part, {url, x, y, w, h}; it lies over before and over an older after. */
  set crop(crop) {
    this.#crop = crop;
    if (!crop) this.#clear("crop");
    else {
      this.#images.load("crop", crop.url, crop).then(
        () => this.#divide(),
        (error) => this.#fail(error),
      );
    }
  }

  get compare() {
    return this.#compare;
  }

  /** Where before ends and after begins, 0..1 of the viewport's width; null shows after alone. */
  set compare(position) {
    const next = position === null ? null : Math.min(Math.max(position, 0), 1);
    if (next === this.#compare) return;
    const begins = (next === null) !== (this.#compare === null);
    this.#compare = next;
    this.#divide();
    if (begins) this.dispatchEvent(new Event("comparing"));
  }

  /** Shows before as long as it is true. */
  peek(shown) {
    this.#peek = Boolean(shown);
    this.#divide();
  }

  get tool() {
    return this.#tool;
  }

  /** What the pointer and the keys draw with; null pans. What was begun with the last tool is dropped. */
  set tool(tool) {
    this.gestures.cancel();
    this.keys.drop();
    this.#tool?.drop?.();
    this.#tool = tool;
    if (!tool) this.keys.cross = null;
    this.#cursor();
    this.repaint();
  }

  get scale() {
    return this.camera.scale;
  }

  fit() {
    this.camera.fit();
    this.#changed(true);
  }

  /** Zooms to CSS pixels a picture pixel; `point` of the picture comes into the middle. */
  zoomTo(scale, point) {
    this.camera.zoomAt(scale);
    if (point) this.camera.centre(...point);
    this.#changed(true);
  }

  zoomBy(factor, sx, sy) {
    this.camera.zoomAt(this.camera.scale * factor, sx, sy);
    this.#changed(true);
  }

  panBy(dx, dy) {
    this.camera.panBy(dx, dy);
    this.#changed(false);
  }

  visible() {
    return this.camera.visible();
  }

  /** Draws the overlay, the lines, and the pointer's circle again in the next frame. */
  repaint() {
    this.#frame ||= requestAnimationFrame(() => this.#render());
  }

  /** Where the pointer is in the viewport, or null: its circle is shown there. */
  point(place) {
    this.#pointer = place;
    this.#ring();
    if (this.#tool?.shape) this.hints.show(this.camera, this.#tool.shape, this.keys.cross);
  }

  /** Shows the hand that moves the picture. */
  grabbing(now) {
    this.#element.classList.toggle("viewer-grabbing", now);
    this.#cursor();
  }

  /** The colour of the pixel at (x, y) of the picture that is worked on: [red, green, blue], or null outside. */
  sample(x, y) {
    return this.#images.sample(x, y, this.source);
  }

  async #loadAfter(url) {
    const crop = this.#crop;
    if (!(await this.#images.load("after", url))) return;
    if (this.#crop === crop) this.crop = null;
    this.#divide();
    this.dispatchEvent(new Event("aftershown"));
  }

  #clear(...names) {
    this.#images.clear(...names);
    this.#divide();
  }

  #divide() {
    const { after, crop } = this.#images.shown;
    const share = this.#compare ?? 0;
    this.#images.divide(share, this.#peek);
    this.#peekTag.hidden = !this.#peek;
    placeSplitter(this.handle, share, this.#compare !== null && Boolean(after || crop) && !this.#peek);
  }

  #fail(error) {
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#element;
    if (!width || !height) return;
    const dpr = window.devicePixelRatio || 1;
    this.camera.resize(width, height, dpr);
    this.canvas.width = Math.round(width * dpr);
    this.canvas.height = Math.round(height * dpr);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.#moved = true;
    // The canvas is empty now; it is filled before the browser shows it.
    this.#render();
  }

  #changed(zoomed) {
    this.#moved = true;
    if (zoomed) {
      this.#moving = true;
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.#settle(), SETTLED_MS);
    }
    this.repaint();
  }

  #settle() {
    this.#moving = false;
    this.repaint();
  }

  #render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { camera } = this;
    if (this.#moved) this.#images.transform();
    this.#paint();
    this.hints.show(camera, this.#tool?.shape, this.keys.cross);
    this.#ring();
    if (!this.#moved) return;
    this.#moved = false;
    this.dispatchEvent(new Event("viewchange"));
  }

  #paint() {
    const { camera, context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.#picture) return;
    const { x, y, scale, dpr } = camera;
    context.setTransform(scale * dpr, 0, 0, scale * dpr, x * dpr, y * dpr);
    this.painter(context, camera.view(this.#moving));
  }

  #ring() {
    const diameter = (this.#tool?.cursor ?? 0) * this.camera.scale;
    const { cross } = this.keys;
    const [x, y] = cross ? this.camera.toScreen(cross.x, cross.y) : [];
    this.hints.ring(cross ? { x, y } : this.#pointer, this.keys.space ? 0 : diameter, this.keys.holds);
    this.#element.classList.toggle("viewer-ringed", Hints.fits(diameter) && !this.keys.space);
  }

  #cursor() {
    this.#element.classList.toggle("viewer-pans", !this.#tool || this.keys.space);
    this.#ring();
  }
}
