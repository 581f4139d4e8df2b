/** The settings of a picture's two tasks, as the fields of requests. */

/** What `imgae denoise` does without options. */
export const DENOISE = { model: "", level: null, strength: 1, luma: 1, chroma: 1, detail: 0, grain: 0 };
/** What `imgae inpaint` does without options. */
export const FILL = { feather: 0, texture: true, noise: true };

/** Return the fields of a request that say other than what `imgae denoise` does without options. */
export function denoiseFields({ level, ...settings }) {
  const fields = level === null ? {} : { sigma: String(level) };
  for (const [name, value] of Object.entries(settings)) {
    if (value !== DENOISE[name]) fields[name] = String(value);
  }
  return fields;
}

/** Whether a denoised picture differs from its original by more than a little. */
const differs = ({ fields }, found) =>
  (fields.strength !== "0" || "grain" in fields) && (found?.kind !== "little" || "sigma" in fields);

/** Whether there is a denoised picture that differs from its original. */
export const isDenoised = ({ works: { denoise }, found }) => Boolean(denoise.result) && differs(denoise.result, found);

/**
 * Whether marks and fills are made on the denoised picture: as the user wants it; else as the fill that is shown was
 * made; else as it was when they came to be drawn, so that nothing changes under the brush.
 */
export function startsDenoised({ fromDenoised, strokes, wasDenoised }) {
  if (fromDenoised !== null) return fromDenoised;
  return strokes.filled ? "denoised" in strokes.filled.fields : wasDenoised;
}

/** Return the denoised result that marks and fills are made on, or null; it may be of earlier settings. */
export const sourceOf = (picture) => (startsDenoised(picture) ? picture.works.denoise.result : null);

/** Return the fields of a request that fills the marks of a picture; `denoised` is the key of what it starts from. */
export function fillFields(picture) {
  const { strokes, settings } = picture;
  const { feather, texture, noise } = settings.fill;
  const fields = { strokes: JSON.stringify(strokes) };
  if (feather !== FILL.feather) fields.feather = String(feather);
  if (!texture) fields["no-texture"] = "true";
  if (!noise) fields["no-grain"] = "true";
  if (startsDenoised(picture)) fields.denoised = keyOf(denoiseFields(settings.denoise));
  return fields;
}

/** Return what tells results apart; variants of one fill have the same. */
export const keyOf = ({ seed: _, ...fields }) => JSON.stringify(fields);

/** Return the fields that a picture's result should be made with now. */
export const fieldsFor = (picture, task) =>
  task === "fill" ? fillFields(picture) : denoiseFields(picture.settings.denoise);

/** Whether a picture's result is of its settings and marks as they are now, and no other is being made. */
export function isCurrent(picture, task) {
  const { result, runs } = picture.works[task];
  return Boolean(result) && !runs && result.key === keyOf(fieldsFor(picture, task));
}
