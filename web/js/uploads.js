/** The upload queue: a few files at a time, progress, cancel, retry, and waiting for each result. */
import { byId, bytes, el, icon, nameNode } from "./dom.js";
import { typeOf } from "./files.js";
import { awake, sleep } from "./http.js";
import { announce, explain, reason, refusal } from "./messages.js";

const PARALLEL = 3;
const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 8000, PATIENCE_MS = 10 * 60_000;
const OPEN = new Set(["waiting", "uploading", "watching"]);

/** Asks until the picture is done: less and less often, and not while the page is hidden. */
async function waitForResult(backend, key, signal) {
  let wait = FIRST_WAIT_MS, spent = 0, unknown = 0;
  while (spent < PATIENCE_MS) {
    const pause = wait * (0.8 + 0.4 * Math.random());
    await sleep(pause, signal);
    await awake(signal);
    try {
      const result = await backend.result(key, signal);
      if (result) return result;
    } catch (error) {
      // Just uploaded and still unknown: the event takes a moment.
      if (!error.retryable && !(error.code === "PICTURE_NOT_FOUND" && ++unknown < 5)) throw error;
    }
    spent += pause;
    wait = Math.min(wait * 1.4, LONGEST_WAIT_MS);
  }
  throw new Error("There is no result yet. It will appear among the pictures.");
}

/**
 * @param {import("./types.js").Backend} backend
 * @param {import("./types.js").Config} config
 * @param events  onResult(result, file), onOpen(key), onLabel(name)
 */
export function setUpUploads(backend, config, events) {
  const items = [];
  const list = byId("upload-list");

  /** @param {Iterable<File>} files @param {(onGone: () => void) => Node} [note]  a row about them, which can be taken away */
  function add(files, note) {
    for (const file of files) {
      const item = { file, part: 0, state: "waiting", text: "" };
      item.view = rowFor(item, { cancel, retry, dismiss, open: () => events.onOpen(item.key), label: events.onLabel });
      items.push(item);
      list.append(item.view.row);
      item.view.update();
    }
    if (note) list.append(note(sum));
    sum();
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
      const refused = await unfit(item);
      if (refused) set(item, "refused", refused);
      if (refused) return announce(`${item.file.name}: ${refused}`);
      const onProgress = (part) => ((item.part = part), show(item));
      item.key ??= await backend.upload(item.file, { onProgress, signal }); // what has arrived is not sent twice
      set(item, "watching");
      next();
      finish(item, await waitForResult(backend, item.key, signal));
    } catch (error) {
      if (!signal.aborted) set(item, "failed", explain(error));
      announce(`${item.file.name}: ${item.text}`);
    } finally {
      next();
    }
  }

  /** Returns why the page does not send a file. */
  async function unfit({ file }) {
    try {
      return refusal(file, file.size ? await typeOf(file) : undefined, config);
    } catch {
      return "Not sent: the file cannot be read. If it is in the cloud, open it once to download it.";
    }
  }

  function finish(item, result) {
    item.result = result;
    const labels = (result.labels ?? []).slice(0, 3).map((label) => label.name);
    item.labels = result.moderation?.length ? [] : labels;
    if (result.status !== "LABELED") set(item, result.status.toLowerCase(), reason(result));
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
    if (item.result) item.key = undefined; // an old result: a new one has to arrive
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
    byId("uploads").hidden = !list.childElementCount;
    byId("uploads-sum").textContent = open ? `${items.length - open} of ${items.length} finished` : "";
    byId("uploads-clear").hidden = open > 0 && open === items.length;
  }

  byId("uploads-clear").onclick = () => {
    for (const item of [...items]) if (!OPEN.has(item.state)) dismiss(item);
    for (const row of list.querySelectorAll("[data-state=left]")) row.remove();
    sum();
    byId("files").focus();
  };
  addEventListener("beforeunload", (event) => {
    if (items.some((item) => item.state === "uploading" || item.state === "waiting")) event.preventDefault();
  });
  return { add };
}

function rowFor(item, actions) {
  const name = item.file.name;
  const button = (label, mark, action) =>
    el("button", { className: "icon", title: label, "aria-label": `${label} ${name}`, onclick: () => action(item) }, icon(mark));
  const address = URL.createObjectURL(item.file);
  const thumb = el("span", { className: "thumb" }, el("img", { src: address, alt: "", loading: "lazy", decoding: "async", onerror: (event) => event.target.replaceWith(icon("logo")) }));
  const text = el("span", { className: "state" });
  const progress = el("progress", { max: 1, "aria-label": `Upload of ${name}` });
  const cancel = button("Cancel", "x", actions.cancel), retry = button("Retry", "retry", actions.retry);
  const remove = button("Remove from the list", "x", actions.dismiss);
  const open = el("button", { className: "button slim", "aria-label": `Look at ${name}`, onclick: actions.open }, "Look");
  const row = el("li", {}, thumb,
    el("div", { className: "about" }, el("span", { className: "title" }, nameNode(name), el("small", { className: "muted" }, bytes(item.file.size))), text, progress),
    open, retry, cancel, remove);

  function update() {
    const { state } = item;
    row.dataset.state = state;
    progress.hidden = state !== "uploading" && state !== "watching";
    if (state === "watching") progress.removeAttribute("value");
    else progress.value = item.part;
    const moving = { waiting: "Waiting …", uploading: `Uploading ${Math.round(item.part * 100)} %`, watching: "Uploaded. Analysing …" };
    if (state === "done" && item.labels.length) text.replaceChildren(...item.labels.flatMap((label, at) => [at && ", ", el("button", { className: "link", title: `Search for ${label}`, onclick: () => actions.label(label) }, label)].filter(Boolean)));
    else text.textContent = item.text || (moving[state] ?? "");
    cancel.hidden = !OPEN.has(state);
    remove.hidden = OPEN.has(state);
    retry.hidden = state !== "failed" && state !== "cancelled"; // a rejected file would be rejected again
    open.hidden = state !== "done" && state !== "flagged";
  }
  return { row, update, cancel, retry, forget: () => URL.revokeObjectURL(address) };
}
