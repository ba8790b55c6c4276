/** The upload queue: a few files at a time, progress, cancel, retry, and waiting for each result. */
import { byId, bytes, el, icon } from "./dom.js";
import { awake, sleep } from "./http.js";
import { announce, explain, reason, refusal } from "./messages.js";

const PARALLEL = 3;
const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 8000, PATIENCE_MS = 10 * 60_000;
const OPEN = new Set(["waiting", "uploading", "watching"]);

/**
 * Asks until the picture is done: more and more seldom, and not while nobody looks.
 * @param {import("./types.js").Backend} backend
 */
export async function waitForResult(backend, key, signal) {
  let wait = FIRST_WAIT_MS, spent = 0, unknown = 0;
  while (spent < PATIENCE_MS) {
    const pause = wait * (0.8 + 0.4 * Math.random());
    await sleep(pause, signal);
    await awake(signal);
    try {
      const result = await backend.result(key, signal);
      if (result) return result;
    } catch (error) {
      // Just uploaded and yet unknown: give the storage a moment.
      if (!error.retryable && !(error.code === "PICTURE_NOT_FOUND" && ++unknown < 5)) throw error;
    }
    spent += pause;
    wait = Math.min(wait * 1.4, LONGEST_WAIT_MS);
  }
  throw new Error("There is no result yet. It will be among the pictures when it is ready.");
}

/**
 * @param {import("./types.js").Backend} backend
 * @param {import("./types.js").Config} config
 * @param {{onResult: (result: object, file: File) => void, onOpen: (key: string) => void}} events
 */
export function setUpUploads(backend, config, events) {
  const items = [];
  const list = byId("upload-list");

  function add(files) {
    for (const file of files) {
      const item = { file, part: 0, state: "waiting", text: "" };
      const refused = refusal(file, config);
      if (refused) Object.assign(item, { state: "refused", text: refused });
      item.view = rowFor(item, { cancel, retry, dismiss, open: () => events.onOpen(item.key) });
      items.push(item);
      list.append(item.view.row);
      show(item);
      if (refused) announce(`${file.name}: ${refused}`);
    }
    next();
  }

  function next() {
    let free = PARALLEL - items.filter((item) => item.state === "uploading").length;
    for (const item of items) {
      if (free <= 0) break;
      if (item.state === "waiting") (free--, void run(item));
    }
  }

  async function run(item) {
    item.stop = new AbortController();
    const { signal } = item.stop;
    set(item, "uploading");
    try {
      const onProgress = (part) => ((item.part = part), show(item));
      item.key ??= await backend.upload(item.file, { onProgress, signal }); // what has arrived is not sent twice
      set(item, "watching");
      next();
      finish(item, await waitForResult(backend, item.key, signal));
    } catch (error) {
      if (!signal.aborted) set(item, "failed", explain(error));
      announce(`${item.file.name}: ${item.text}`);
    }
    next();
  }

  function finish(item, result) {
    item.result = result;
    const labels = (result.labels ?? []).slice(0, 3).map((label) => label.name);
    if (result.status !== "LABELED") set(item, "rejected", reason(result));
    else if (result.moderation?.length) set(item, "flagged", `Flagged: ${result.moderation[0].name}`);
    else set(item, "done", labels.join(", ") || "Nothing was recognised");
    announce(`${item.file.name}: ${item.state === "done" ? "labelled, " : ""}${item.text}`);
    events.onResult(result, item.file);
  }

  function cancel(item) {
    item.stop?.abort();
    set(item, "cancelled", "Cancelled.");
    item.view.retry.focus();
  }

  function retry(item) {
    item.part = 0;
    set(item, "waiting");
    next();
    item.view.cancel.focus();
  }

  function dismiss(item) {
    const at = items.indexOf(item);
    items.splice(at, 1);
    item.view.forget();
    item.view.row.remove();
    (items[Math.min(at, items.length - 1)]?.view.row.querySelector("button:not([hidden])") ?? byId("files")).focus();
    sum();
  }

  function set(item, state, text = "") {
    Object.assign(item, { state, text });
    show(item);
  }

  function show(item) {
    item.view.update();
    sum();
  }

  function sum() {
    const open = items.filter((item) => OPEN.has(item.state)).length;
    byId("uploads").hidden = !items.length;
    byId("uploads-sum").textContent = open ? `${items.length - open} of ${items.length} finished` : "";
    byId("uploads-clear").hidden = open === items.length;
  }

  byId("uploads-clear").onclick = () => {
    for (const item of [...items]) if (!OPEN.has(item.state)) dismiss(item);
    byId("files").focus();
  };
  addEventListener("beforeunload", (event) => {
    if (items.some((item) => item.state === "uploading" || item.state === "waiting")) event.preventDefault();
  });
  return { add };
}

/** The row of one file: made once, then only its changing parts are touched. */
function rowFor(item, actions) {
  const name = item.file.name;
  const button = (label, mark, action) =>
    el("button", { className: "icon", title: label, "aria-label": `${label} ${name}`, onclick: () => action(item) }, icon(mark));
  const address = item.file.type.startsWith("image/") ? URL.createObjectURL(item.file) : undefined;
  const thumb = el("span", { className: "thumb" }, address ? el("img", { src: address, alt: "", onerror: (event) => event.target.replaceWith(icon("bad")) }) : icon("bad"));
  const text = el("span", { className: "state" });
  const progress = el("progress", { max: 1, "aria-label": `Upload of ${name}` });
  const cancel = button("Cancel", "x", actions.cancel), retry = button("Retry", "retry", actions.retry);
  const remove = button("Remove from the list", "x", actions.dismiss);
  const open = el("button", { className: "button slim", "aria-label": `Look at ${name}`, onclick: actions.open }, "Look");
  const row = el("li", {}, thumb,
    el("div", { className: "about" }, el("span", { className: "name", title: name }, name, " ", el("small", { className: "muted" }, bytes(item.file.size))), text, progress),
    open, retry, cancel, remove);

  function update() {
    const { state } = item;
    row.dataset.state = state;
    progress.hidden = state !== "uploading" && state !== "watching";
    if (state === "watching") progress.removeAttribute("value");
    else progress.value = item.part;
    const moving = { waiting: "Waiting …", uploading: `Uploading ${Math.round(item.part * 100)} %`, watching: "Arrived. Looking at it …" };
    text.textContent = item.text || (moving[state] ?? "");
    cancel.hidden = !OPEN.has(state);
    remove.hidden = OPEN.has(state);
    retry.hidden = state !== "failed" && state !== "cancelled";
    open.hidden = state !== "done" && state !== "flagged";
  }
  return { row, update, cancel, retry, forget: () => address && URL.revokeObjectURL(address) };
}
