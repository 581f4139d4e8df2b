/** Paints strokes over the viewer, as cheaply as the view allows. */

import { MaskLayer } from "./mask_layer.js";
import { boundsOf, costOf, drawMark, intersects, trace } from "./marks.js";
import { PixelMask } from "./pixel_mask.js";

const MARGIN = 64;
const PIXELS_FROM = 8;
const REPLAYED_IN_A_FRAME = 600;
const OVERVIEW_PIXELS = 1e6;
const OVERVIEW_WAIT_MS = 250;

/** The view in pixels of the canvas. */
function sightOf({ canvas }, { scale, dpr, x, y, picture }) {
  const { width, height } = canvas;
  return { scale: scale * dpr, x: Math.round(x * dpr), y: Math.round(y * dpr), width, height, picture };
}

function costOfSeen(ops, { scale, x, y, width, height }) {
  const seen = [-x / scale, -y / scale, (width - x) / scale, (height - y) / scale];
  return ops.reduce((sum, op) => sum + (intersects(boundsOf(op), seen) ? costOf(op) : 0), 0);
}

export class Overlay {
  #smooth = new MaskLayer(MARGIN);
  #pixels = new PixelMask();
  #overview = new MaskLayer();
  /** What the last painting has used: one of the first two. */
  #used = this.#smooth;
  #scale = 0;
  /** The canvas and view of the last painting, to draw on while a stroke grows. */
  #last = null;
  #waiting = 0;

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("./camera.js").View} view
   * @param {import("./marks.js").Op[]} ops
   */
  paint(ctx, view, ops, color) {
    this.#last = null;
    if (!ops.length) return;
    const sight = sightOf(ctx, view);
    const cost = costOfSeen(ops, sight);
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    if (view.moving && cost > REPLAYED_IN_A_FRAME && this.#stale(sight)) this.#stretch(ctx, sight);
    else {
      this.#used = view.scale >= PIXELS_FROM ? this.#pixels : this.#smooth;
      this.#used.update(ops, sight, color);
      this.#used.draw(ctx, sight);
      this.#scale = sight.scale;
      this.#last = { ctx, sight };
    }
    ctx.restore();
    if (cost > REPLAYED_IN_A_FRAME) this.#prepare(view.picture, ops, color);
  }

  /**
   * Draws a piece of a growing stroke, the last of `ops`, on what is on the screen.
   * @returns {boolean} false where all is to be painted instead
   */
  piece(op, points, ops, color) {
    if (!this.#last) return false;
    const { ctx, sight } = this.#last;
    const path = trace(new Path2D(), points, op.size);
    this.#used.update(ops, sight, color);
    this.#used.extend(op, path);
    ctx.save();
    ctx.setTransform(sight.scale, 0, 0, sight.scale, sight.x, sight.y);
    ctx.beginPath();
    ctx.rect(0, 0, sight.picture.width, sight.picture.height);
    ctx.clip();
    drawMark(ctx, op, sight.picture, sight.scale, color, path);
    ctx.restore();
    return true;
  }

  /** Whether there is a drawing of this picture at another scale, good enough for a moment. */
  #stale({ picture, scale }) {
    const { sight } = this.#used;
    return sight?.picture === picture && this.#overview.sight?.picture === picture && this.#scale !== scale;
  }

  /** Stretches the last drawing, and shows the overview where it does not reach. */
  #stretch(ctx, { scale, x, y, picture, width, height }) {
    const { sight, canvas } = this.#used;
    const ratio = scale / sight.scale;
    const place = [x - sight.x * ratio, y - sight.y * ratio, canvas.width * ratio, canvas.height * ratio];
    ctx.drawImage(canvas, ...place);
    ctx.beginPath();
    ctx.rect(0, 0, width, height);
    ctx.rect(...place);
    ctx.clip("evenodd");
    ctx.drawImage(this.#overview.canvas, x, y, picture.width * scale, picture.height * scale);
  }

  /** Brings the overview up to date when there is time. */
  #prepare(picture, ops, color) {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => {
      const scale = Math.min(1, Math.sqrt(OVERVIEW_PIXELS / (picture.width * picture.height)));
      const [width, height] = [Math.ceil(picture.width * scale), Math.ceil(picture.height * scale)];
      this.#overview.update(ops, { scale, x: 0, y: 0, width, height, picture }, color);
    }, OVERVIEW_WAIT_MS);
  }
}
