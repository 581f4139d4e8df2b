/** The fills of the same marks: those that are kept, which of them is shown, and the step to another. */

import { $ } from "./dom.js";
import { fillFields, keyOf } from "./fields.js";
import { number, t } from "./language.js";

const seedOf = ({ fields }) => Number(fields.seed ?? 0);

/** Return the fills that are kept of what is marked now. */
function variantsOf(picture) {
  const key = keyOf(fillFields(picture));
  return picture.works.fill.kept.filter((result) => result.key === key);
}

/** Return the fill of what is marked that was shown last, or undefined. */
export const lastShown = (picture) => variantsOf(picture).toSorted((one, other) => one.turn - other.turn).at(-1);

/** Return a seed that none of the fills has. */
export const newSeed = (picture) => String(Math.max(...variantsOf(picture).map(seedOf)) + 1);

/** Show the fill of the same marks that was made before (-1) or after the one that is shown. */
export function step(picture, by) {
  const all = variantsOf(picture);
  picture.strokes.pick(all[all.indexOf(picture.works.fill.result) + by]);
}

/** Tell which of the fills of these marks is seen, if it is of them. */
export function tellVariants(picture, current) {
  const all = current ? variantsOf(picture) : [];
  const at = all.indexOf(picture.works.fill.result);
  $("variants").hidden = all.length < 2;
  $("variants-at").textContent = t("variantsAt", { at: number(at + 1), all: number(all.length) });
  $("earlier").disabled = at <= 0;
  $("later").disabled = at >= all.length - 1;
}
