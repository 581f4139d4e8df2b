/** The tools that draw strokes: what they do with the points that the viewer hands them. */

/**
 * @typedef {object} Point  A place in the picture, in its pixels; pixel (0, 0) covers 0..1.
 * @property {number} x
 * @property {number} y
 * @property {number} pressure
 * @property {boolean} shift
 * @property {boolean} alt   the Alt key, or the eraser of a pen
 *
 * @typedef {object} Tool
 * @property {number|null} cursor  the diameter of the pointer's circle in pixels of the picture
 * @property {boolean} holds       whether the keys hold it down between two presses of Space
 * @property {{points: number[][], closed: boolean}|null} [shape]  the open shape to show
 * @property {(point: Point) => void} down
 * @property {(points: Point[]) => void} move
 * @property {(point: Point) => void} up
 * @property {() => void} cancel            takes back what the last `down` began
 * @property {(point: Point) => void} [hover]
 * @property {() => boolean} [close]        Enter: ends an open shape
 * @property {() => boolean} [back]         Backspace: takes the last corner back
 * @property {() => boolean} [drop]         Escape: drops an open shape
 */

/**
 * @typedef {object} Settings
 * @property {number} size       the brush's diameter in pixels of the picture
 * @property {number} tolerance  of the colour picker
 * @property {(op: object) => Promise<ImageBitmap|null>} rendered  the mask of a "color" stroke, from the server;
 *   null or an error takes the stroke back
 */

const THINNED = 0.25;
const SMALL_BRUSH = 1.5;
const SAME_PLACE = 6;
const FIRST_CORNER = 10;
const DOUBLE_MS = 450;

const rounded = (value) => Math.round(value * 100) / 100;
const pair = ({ x, y }) => [rounded(x), rounded(y)];
const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const hex = (values) => values.map((value) => value.toString(16).padStart(2, "0")).join("");

/** Leaves out points that lie closer than a quarter of a pixel of the screen. */
function thinned(points, last, scale) {
  const kept = [];
  for (const point of points.map(pair)) {
    if (apart(point, kept.at(-1) ?? last) * scale >= THINNED) kept.push(point);
  }
  return kept;
}

/** A brush so small that it may miss every pixel's centre draws from centre to centre. */
function settled(point, size) {
  if (size >= SMALL_BRUSH) return point;
  return { ...point, x: Math.floor(point.x) + 0.5, y: Math.floor(point.y) + 0.5 };
}

function freehand(name) {
  return (viewer, strokes, settings) => {
    let last = null;
    let previous = null;
    return {
      holds: true,
      get cursor() {
        return settings.size;
      },
      down(point) {
        previous = last;
        const here = pair(settled(point, settings.size));
        const points = point.shift && last ? [last, here] : [here];
        strokes.begin({ tool: point.alt ? "eraser" : name, size: rounded(settings.size), points });
        last = here;
      },
      move(points) {
        const places = points.map((point) => settled(point, settings.size));
        const kept = thinned(places, last, viewer.scale);
        strokes.extend(kept);
        last = kept.at(-1) ?? last;
      },
      up(point) {
        this.move([point]);
        strokes.commit();
      },
      cancel() {
        strokes.cancel();
        last = previous;
      },
    };
  };
}

/** A box between two places: the whole pixels that they lie in, within the picture. */
function boxBetween(a, b, { width, height }) {
  const span = (from, to, size) => {
    const low = Math.max(Math.floor(Math.min(from, to)), 0);
    const high = Math.min(Math.floor(Math.max(from, to)) + 1, size);
    return [low, high - low];
  };
  const [x, w] = span(a[0], b[0], width);
  const [y, h] = span(a[1], b[1], height);
  return w > 0 && h > 0 ? [x, y, w, h] : null;
}

const corners = ([x, y, w, h]) => [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];

function box(viewer, strokes) {
  let from = null;
  let to = null;
  const current = () => boxBetween(from, to, viewer.camera.picture);
  return {
    cursor: null,
    holds: true,
    get shape() {
      const found = from && current();
      return found ? { points: corners(found), closed: true } : null;
    },
    down(point) {
      from = to = pair(point);
    },
    move(points) {
      to = pair(points.at(-1));
    },
    up(point) {
      to = pair(point);
      const found = current();
      // A click that does not move is a slip, except where single pixels are seen.
      const slip = apart(from, to) * viewer.scale < 2 && viewer.scale < 4;
      from = null;
      viewer.repaint();
      if (found && !slip) strokes.add({ tool: "box", box: found, ...(point.alt && { erase: true }) });
    },
    cancel() {
      from = null;
      viewer.repaint();
    },
  };
}

function polygon(viewer, strokes) {
  let points = [];
  let pressed = null;
  let hovered = null;
  let erase = false;
  let time = 0;

  // The keys meet a place exactly, the hand only nearly.
  const near = (a, b, distance) => a && apart(a, b) * viewer.scale <= (viewer.keys.cross ? 0 : distance);
  const close = () => {
    if (!points.length) return false;
    if (points.length > 2) strokes.add({ tool: "polygon", points, ...(erase && { erase: true }) });
    points = [];
    viewer.repaint();
    return true;
  };
  const place = (here) => {
    const again = near(points.at(-1), here, SAME_PLACE);
    const quick = performance.now() - time < DOUBLE_MS;
    time = performance.now();
    if (points.length > 2 && near(points[0], here, FIRST_CORNER)) close();
    else if (again && (quick || viewer.keys.cross)) close();
    else if (!again) points.push(here);
  };
  return {
    cursor: null,
    holds: false,
    get shape() {
      const open = pressed ?? hovered;
      return points.length ? { points: open ? [...points, open] : points, closed: false } : null;
    },
    down(point) {
      pressed = pair(point);
      if (!points.length) erase = point.alt;
    },
    move(moved) {
      pressed = pair(moved.at(-1));
    },
    up(point) {
      pressed = hovered = null;
      place(pair(point));
      viewer.repaint();
    },
    hover(point) {
      hovered = pair(point);
    },
    cancel() {
      pressed = null;
      viewer.repaint();
    },
    close,
    back() {
      if (!points.length) return false;
      points.pop();
      viewer.repaint();
      return true;
    },
    drop() {
      const any = points.length > 0;
      points = [];
      hovered = null;
      viewer.repaint();
      return any;
    },
  };
}

function color(viewer, strokes, settings) {
  const pick = async (point) => {
    const values = await viewer.sample(point.x, point.y);
    if (!values) return;
    const op = { tool: "color", color: hex(values), tolerance: settings.tolerance };
    strokes.add(op);
    const bitmap = await settings.rendered(op).catch(() => null);
    if (bitmap) strokes.attach(op, bitmap);
    else strokes.remove(op);
  };
  return { cursor: null, holds: false, down() {}, move() {}, up: pick, cancel() {} };
}

/** The factories of the tools by name. Pan is no tool: it is the viewer's own behaviour. */
export const tools = { brush: freehand("brush"), eraser: freehand("eraser"), box, polygon, color, pan: () => null };

/**
 * @param {keyof typeof tools} name
 * @param {import("./viewer.js").Viewer} viewer
 * @param {import("./strokes.js").Strokes} strokes
 * @param {Settings} settings  read when needed, so that its values may change
 * @returns {Tool|null} what to set as viewer.tool
 */
export function makeTool(name, viewer, strokes, settings) {
  return tools[name](viewer, strokes, settings);
}
