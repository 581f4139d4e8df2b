/** Puts the page together: files in, what is shown, and what the keys do. */

import { forget, read } from "./api.js";
import { makeTabs } from "./controls.js";
import { DenoisePanel } from "./denoise.js";
import { Dock, sentence } from "./dock.js";
import { $, recall, remember } from "./dom.js";
import { Download } from "./download.js";
import { denoiseFields, fieldsFor, isCurrent, keyOf, sourceOf } from "./fields.js";
import { startFiles } from "./files.js";
import { FillPanel } from "./fill.js";
import { Filmstrip } from "./filmstrip.js";
import { number, onLanguage, speak, t } from "./language.js";
import { Live } from "./live.js";
import { startLook } from "./look.js";
import { Pictures } from "./pictures.js";
import { Shortcuts } from "./shortcuts.js";
import { Viewbar } from "./viewbar.js";
import { Viewer } from "./viewer.js";
import { asProblem } from "./work.js";

const TAB = "imgae-tab";

const pictures = new Pictures();
const viewer = new Viewer($("viewer"));
const live = new Live(viewer);
const denoisePanel = new DenoisePanel(pictures, () => live.change());
const fillPanel = new FillPanel(viewer);
const dock = new Dock();
const viewbar = new Viewbar(viewer);
let tab = recall(TAB) === "fill" ? "fill" : "denoise";
const download = new Download(pictures, () => tab);
const filmstrip = new Filmstrip(pictures);

/** What the viewer shows now, so that only what is new is put there. */
const NOTHING = { picture: null, url: null, settled: false, problem: null };
let shown = NOTHING;
/** The result that is on the screen, decoded. */
let displayed = null;

/** Show the current picture, its result, and all that the panel says of it. */
function render() {
  const picture = pictures.current;
  document.body.classList.toggle("is-empty", !picture);
  if (!picture) return showNone();
  showPicture(picture);
  showResult(picture);
  denoisePanel.render(picture);
  fillPanel.render(picture);
  const changed = picture.works[tab].result !== null && !isCurrent(picture, tab);
  dock.render(picture, tab, { again, changed, error: download.errorOf(picture) });
  download.render(picture);
  facts(picture);
}

/** Show that no picture is open. */
function showNone() {
  shown = NOTHING;
  document.title = "imgae";
  fillPanel.watch(null);
  live.watch(null);
  viewer.hide();
}

/** Put another picture into the viewer, when it can be shown. */
function showPicture(picture) {
  const url = picture.shown?.url ?? null;
  note(picture);
  const { settled } = picture;
  const problem = picture.problem ?? null;
  const same = shown.picture === picture && shown.url === url && shown.problem === problem;
  if (same && shown.settled === settled) return;
  if (shown.picture !== picture) {
    viewbar.rest();
    $("panel-body").scrollTop = 0;
  }
  shown = { picture, url, settled, problem };
  if (!same) {
    displayed = null;
    live.watch(null);
    picture.showProblem = null;
    if (url && !picture.problem) viewer.show({ before: url, width: picture.shown.width, height: picture.shown.height }).catch(notShown);
    else viewer.hide();
  }
  watch(picture);
}

function watch(picture) {
  fillPanel.watch(tab === "fill" ? picture : null);
  live.watch(tab === "denoise" && picture.settled ? picture : null);
  if (tab === "denoise") viewer.painter = (context) => live.frame(context);
}

/** Put the result of the tab over the picture: the whole, or a crop of what is to come. */
function showResult(picture) {
  const usable = Boolean(picture.shown) && !picture.problem;
  viewbar.usable = usable;
  $("panel-body").inert = $("dock-fill").inert = Boolean(picture.problem);
  if (!usable) {
    viewbar.comparable = false;
    return;
  }
  const source = tab === "fill" ? sourceOf(picture) : null;
  const result = picture.works[tab].result ?? source;
  const key = keyOf(denoiseFields(picture.settings.denoise));
  const current = tab === "fill" || result?.key === key;
  const crop = tab === "denoise" && !current && picture.crop?.key === key ? picture.crop : null;
  const after = result?.url ?? null;
  if (crop && viewer.crop?.url !== crop.url) viewer.crop = crop;
  viewer.source = source?.url ?? null;
  if (viewer.after !== after) viewer.after = after;
  if (viewer.crop && (tab === "fill" || (current && after === displayed))) viewer.crop = null;
  viewbar.comparable = Boolean(after || crop || viewer.crop);
  viewer.repaint();
}

/** Say that the browser could not show an image. */
function notShown(problem) {
  const picture = pictures.current;
  if (!picture) return;
  picture.showProblem = asProblem(problem);
  picture.changed();
}

/** Say over the stage what keeps a picture from being shown. */
function note(picture) {
  const element = $("note");
  element.hidden = Boolean(picture.shown) && !picture.problem;
  if (picture.problem) element.textContent = sentence("errorPicture", picture.problem);
  else element.textContent = t(picture.info ? "preparing" : "uploading", { name: picture.name });
}

function facts({ name, info, problem, shown: size }) {
  const { width, height } = info ?? (problem ? null : size) ?? {};
  const parts = width ? [`${width} × ${height}`] : [];
  if (info) parts.push(info.format.toUpperCase(), t(`depth_${info.dtype}`));
  if (info?.frames > 1) parts.push(t("frames", { count: number(info.frames) }));
  $("facts-name").textContent = name;
  $("facts-name").title = name;
  $("facts-more").textContent = parts.join(" · ");
  $("facts-more").title = (info?.notes ?? []).join(" ");
}

/** Try again what failed. */
function again() {
  const picture = pictures.current;
  if (picture.problem) picture.open();
  else if (tab === "fill") fillPanel.again();
  else {
    picture.cropProblem = null;
    picture.works.denoise.run(fieldsFor(picture, "denoise"));
  }
  loadModels();
}

const selectTab = makeTabs(document.querySelector(".tabs"), (name) => {
  if (tab !== name) {
    viewbar.rest();
    $("panel-body").scrollTop = 0;
  }
  tab = name;
  remember(TAB, name);
  const picture = pictures.current;
  if (!picture) return;
  watch(picture);
  render();
});

async function loadModels() {
  let error = "";
  try {
    denoisePanel.models = (await read("/v1/models")).models;
  } catch (problem) {
    error = sentence("errorModels", asProblem(problem));
  }
  $("empty-error").textContent = error;
}

const click = (id) => () => $(id).click();
const actions = {
  open: () => $("files").click(),
  download: () => download.result(),
  denoise: () => selectTab("denoise"),
  fill: () => selectTab("fill"),
  fillNow: () => fillPanel.fill(),
  variant: click("variant"),
  earlier: click("earlier"),
  later: click("later"),
  undo: click("undo"),
  redo: click("redo"),
  invert: click("invert"),
  clear: click("clear"),
  overlay: click("overlay"),
  compare: () => viewbar.toggle(),
  smaller: () => fillPanel.resize(-1),
  bigger: () => fillPanel.resize(1),
  next: () => pictures.step(1),
  previous: () => pictures.step(-1),
  zoomIn: click("zoom-in"),
  zoomOut: click("zoom-out"),
  fit: click("zoom-fit"),
  full: click("zoom-full"),
  stop: () => !$("cancel").hidden && $("cancel").click(),
};

new Shortcuts(actions, {
  tab: () => tab,
  tool: (name) => fillPanel.pick(name),
  peek: (on) => viewbar.peek(on),
  ready: () => pictures.current !== null,
  mayFill: () => tab === "fill" && fillPanel.mayFill,
});

let soon = 0;
/** Render once for all that changes before the next frame. */
function renderSoon() {
  soon ||= setTimeout(() => {
    soon = 0;
    render();
  });
}

pictures.addEventListener("current", render);
pictures.addEventListener("list", renderSoon);
pictures.addEventListener("change", ({ detail }) => detail === pictures.current && renderSoon());
viewer.addEventListener("failed", ({ detail }) => notShown(detail));
viewer.addEventListener("aftershown", () => {
  displayed = viewer.after;
  renderSoon();
});

$("close-picture").addEventListener("click", () => filmstrip.remove(pictures.current));
$("panel-fold").addEventListener("click", () => {
  const folded = $("panel").classList.toggle("is-folded");
  $("panel-fold").setAttribute("aria-expanded", !folded);
});

addEventListener("hashchange", loadModels);
addEventListener("beforeunload", (event) => {
  if (pictures.list.some(({ unsaved }) => unsaved)) event.preventDefault();
});
addEventListener("pagehide", () => {
  for (const picture of pictures.list) for (const path of picture.held) forget(path);
});

startLook();
startFiles(pictures);
selectTab(tab);
onLanguage(render);
speak();
loadModels();
