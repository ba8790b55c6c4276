/** Selecting pictures by mouse, Shift, keyboard and touch; bulk.js has the actions on them. */
import { byId } from "./dom.js";
import { announce, counted, explain, toast } from "./messages.js";

const LONG_PRESS_MS = 450, STILL_PX = 10;

/**
 * @param {import("./types.js").Backend} backend
 * @param page  load(part), onDeleted(keys), onAgain(files)
 */
export function setUpSelection(backend, pictures, gallery, page) {
  const grid = byId("grid"), bar = byId("bar"), sum = byId("bar-sum");
  const keys = new Set();
  let byButton = false, anchor, work, bulk; // `byButton`: it goes on with nothing selected
  const selecting = () => byButton || keys.size > 0;

  function show() {
    for (const key of keys) if (!gallery.cardOf(key)) keys.delete(key);
    for (const { key } of gallery.images()) {
      const node = gallery.cardOf(key);
      node.classList.toggle("picked", keys.has(key));
      node.querySelector(".pick").checked = keys.has(key);
    }
    document.body.classList.toggle("selecting", selecting());
    byId("select").setAttribute("aria-pressed", String(selecting()));
    bar.hidden = !selecting();
    if (!work) sum.textContent = keys.size ? `${counted(keys.size)} selected` : "Select pictures";
    for (const button of bar.querySelectorAll("[data-some]")) button.disabled = !keys.size || Boolean(work);
    if (![...keys].some((key) => gallery.find(key).status === "FAILED")) byId("bar-again").disabled = true;
  }

  /** Selects a picture, or with `range` all from the last one to it. */
  function pick(key, checked, range) {
    const order = gallery.images().map((image) => image.key);
    const from = range && keys.size ? order.indexOf(anchor) : -1, to = order.indexOf(key);
    for (const each of from < 0 ? [key] : order.slice(Math.min(from, to), Math.max(from, to) + 1)) checked ? keys.add(each) : keys.delete(each);
    anchor = key;
    show();
    announce(sum.textContent);
  }

  function stop() {
    work?.abort();
    byButton = false;
    keys.clear();
    show();
  }

  const keyOf = (event) => event.target.closest?.(".card")?.dataset.key;
  let pressed = 0, longPressed = false, start;

  // Before the cards' own listeners, which open a card.
  grid.addEventListener("click", (event) => {
    const key = keyOf(event), box = event.target.closest(".pick"), open = event.target.closest(".open");
    if (box) pick(key, box.checked, event.shiftKey);
    else if (longPressed || (open && (selecting() || event.ctrlKey || event.metaKey || event.shiftKey))) {
      event.preventDefault();
      event.stopPropagation();
      if (!longPressed) pick(key, !keys.has(key), event.shiftKey);
    }
    longPressed = false;
  }, true);
  grid.addEventListener("pointerdown", (event) => {
    longPressed = false;
    if (event.pointerType !== "touch" || !keyOf(event)) return;
    const key = keyOf(event);
    start = event;
    pressed = setTimeout(() => ((longPressed = true), navigator.vibrate?.(15), pick(key, !keys.has(key))), LONG_PRESS_MS);
  });
  grid.addEventListener("pointermove", (event) => start && Math.hypot(event.x - start.x, event.y - start.y) > STILL_PX && clearTimeout(pressed));
  for (const type of ["pointerup", "pointercancel"]) grid.addEventListener(type, () => clearTimeout(pressed));
  grid.addEventListener("contextmenu", (event) => longPressed && event.preventDefault());
  grid.addEventListener("keydown", (event) => {
    const key = keyOf(event);
    if (key && !keys.size && event.shiftKey && event.key.startsWith("Arrow")) pick(key, true);
  }, true);
  addEventListener("keydown", (event) => {
    if (!selecting() || document.querySelector("dialog[open]") || event.target.matches("input:not(.pick), select")) return;
    if (event.key === "Escape") (stop(), byId("select").focus());
    else if (event.key === "Delete" && keys.size && backend.canDelete) void act("remove");
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) (event.preventDefault(), all());
    else if (event.shiftKey && event.key.startsWith("Arrow")) {
      const key = keyOf({ target: document.activeElement }); // where the gallery has just gone to
      if (key) pick(key, true, true);
    }
  });

  function all() {
    for (const { key } of gallery.images()) keys.add(key);
    show();
    announce(sum.textContent);
  }

  /** The selected pictures, in the gallery's order; `begin` blocks other actions until `end`. */
  const selected = {
    images: () => gallery.images().filter((image) => keys.has(image.key)),
    begin() {
      work = new AbortController();
      show();
      return work.signal;
    },
    tell: (text) => (sum.textContent = text),
    /** @param {string[]} done  keys that are selected no longer */
    end(done) {
      work = undefined;
      for (const key of done) keys.delete(key);
      if (!keys.size) stop();
      show();
    },
  };

  async function act(name) {
    if (work) return;
    try {
      const { setUpBulk } = await page.load("bulk");
      bulk ??= setUpBulk(backend, pictures, selected, page);
      await bulk[name]();
    } catch (error) {
      selected.end([]);
      toast(explain(error), { error: true });
    }
  }

  byId("select").onclick = () => (selecting() ? stop() : ((byButton = true), show()));
  byId("bar-close").onclick = () => (stop(), byId("select").focus());
  byId("bar-all").onclick = all;
  for (const name of ["download", "again", "relabel", "remove"]) byId(`bar-${name}`).onclick = () => act(name);
  for (const name of ["relabel", "remove"]) byId(`bar-${name}`).hidden = !backend.canDelete;
  return { show };
}
