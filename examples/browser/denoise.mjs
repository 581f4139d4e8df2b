// The page's code: a picture and a model in, a picture out, all in the browser.

const $ = (id) => document.getElementById(id);
const panel = document.querySelector(".panel");
const contexts = ["before", "after"].map((id) => $(id).getContext("2d", { willReadFrequently: true }));
let ort, session, noisy, name;

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").className = wrong ? "wrong" : "";
}

// Runs a step, with the buttons locked; what goes wrong is told in the status line.
async function step(text, work) {
  $("run").disabled = $("save").disabled = true;
  say(text);
  try {
    say(await work());
  } catch (error) {
    say(String(error.message ?? error).split("\n")[0], true);
  }
  $("run").disabled = !(session && noisy);
  $("save").disabled = !panel.classList.contains("done");
}

async function useModel(bytes, label) {
  session = undefined;
  session = await ort.InferenceSession.create(new Uint8Array(bytes));
  $("model-name").textContent = label;
  return noisy ? "Ready." : "Choose a picture.";
}

async function usePicture(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  for (const context of contexts) Object.assign(context.canvas, { width, height });
  contexts[0].drawImage(bitmap, 0, 0);
  noisy = contexts[0].getImageData(0, 0, width, height);
  name = file.name;
  $("picture-name").textContent = name;
  panel.classList.add("shown");
  panel.classList.remove("done");
  return `${width} × ${height} pixels. ${session ? "Ready." : "Choose a model."}`;
}

async function denoise(picture, level) {
  const { width, height, data } = picture; // RGBA, 8 bits
  const area = width * height;
  const planes = new Float32Array(3 * area);
  const unit = Math.fround(1 / 255);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) planes[c * area + i] = data[4 * i + c] * unit;
  }
  const { restored } = await session.run({
    image: new ort.Tensor("float32", planes, [1, 3, height, width]),
    sigma: new ort.Tensor("float32", [level / 255], [1, 1, 1, 1]),
  });
  const clean = new ImageData(new Uint8ClampedArray(data), width, height); // alpha stays
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) clean.data[4 * i + c] = restored.data[c * area + i] * 255; // clips, rounds
  }
  return clean;
}

$("picture").onchange = ({ target }) => {
  const [file] = target.files;
  if (file) step("Reading the picture …", () => usePicture(file));
};

$("model").onchange = ({ target }) => {
  const [file] = target.files;
  if (file) step("Loading the model …", async () => useModel(await file.arrayBuffer(), file.name));
};

$("form").onsubmit = (event) => {
  event.preventDefault();
  step("Removing noise …", async () => {
    const start = performance.now();
    const clean = await denoise(noisy, Number($("level").value));
    const seconds = (performance.now() - start) / 1000;
    contexts[1].putImageData(clean, 0, 0);
    panel.classList.add("done");
    return `${clean.width} × ${clean.height} pixels in ${seconds.toFixed(3)} s.`;
  });
};

$("split").oninput = ({ target }) => {
  document.querySelector(".stage").style.setProperty("--split", `${target.value}%`);
};

$("save").onclick = () => {
  $("after").toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name.replace(/\.\w+$/, "") + ".denoised.png";
    link.click();
    URL.revokeObjectURL(link.href);
  });
};

step("Loading …", async () => {
  ort = await import("./ort/ort.wasm.min.mjs").catch(() => {
    throw new Error("The folder ort/ is missing: run npm ci here first.");
  });
  ort.env.wasm.wasmPaths = new URL("ort/", import.meta.url).href;
  ort.env.wasm.numThreads = 1; // more would need a server that sends COOP and COEP headers
  ort.env.wasm.proxy = true; // in a worker, so that the page stays alive
  const beside = await fetch("model.onnx").catch(() => ({ ok: false }));
  if (!beside.ok) return "Choose a model and a picture.";
  return useModel(await beside.arrayBuffer(), "model.onnx");
});
