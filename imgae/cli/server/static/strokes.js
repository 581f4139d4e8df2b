/** The strokes of one picture: their list, undo and redo, and their picture over the viewer. */

import { erases } from "./marks.js";
import { Overlay } from "./overlay.js";

/** @typedef {import("./marks.js").Op} Op */

// One picture is shown at a time, so all share the canvases.
const overlay = new Overlay();

/** What the server is told: everything but the bitmap. */
function plain(op) {
  const { bitmap: _, ...rest } = op;
  return rest;
}

/** Event: "change", when the list or how it is shown has changed. */
export class Strokes extends EventTarget {
  /** @type {Op[]} */
  ops = [];
  #undone = [];
  /** @type {Op|null} the stroke that is being drawn */
  #live = null;
  #color = "#e5002b";
  #opacity = 0.5;
  #shown = true;
  #since = 0;
  #size = null;

  /** The size of the picture, {width, height}; a new one forgets all strokes. */
  set size(size) {
    for (const op of [...this.ops, ...this.#undone]) op.bitmap?.close();
    this.#size = size;
    this.ops = [];
    this.#undone = [];
    this.#since = 0;
    this.#live = null;
    this.#changed();
  }

  get size() {
    return this.#size;
  }

  get color() {
    return this.#color;
  }

  /** The colour of the overlay, as CSS writes it. */
  set color(color) {
    this.#color = color;
    this.#changed();
  }

  get opacity() {
    return this.#opacity;
  }

  set opacity(opacity) {
    this.#opacity = opacity;
    this.#changed();
  }

  get shown() {
    return this.#shown;
  }

  set shown(shown) {
    this.#shown = Boolean(shown);
    this.#changed();
  }

  get since() {
    return this.#since;
  }

  /** How many of the first strokes are not drawn, as they have been filled and the result is to be seen. */
  set since(count) {
    this.#since = Math.min(count, this.ops.length);
    this.#changed();
  }

  get canUndo() {
    return this.ops.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Whether nothing is marked for certain: marks that an eraser or a second inversion has taken away still count. */
  get isEmpty() {
    return this.#current().every(erases);
  }

  /** Adds a stroke. One that can do nothing, as an eraser on an empty mask, is not kept. */
  add(op) {
    if (erases(op) && this.isEmpty) {
      this.#changed();
      return;
    }
    this.ops.push(op);
    for (const lost of this.#undone) lost.bitmap?.close();
    this.#undone = [];
    this.#changed();
  }

  undo() {
    this.#move(this.ops, this.#undone);
  }

  redo() {
    this.#move(this.#undone, this.ops);
  }

  clear() {
    this.add({ tool: "clear" });
  }

  invert() {
    this.add({ tool: "invert" });
  }

  /** Shows the mask of a "color" or "detect" stroke. */
  attach(op, bitmap) {
    if (!this.ops.includes(op) && !this.#undone.includes(op)) {
      bitmap?.close();
      return;
    }
    op.bitmap = bitmap;
    this.#changed();
  }

  /** Takes one stroke out of the list, wherever it is, with no way back: for one that the server refused. */
  remove(op) {
    this.ops = this.ops.filter((other) => other !== op);
    this.#undone = this.#undone.filter((other) => other !== op);
    this.#since = Math.min(this.#since, this.ops.length);
    op.bitmap?.close();
    this.#changed();
  }

  toJSON() {
    return this.#current().map(plain);
  }

  /** Begins a brush or an eraser stroke, which grows by `extend` and is kept by `commit`. */
  begin(op) {
    this.#live = op;
    this.#draw(op.points);
  }

  /** Adds points to the stroke; only the new piece is drawn. */
  extend(points) {
    const op = this.#live;
    if (!op || !points.length) return;
    const from = op.points.at(-1);
    op.points.push(...points);
    this.#draw([from, ...points]);
  }

  commit() {
    const op = this.#live;
    this.#live = null;
    if (op) this.add(op);
  }

  cancel() {
    if (!this.#live) return;
    this.#live = null;
    this.#changed();
  }

  /**
   * Draws the overlay: the viewer's painter.
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("./camera.js").View} view
   */
  paint(ctx, view) {
    const opacity = String(this.#opacity);
    if (ctx.canvas.style.opacity !== opacity) ctx.canvas.style.opacity = opacity;
    overlay.paint(ctx, view, this.#shown ? this.#all() : [], this.#color);
  }

  #draw(points) {
    if (!overlay.piece(this.#live, points, this.#all(), this.#color)) this.#changed();
  }

  /** The strokes that are drawn. */
  #all() {
    const ops = this.ops.slice(this.#since);
    return this.#live ? [...ops, this.#live] : ops;
  }

  /** The strokes that still count: those after the last that cleared all. */
  #current() {
    return this.ops.slice(this.ops.findLastIndex((op) => op.tool === "clear") + 1);
  }

  #move(from, to) {
    if (!from.length) return;
    to.push(from.pop());
    this.#since = Math.min(this.#since, this.ops.length);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
