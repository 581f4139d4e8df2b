/** Pictures that come in: chosen, dropped anywhere, or pasted. */

import { $ } from "./dom.js";

const carriesFiles = ({ dataTransfer }) => [...(dataTransfer?.types ?? [])].includes("Files");

/** Return all files of what is dropped, also those in folders. */
async function dropped({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(filesOf))).flat());
  }
}

/** Let files come in. */
export function startFiles(pictures) {
  const input = $("files");
  for (const id of ["open", "choose"]) $(id).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    pictures.add([...input.files]);
    input.value = "";
  });

  const show = (shown) => {
    $("drop").hidden = !shown;
  };
  addEventListener("dragenter", (event) => carriesFiles(event) && show(true));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("dragleave", (event) => !event.relatedTarget && show(false));
  addEventListener("drop", async (event) => {
    show(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    pictures.add(await dropped(event.dataTransfer));
  });
  addEventListener("paste", ({ clipboardData }) => {
    const files = [...clipboardData.files];
    if (files.length) pictures.add(files);
  });
}
