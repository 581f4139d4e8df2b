/**
 * A canvas that holds the strokes as one mask at one view. It is brought up to date by as little drawing as can be:
 * it reaches beyond the view by a margin, so that most pans need nothing; a longer pan shifts it and draws the strips
 * that come in; undo draws again what the lost stroke has touched; a new stroke is drawn on top.
 */

import { boundsOf, drawMark, intersects } from "./marks.js";

/** The least rectangle around two; null stands for everything. */
function around(a, b) {
  if (!a || !b) return null;
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

/**
 * @typedef {object} Sight  A view in pixels of the canvas.
 * @property {number} scale
 * @property {number} x  whole pixels
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {{width: number, height: number}} picture
 */

export class MaskLayer {
  canvas = document.createElement("canvas");
  /** @type {Sight|null} */
  sight = null;
  #ctx;
  #options;
  #spare = document.createElement("canvas");
  #drawn = [];
  #bitmaps = [];
  #color = "";
  #margin;

  /**
   * @param {number} margin  pixels of the canvas beyond each side of the view
   * @param {CanvasRenderingContext2DSettings} options
   */
  constructor(margin = 0, options = {}) {
    this.#margin = margin;
    this.#options = options;
    this.#ctx = this.canvas.getContext("2d", options);
  }

  /** Draws the mask where it belongs in a view at the scale of the last update. */
  draw(ctx, view) {
    ctx.drawImage(this.canvas, view.x - this.sight.x, view.y - this.sight.y);
  }

  /** All pixels of the canvas, four bytes each. */
  pixels() {
    const { data } = this.#ctx.getImageData(0, 0, this.canvas.width, this.canvas.height);
    return new Uint32Array(data.buffer);
  }

  /** Brings the canvas to these strokes and this view. */
  update(ops, view, color) {
    const old = this.sight;
    const sight = this.#around(view);
    this.sight = sight;
    const drawn = this.#drawn;
    const bitmaps = this.#bitmaps;
    this.#drawn = [...ops];
    this.#bitmaps = ops.map((op) => op.bitmap);
    const same = old && old.scale === sight.scale && old.picture === sight.picture && color === this.#color;
    this.#color = color;
    if (!same || old.width !== sight.width || old.height !== sight.height) this.#reset();
    else {
      this.#shift(sight.x - old.x, sight.y - old.y);
      this.#difference(drawn, bitmaps);
    }
  }

  /** Draws a piece of the last stroke on top. */
  extend(op, path) {
    this.#within([0, 0, this.canvas.width, this.canvas.height], () => this.#mark(op, path));
  }

  /** The canvas for a view: the one that there is, where it still covers the view. */
  #around(view) {
    const margin = this.#margin;
    const [width, height] = [view.width + 2 * margin, view.height + 2 * margin];
    const old = this.sight;
    if (old && old.scale === view.scale && old.width === width && old.height === height) {
      const [dx, dy] = [old.x - view.x, old.y - view.y];
      const covers = dx >= 0 && dy >= 0 && dx <= 2 * margin && dy <= 2 * margin;
      if (covers) return { ...view, width, height, x: old.x, y: old.y };
    }
    return { ...view, width, height, x: view.x + margin, y: view.y + margin };
  }

  #reset() {
    const { width, height } = this.sight;
    this.canvas.width = width;
    this.canvas.height = height;
    this.#repair([0, 0, width, height]);
  }

  #shift(dx, dy) {
    if (!dx && !dy) return;
    const { canvas } = this;
    const { width, height } = canvas;
    // A canvas drawn on itself is copied first, so two take turns.
    this.canvas = this.#spare;
    this.#spare = canvas;
    Object.assign(this.canvas, { width, height });
    this.#ctx = this.canvas.getContext("2d", this.#options);
    this.#ctx.drawImage(canvas, dx, dy);
    if (dx) this.#repair(dx > 0 ? [0, 0, dx, height] : [width + dx, 0, width, height]);
    if (dy) this.#repair(dy > 0 ? [0, 0, width, dy] : [0, height + dy, width, height]);
  }

  /** Draws what differs from the strokes that the canvas shows. */
  #difference(drawn, bitmaps) {
    const ops = this.#drawn;
    let kept = 0;
    while (kept < drawn.length && ops[kept] === drawn[kept] && ops[kept].bitmap === bitmaps[kept]) kept += 1;
    const changed = [...drawn.slice(kept), ...ops.slice(kept)];
    if (!changed.length) return;
    if (kept < drawn.length) this.#repair(this.#onCanvas(changed.map(boundsOf).reduce(around)));
    else if (changed.some((op) => op.bitmap)) this.#reset();
    else for (const op of changed) this.extend(op);
  }

  #onCanvas(bounds) {
    const { scale, x, y } = this.sight;
    const { width, height } = this.canvas;
    if (!bounds) return [0, 0, width, height];
    const low = (value, offset) => Math.max(Math.floor(value * scale + offset) - 1, 0);
    const high = (value, offset, size) => Math.min(Math.ceil(value * scale + offset) + 1, size);
    return [low(bounds[0], x), low(bounds[1], y), high(bounds[2], x, width), high(bounds[3], y, height)];
  }

  /** Draws a rectangle of the canvas anew. */
  #repair(rectangle) {
    const [left, top, right, bottom] = rectangle;
    if (left >= right || top >= bottom) return;
    const { scale, x, y } = this.sight;
    const seen = [(left - x) / scale, (top - y) / scale, (right - x) / scale, (bottom - y) / scale];
    const start = this.#drawn.findLastIndex((op) => op.tool === "clear") + 1;
    const ops = this.#drawn.slice(start).filter((op) => intersects(boundsOf(op), seen));
    const ctx = this.#ctx;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(left, top, right - left, bottom - top);
    this.#within(rectangle, () => {
      for (const op of ops) this.#mark(op);
      if (ops.some((op) => op.bitmap)) this.#tint();
    });
  }

  /** Runs `draw` in pixels of the picture, clipped to it and to a rectangle of the canvas. */
  #within([left, top, right, bottom], draw) {
    const { scale, x, y, picture } = this.sight;
    const ctx = this.#ctx;
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    ctx.setTransform(scale, 0, 0, scale, x, y);
    ctx.beginPath();
    ctx.rect(0, 0, picture.width, picture.height);
    ctx.clip();
    draw();
    ctx.restore();
  }

  #mark(op, path) {
    drawMark(this.#ctx, op, this.sight.picture, this.sight.scale, this.#color, path);
  }

  /** Gives the marks that came as bitmaps the colour of the others. */
  #tint() {
    const { width, height } = this.sight.picture;
    this.#ctx.globalCompositeOperation = "source-in";
    this.#ctx.fillStyle = this.#color;
    this.#ctx.fillRect(0, 0, width, height);
    this.#ctx.globalCompositeOperation = "source-over";
  }
}
