/** The deployment's settings (config.json) and the person's own (theme, access key). */
import { byId, kept, keptInTab } from "./dom.js";
import { requestJson } from "./http.js";

const types = "jpeg png heic heif webp avif gif tiff bmp".split(" ").map((name) => `image/${name}`);
const DEFAULTS = { canDelete: false, minConfidence: 0, maxSizeBytes: 100 * 1024 * 1024, types };
const NEEDED = { api: ["apiUrl"], guest: ["region", "identityPoolId", "uploadBucket", "resultsTable", "uploadPrefix"] };

/** Reads config.json beside the page. @returns {Promise<import("./types.js").Config>} */
export async function loadConfig() {
  const { body } = await requestJson("config.json");
  const missing = NEEDED[body.mode]?.filter((name) => typeof body[name] !== "string");
  if (!missing) throw new Error(`config.json: mode must be "api" or "guest", not ${JSON.stringify(body.mode)}.`);
  if (missing.length) throw new Error(`config.json: ${missing.join(", ")} missing.`);
  return { ...DEFAULTS, ...body };
}

const KEY = "labelstack.accessKey";

/** The key to send with requests: the person's, else the deployment's. */
export function accessKey(config) {
  return keptInTab.get(KEY) || config.apiKey || "";
}

/** Connects the settings dialog. `onKey` is called when the access key has changed. */
export function setUpSettings(config, onKey) {
  const dialog = byId("settings"), field = byId("access-key");
  byId("key-field").hidden = config.mode !== "api";
  byId("open-settings").onclick = () => {
    field.value = keptInTab.get(KEY) ?? "";
    dialog.showModal();
  };
  for (const radio of dialog.querySelectorAll("[name=theme]")) {
    radio.checked = radio.value === (kept.get("labelstack.theme") ?? "auto");
    radio.onchange = () => (kept.set("labelstack.theme", radio.value), applyTheme());
  }
  dialog.addEventListener("close", () => {
    if (field.value === (keptInTab.get(KEY) ?? "")) return;
    keptInTab.set(KEY, field.value);
    onKey();
  });
}

/** Puts the chosen theme on the document; "auto" leaves it to the system. */
export function applyTheme() {
  document.documentElement.dataset.theme = kept.get("labelstack.theme") ?? "auto";
}
