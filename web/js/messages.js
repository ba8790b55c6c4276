/** Sentences, and the places where they are shown and read out. */
import { byId, el } from "./dom.js";

/** Returns why a picture has no labels: the service has a sentence for each of its codes. */
export function reason(result) {
  return result.message ?? `Something went wrong on our side (${result.code ?? result.status}). Upload the picture again.`;
}

/** Returns why the page does not send a file of this type; undefined when it does. */
export function refusal(file, type, config) {
  if (!file.size) return "Not sent: the file is empty. Choose another.";
  if (file.size > config.maxSizeBytes) return `Not sent: the file is larger than ${megabytes(config)}.`;
  if (!config.types.includes(type)) return `Not sent: choose a ${typeNames(config)} picture.`;
}

export const megabytes = (config) => `${Math.floor(config.maxSizeBytes / 1024 / 1024)} MB`;

/** Writes `JPEG, PNG or WEBP`. */
export function typeNames(config) {
  return config.types.map((type) => type.replace("image/", "").toUpperCase()).join(", ").replace(/, (?=\w+$)/, " or ");
}

/** Announces a text to screen readers; sighted people see the same in its own place. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Shows a short note at the page's edge that disappears by itself; an error stays longer. */
export function toast(text, { error = false } = {}) {
  const note = el("div", { className: error ? "toast bad" : "toast" }, text), all = byId("toasts");
  all.append(note);
  all.hidePopover?.(); // again, so that it stands before a dialog that was opened meanwhile
  all.showPopover?.();
  setTimeout(() => note.remove(), error ? 9000 : 5000);
}

/** Explains a failed request. */
export function explain(error) {
  if (error.status === 401 || error.status === 403) return `${error.message} If you have an access key, enter it in the settings.`;
  return error.message || "Something went wrong. Try again.";
}

/** Writes `1 picture`, `1,234 pictures`. */
export const counted = (count) => `${count.toLocaleString("en")} ${count === 1 ? "picture" : "pictures"}`;
