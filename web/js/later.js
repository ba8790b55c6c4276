/** Helpers of the modules that load later: fetching, saving and naming files, actions on many, confirmation. */
import { el, nameOf } from "./dom.js";
import { again, get, ServiceError } from "./http.js";
import { shortened } from "./names.js";

const FETCH_MS = 5 * 60_000;

/** Fetches a picture's bytes. @returns {Promise<Blob>} */
export const fetchFile = (url, signal) => again(async () => {
  const { response, content } = await get(url, {}, signal, FETCH_MS, "blob");
  if (response.ok) return content;
  throw new ServiceError(`HTTP_${response.status}`, `The storage answered with status ${response.status}.`, response.status);
}, signal);

/** Returns a picture of the gallery as a file, for another upload. */
export async function fileOf(key, pictures, signal) {
  return new File([await fetchFile(await pictures.address(key, { flagged: true }), signal)], nameOf(key));
}

/** Downloads a file to the person's device. */
export function save(blob, name) {
  const href = URL.createObjectURL(blob);
  el("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/**
 * Does something with each item, so many at a time, and goes on where one fails.
 * @returns {Promise<Error[]>} what went wrong
 */
export async function each(items, atOnce, action, signal) {
  const left = [...items], errors = [];
  const work = async () => {
    while (left.length && !signal?.aborted) await action(left.shift()).catch((error) => errors.push(error));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return errors;
}

/** Asks for confirmation of a permanent or paid action. @returns {Promise<boolean>} */
export async function confirmed(title, text, [no, yes] = ["Keep it", "Delete"]) {
  const dialog = el("dialog", { id: "confirm", className: "small", "aria-labelledby": "confirm-title" }, el("form", { method: "dialog" },
    el("h2", { id: "confirm-title" }, title), el("p", {}, text), el("menu", {},
      el("button", { className: "button", type: "submit", value: "no", autofocus: true }, no),
      el("button", { className: "button bad", type: "submit", value: "yes", id: "confirm-yes" }, yes))));
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  dialog.remove();
  return dialog.returnValue === "yes";
}

/** The effect of deleting, in any deployment. */
export const DELETING = "You cannot undo this here. The service may keep the old version and its labels for some time.";

/** Returns the last part of a key for a file of this name, of at most so many bytes, as `handlers/api_upload_url/file_names.py` does. */
export function keyName(name, mostBytes) {
  const harmless = name.split(/[/\\]/).pop().replace(/[<>"]|%(?=[\da-f]{2})/gi, (sign) => String.fromCharCode(sign.charCodeAt() + 0xfee0));
  const spoken = harmless.replace(/[\p{Cc}\ufffe\uffff]+/gu, " ").trim();
  if (/^\.*$/.test(spoken)) return "picture";
  return shortened(spoken, (text) => new TextEncoder().encode(text).length <= mostBytes);
}
