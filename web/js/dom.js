/** Building elements. Text only ever enters the page as text nodes, so names and labels cannot become markup. */

/** The element with this id; the page is broken if there is none. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`index.html has no element #${id}`);
  return node;
}

/** An element (a button submits nothing) with properties, `onclick`-like listeners and attributes (those with a dash, and `role`). */
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

/** One of the icons drawn in index.html; decoration only. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** `98.7 %`, and no decimals where they say nothing. */
export function percent(value) {
  return `${value.toFixed(1).replace(/\.0$/, "")}\u00a0%`;
}

/** `1.4 MB`; decimal units, as file managers show them. */
export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** The last part of a key: what a person recognises. */
export function nameOf(key) {
  return key.slice(key.lastIndexOf("/") + 1) || key;
}

/** Calls `action` once `wait` ms after the last call. */
export function debounce(action, wait) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), wait);
  };
}
