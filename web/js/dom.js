/** Elements, and the browser's storage. Text enters the page as text nodes only, so that it cannot become markup. */

import { characters } from "./names.js";

/** Returns the element with this id; the page is broken without it. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`index.html has no element #${id}`);
  return node;
}

/** Creates an element (a button submits nothing) with properties, listeners like `onclick`, and attributes: `role`, and names with a dash. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  if (tag === "button") node.type = tag;
  for (const [name, value] of Object.entries(props)) {
    if (value == null) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter(Boolean));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** Creates one of the icons of index.html; decoration only. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Writes `98.7 %`, without decimals that are zero. */
export function percent(value) {
  return `${value.toFixed(1).replace(/\.0$/, "")}\u00a0%`;
}

/** Writes `1.4 MB`, in decimal units, as file managers do. */
export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** Returns the last part of a key, the name that a person knows. */
export function nameOf(key) {
  return key.slice(key.lastIndexOf("/") + 1) || key;
}

/** Returns the date by which searches sort a picture. */
export const dateOf = ({ capture, uploadedAt, processedAt }) => (capture?.takenAt ?? uploadedAt ?? processedAt).slice(0, 19);

/** Splits a name in one line: the style sheet cuts the first part if there is no room, so that the name's end stays. */
export function nameNode(name) {
  const head = characters(name), tail = head.length > 16 ? head.splice(-10) : [];
  return el("span", { className: "name", title: name, dir: "auto" }, el("span", {}, head.join("")), tail.length && el("span", {}, tail.join("")));
}

/** The page's storage in the browser, permanent or for this tab; empty if the browser refuses. */
export const keeping = (kind) => ({
  get(name) {
    try {
      return window[kind].getItem(name);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      window[kind].setItem(name, value);
    } catch {
      // Site data are blocked, or there is no room.
    }
  },
});
export const kept = keeping("localStorage"), keptInTab = keeping("sessionStorage");

/** Calls `action` once `wait` ms after the last call. */
export function debounce(action, wait) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), wait);
  };
}

/** Returns the key in the page's address, if it can be read. */
export function keyInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || undefined;
  } catch {
    return undefined;
  }
}
