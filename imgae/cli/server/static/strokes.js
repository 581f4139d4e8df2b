/** What was done to one picture, strokes and fills: their list, undo and redo, and the marks over the viewer. */

import { erases } from "./marks.js";
import { Overlay } from "./overlay.js";

/** @typedef {import("./marks.js").Op} Op */

// One picture is shown at a time, so all share the canvases.
const overlay = new Overlay();
const OPACITY = "0.5";

/** What the server is told: everything but the bitmap. */
function plain(op) {
  const { bitmap: _, ...rest } = op;
  return rest;
}

const isFill = (op) => op.tool === "fill";

/** Event: "change", when the list or how it is shown has changed. */
export class Strokes extends EventTarget {
  /** @type {Op[]} */
  ops = [];
  #undone = [];
  /** @type {Op|null} the stroke that is being drawn */
  #live = null;
  #color = "#e5002b";
  /** @type {"all"|"open"|"none"} which marks are drawn: all, those that are not filled yet, or none */
  #drawn = "open";
  #size = null;

  /** The size of the picture, {width, height}; a new one forgets all strokes. */
  set size(size) {
    for (const op of [...this.ops, ...this.#undone]) op.bitmap?.close();
    this.#size = size;
    this.ops = [];
    this.#undone = [];
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

  /** Whether marks are to be seen; those that are filled are not, so that the result is, unless they are asked for. */
  get shown() {
    return this.#drawn === "all" || (this.#drawn === "open" && !(this.filled && isFill(this.ops.at(-1))));
  }

  set shown(shown) {
    this.#drawn = shown ? "all" : "none";
    this.#changed();
  }

  /** The result of the last fill that counts, or null. */
  get filled() {
    return this.#current().findLast(isFill)?.result ?? null;
  }

  get canUndo() {
    return this.ops.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Whether nothing is marked for certain: marks that an eraser or a second inversion has taken away still count. */
  get isEmpty() {
    return this.#marks().every(erases);
  }

  /** Whether the marks hold a stroke that says the same. */
  has(op) {
    return this.toJSON().some((other) => JSON.stringify(other) === JSON.stringify(op));
  }

  /** Adds a stroke. One that can do nothing, as an eraser on an empty mask, is not kept. */
  add(op) {
    if (erases(op) && this.isEmpty) {
      this.#changed();
      return;
    }
    this.#reveal(op);
    this.#push(op);
  }

  /** Notes that the strokes in `marks`, the first ones, have been filled; a variant takes the place of its like. */
  fill(result, marks) {
    if (marks.some((op, at) => this.ops[at] !== op)) return;
    this.#drawn = "open";
    const op = { tool: "fill", result };
    const like = marks.at(-1)?.result?.key === result.key;
    if (!like && this.ops.length === marks.length) return this.#push(op);
    this.ops = like ? this.ops.with(marks.length - 1, op) : this.ops.toSpliced(marks.length, 0, op);
    this.#changed();
  }

  /** Shows another fill of the same marks; for undo they are one. */
  pick(result) {
    this.fill(result, this.ops);
  }

  /** Forgets the fills but those with these results. */
  keep(results) {
    const lost = (op) => isFill(op) && !results.includes(op.result);
    this.ops = this.ops.filter((op) => !lost(op));
    this.#undone = this.#undone.filter((op) => !lost(op));
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
    op.bitmap?.close();
    this.#changed();
  }

  toJSON() {
    return this.#marks().map(plain);
  }

  /** Begins a brush or an eraser stroke, which grows by `extend` and is kept by `commit`. */
  begin(op) {
    this.#live = op;
    this.#reveal(op);
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
    if (ctx.canvas.style.opacity !== OPACITY) ctx.canvas.style.opacity = OPACITY;
    overlay.paint(ctx, view, this.#all(), this.#color);
  }

  #draw(points) {
    if (!overlay.piece(this.#live, points, this.#all(), this.#color)) this.#changed();
  }

  /** The strokes that are drawn. */
  #all() {
    if (this.#drawn === "none") return [];
    const from = this.#drawn === "open" ? this.ops.findLastIndex(isFill) + 1 : 0;
    const ops = this.ops.slice(from).filter((op) => !isFill(op));
    return this.#live ? [...ops, this.#live] : ops;
  }

  /** Makes that seen which a stroke changes: what it takes away may be filled already. */
  #reveal(op) {
    if (erases(op) || op.tool === "invert") this.#drawn = "all";
    else if (this.#drawn === "none") this.#drawn = "open";
  }

  #push(op) {
    this.ops.push(op);
    for (const lost of this.#undone) lost.bitmap?.close();
    this.#undone = [];
    this.#changed();
  }

  /** The strokes and fills that still count: those after the last that cleared all. */
  #current() {
    return this.ops.slice(this.ops.findLastIndex((op) => op.tool === "clear") + 1);
  }

  #marks() {
    return this.#current().filter((op) => !isFill(op));
  }

  #move(from, to) {
    if (!from.length) return;
    const op = from.pop();
    to.push(op);
    if (isFill(op) || op.tool === "clear" || this.#drawn === "none") this.#drawn = "open";
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
