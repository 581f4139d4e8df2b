/** The settings of a picture's two tasks, as the fields of requests. */

/** What `imgae denoise` does without options. */
export const DENOISE = { model: "", level: null, strength: 1, luma: 1, chroma: 1, detail: 0, grain: 0 };
/** What `imgae inpaint` does without options. */
export const FILL = { feather: 0, texture: true, noise: true, denoise: false };

/** Return the fields of a request that say other than what `imgae denoise` does without options. */
export function denoiseFields({ level, ...settings }) {
  const fields = level === null ? {} : { sigma: String(level) };
  for (const [name, value] of Object.entries(settings)) {
    if (value !== DENOISE[name]) fields[name] = String(value);
  }
  return fields;
}

/** Return the fields of a request that fills the marks of a picture. */
export function fillFields({ strokes, settings }) {
  const { feather, texture, noise, denoise } = settings.fill;
  const fields = { strokes: JSON.stringify(strokes) };
  if (feather !== FILL.feather) fields.feather = String(feather);
  if (!texture) fields["no-texture"] = "true";
  if (!noise) fields["no-grain"] = "true";
  if (denoise) fields.denoise = "true";
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
