/** Puts the page together: settings, the backend of the chosen mode, and the parts that share them. */
import { apiBackend } from "./api.js";
import { byId, el } from "./dom.js";
import { setUpGallery } from "./gallery.js";
import { explain, megabytes, typeNames } from "./messages.js";
import { pictureSource } from "./pictures.js";
import { setUpSearch } from "./search.js";
import { applyTheme, loadConfig, setUpSettings } from "./settings.js";
import { setUpUploads } from "./uploads.js";

const waiting = [];
let add = (files) => waiting.push(...files); // until the page knows its service

async function start() {
  applyTheme();
  takeFiles();
  let config;
  try {
    config = await loadConfig();
  } catch (error) {
    byId("empty").replaceChildren(el("h3", {}, "This page does not know its service."),
      el("p", { className: "muted" }, error.status === 404 || error.status === 403 ? "There is no config.json beside it; the deployment writes it." : explain(error)));
    byId("empty").hidden = false;
    return;
  }
  const backend = config.mode === "guest" ? (await import("./guest.js")).guestBackend(config) : apiBackend(config);
  const pictures = pictureSource(backend);

  const gallery = setUpGallery(backend, pictures, { onOpen: (image) => open(image.key), onClear: () => search.clear() });
  const search = setUpSearch(config, () => backend.labels(), (query, why) => {
    if (why !== "sliding") return gallery.search(query);
    gallery.filter(query);
    viewer?.filter();
  });
  let viewer;
  async function open(key) {
    const { setUpViewer } = await import("./viewer.js");
    viewer ??= setUpViewer(backend, pictures, {
      minConfidence: () => search.query.minConfidence,
      beside: gallery.beside,
      onClosed: gallery.focus,
      onDeleted: (gone) => (gallery.drop(gone), search.refresh()),
    });
    await viewer.open(key);
  }
  const uploads = setUpUploads(backend, config, {
    onOpen: open,
    onResult(result, file) {
      if (result.status === "LABELED" && !result.moderation?.length) pictures.keep(result.key, file);
      gallery.offer(result);
      void search.refresh();
    },
  });

  byId("limits").textContent = `${typeNames(config)}, up to ${megabytes(config)} each.${backend.note ? ` ${backend.note}` : ""}`;
  byId("files").accept = [...config.types, ".heic", ".heif"].join(","); // types that not every system knows
  ({ add } = uploads);
  add(waiting);
  watchConnection(() => gallery.refresh());
  setUpSettings(config, () => gallery.search({ ...search.query }));
  void search.refresh();
  void gallery.search({ ...search.query });
  if (location.hash.length > 1) void open(decodeURIComponent(location.hash.slice(1)));
}

/** Files come from the chooser, from a drop anywhere on the page, and from the clipboard. */
function takeFiles() {
  const files = byId("files");
  files.onchange = () => (add([...files.files]), (files.value = ""));
  files.onchange(); // chosen before this ran
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const over = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => carriesFiles(event) && (event.preventDefault(), over(true)));
  addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(false);
    add([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => event.clipboardData?.files.length && add([...event.clipboardData.files]));
}

function watchConnection(onBack) {
  const note = byId("connection");
  const show = () => {
    note.hidden = navigator.onLine;
    note.textContent = navigator.onLine ? "" : "You are offline. What is under way waits and goes on when the connection is back.";
  };
  addEventListener("offline", show);
  addEventListener("online", () => (show(), onBack()));
  show();
}

void start();
