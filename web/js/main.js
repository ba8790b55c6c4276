/** Puts the page together: settings, the backend of the chosen mode, and the parts that share them. */
import { apiBackend } from "./api.js";
import { byId, el, keyInAddress } from "./dom.js";
import { placeBefore, setUpGallery } from "./gallery.js";
import { awake, sleep } from "./http.js";
import { explain, megabytes, toast, typeNames } from "./messages.js";
import { pictureSource } from "./pictures.js";
import { setUpSearch } from "./search.js";
import { setUpSelection } from "./select.js";
import { applyTheme, loadConfig, setUpSettings } from "./settings.js";
import { setUpUploads } from "./uploads.js";

const waiting = [];
let add = (...some) => waiting.push(some); // until the page knows its service

async function start() {
  applyTheme();
  // Inside another site's page, a click meant for that page could delete pictures here. S3's website hosting cannot forbid framing.
  if (window.top !== window.self) {
    const own = el("a", { href: location.href, target: "_blank", rel: "noopener" }, "Open it in a tab of its own");
    return document.body.replaceChildren(el("p", { className: "banner" }, "This page does not work inside another page. ", own, "."));
  }
  takeFiles();
  let config, backend;
  try {
    config = await loadConfig();
    backend = config.mode === "guest" ? (await import("./guest.js")).guestBackend(config) : apiBackend(config);
  } catch (error) {
    byId("empty").replaceChildren(el("h3", {}, "This page does not know its service."),
      el("p", { className: "muted" }, error.status === 404 || error.status === 403 ? "config.json is missing; the deployment writes it." : explain(error)));
    byId("empty").hidden = false;
    return;
  }
  const pictures = pictureSource(backend);

  const gallery = setUpGallery(backend, pictures, {
    onOpen: open,
    onLabel: (name) => search.lookFor(name),
    onClear: () => search.clear(),
    onChange: () => selection.show(),
  });
  const search = setUpSearch(config, () => backend.labels(), (query, why) => {
    if (why !== "sliding") return gallery.search(query);
    gallery.filter(query);
    viewer?.filter();
  });
  const changes = {
    load: part,
    onDeleted: (keys) => (gallery.drop(keys), void search.refresh()),
    onAgain: (files) => add(files),
  };
  const selection = setUpSelection(backend, pictures, gallery, changes);
  let viewer;
  async function open(key) {
    viewer ??= (await part("viewer")).setUpViewer(backend, pictures, {
      ...changes,
      minConfidence: () => search.query.minConfidence,
      find: gallery.find,
      beside: gallery.beside,
      onLabel: search.lookFor,
      onClosed: gallery.focus,
    });
    await viewer.open(key);
  }
  addEventListener("popstate", () => (viewer ? viewer.follow(keyInAddress()) : keyInAddress() !== undefined && open(keyInAddress())));
  byId("grid").addEventListener("pointerover", () => navigator.onLine && part("viewer"), { once: true });
  const uploads = setUpUploads(backend, config, {
    onOpen: open,
    onLabel: search.lookFor,
    onResult(result, file) {
      if (result.status === "LABELED" && !result.moderation?.length) pictures.keep(result.key, result.format, file);
      gallery.offer(result);
      void search.refresh();
    },
  });

  byId("limits").textContent = `${typeNames(config)}, up to ${megabytes(config)} each.${backend.note ? ` ${backend.note}` : ""}`;
  byId("drop").classList.toggle("noted", Boolean(backend.note));
  byId("files").accept = [...config.types, ".heic", ".heif", ".hif"].join(","); // types that not every system knows
  ({ add } = uploads);
  for (const some of waiting) add(...some);
  byId("more-filters").onclick = ({ currentTarget }) => currentTarget.setAttribute("aria-expanded", String(byId("filters").classList.toggle("wide")));
  watchConnection(() => gallery.refresh());
  setUpSettings(config, () => gallery.search({ ...search.query }));
  void search.refresh();
  void gallery.search({ ...search.query }, placeBefore());
  if (keyInAddress() !== undefined) void open(keyInAddress());
}

const parts = new Map();

/** Loads a module at its first use. Without a connection it waits. */
function part(name) {
  if (!parts.has(name)) parts.set(name, load(name));
  if (!navigator.onLine) toast("You are offline. Your requests continue when the connection is back.");
  return parts.get(name);
}

async function load(name) {
  for (let turn = 0; ; turn++) {
    await awake();
    try {
      return await import(`./${name}.js${turn ? `?${turn}` : ""}`); // by another address, as some browsers keep failures
    } catch (error) {
      if (turn === 5) throw error;
    }
    await sleep(1000);
  }
}

const addSome = ({ files, left }, leftOut) => add(files, left.length ? (onGone) => leftOut(left, onGone) : undefined);

/** Files come from the choosers, from a drop anywhere on the page, and from the clipboard. */
function takeFiles() {
  const files = byId("files"), folder = byId("folder");
  folder.parentElement.hidden = !("webkitdirectory" in folder);
  files.onchange = () => (add([...files.files]), (files.value = ""));
  files.onchange(); // chosen before this ran
  folder.onchange = async () => {
    const all = [...folder.files];
    folder.value = "";
    const { chosen, leftOut } = await part("folders");
    addSome(await chosen(all), leftOut);
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const over = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => carriesFiles(event) && (event.preventDefault(), over(true)));
  addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(false);
    // Dropped files exist only during the event.
    const folders = [], files = [];
    for (const item of event.dataTransfer.items) {
      const entry = item.kind === "file" && item.webkitGetAsEntry?.();
      if (entry?.isDirectory) folders.push(entry);
      else if (item.kind === "file") files.push(item.getAsFile());
    }
    add(files);
    if (folders.length) void part("folders").then(async ({ dropped, leftOut }) => addSome(await dropped(folders), leftOut));
  });
  addEventListener("paste", (event) => event.clipboardData?.files.length && add([...event.clipboardData.files]));
}

function watchConnection(onBack) {
  const note = byId("connection");
  const show = () => {
    note.hidden = navigator.onLine;
    note.textContent = navigator.onLine ? "" : "You are offline. Transfers continue when the connection is back.";
  };
  addEventListener("offline", show);
  addEventListener("online", () => (show(), onBack()));
  show();
}

void start();
