/** How each stroke looks: its path, the part of the picture it touches, and how it is drawn. */

/**
 * @typedef {object} Op  One stroke, as the server reads it. Ops "color" and "detect" also carry `bitmap` here.
 *   "fill" stands, for this page alone, where all marks before it have been filled, with `result`.
 * @property {"brush"|"eraser"|"box"|"polygon"|"color"|"detect"|"invert"|"clear"|"fill"} tool
 * @property {number} [size]
 * @property {number[][]} [points]
 * @property {number[]} [box]
 * @property {boolean} [erase]
 * @property {ImageBitmap|null} [bitmap]
 * @property {import("./work.js").Result} [result]
 */

const FAINT_TIMES = 3;
const BITMAP_COST = 300;

/** @type {WeakMap<Op, {path: Path2D, bounds: number[]|null, count: number}>} */
const known = new WeakMap();

/** Whether bounds reach into a rectangle, [left, top, right, bottom]; null is everywhere. */
export const intersects = (bounds, [left, top, right, bottom]) =>
  !bounds || (bounds[0] < right && bounds[2] > left && bounds[1] < bottom && bounds[3] > top);

/** Whether the stroke takes marks away and adds none. */
export const erases = (op) => op.tool === "eraser" || op.tool === "clear" || Boolean(op.erase);

/** Draws points as a line, or as a dot where there is one. */
export function trace(path, points, size) {
  const [first, ...rest] = points;
  if (rest.length) {
    path.moveTo(...first);
    for (const point of rest) path.lineTo(...point);
  } else {
    path.moveTo(...first);
    path.arc(first[0], first[1], size / 1e4, 0, 2 * Math.PI);
  }
  return path;
}

function outline(op) {
  const path = new Path2D();
  if (op.tool === "box") path.rect(...op.box);
  else if (op.tool === "polygon") {
    trace(path, op.points, 1);
    path.closePath();
  } else if (op.points) trace(path, op.points, op.size);
  return path;
}

/** The part touched, [left, top, right, bottom] in pixels of the picture; null is all of it. */
function reach(op) {
  if (op.tool === "box") return [op.box[0], op.box[1], op.box[0] + op.box[2], op.box[1] + op.box[3]];
  if (!op.points) return null;
  const radius = (op.size ?? 0) / 2 + 1;
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of op.points) {
    bounds[0] = Math.min(bounds[0], x - radius);
    bounds[1] = Math.min(bounds[1], y - radius);
    bounds[2] = Math.max(bounds[2], x + radius);
    bounds[3] = Math.max(bounds[3], y + radius);
  }
  return bounds;
}

/** Path and bounds, worked out once, and again where a stroke has grown. */
function shape(op) {
  const count = op.points?.length ?? 0;
  let found = known.get(op);
  if (found?.count !== count) {
    found = { path: outline(op), bounds: reach(op), count };
    known.set(op, found);
  }
  return found;
}

export const boundsOf = (op) => shape(op).bounds;

/** A rough cost of drawing, to know when a replay would not fit into a frame. */
export const costOf = (op) => 4 + (op.points?.length ?? 0) + (op.bitmap ? BITMAP_COST : 0);

/**
 * Draws one stroke; the context is in pixels of the picture and clipped to it.
 * @param {number} scale  pixels of the canvas a pixel of the picture; a line is never thinner than one of them
 */
export function drawMark(ctx, op, picture, scale, color, path = shape(op).path) {
  ctx.globalCompositeOperation = erases(op) ? "destination-out" : "source-over";
  ctx.fillStyle = ctx.strokeStyle = color;
  if (op.tool === "brush" || op.tool === "eraser") {
    ctx.lineWidth = Math.max(op.size, 1 / scale);
    ctx.lineCap = ctx.lineJoin = "round";
    ctx.stroke(path);
  } else if (op.tool === "invert" || op.tool === "clear") {
    if (op.tool === "invert") ctx.globalCompositeOperation = "xor";
    ctx.fillRect(0, 0, picture.width, picture.height);
  } else if (op.points || op.box) {
    ctx.fill(path, "evenodd");
  } else if (op.bitmap) {
    const enlarged = (scale * picture.width) / op.bitmap.width;
    ctx.imageSmoothingEnabled = enlarged < 2;
    // Dust and scratches turn faint when they are made smaller; drawn over themselves they stay seen.
    for (let times = enlarged < 0.7 ? FAINT_TIMES : 1; times > 0; times -= 1) {
      ctx.drawImage(op.bitmap, 0, 0, picture.width, picture.height);
    }
  }
  ctx.globalCompositeOperation = "source-over";
}
