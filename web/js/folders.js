/** The pictures in folders; loaded when one is dropped or chosen. `left` has a folder's other files. */
import { el, icon } from "./dom.js";
import { isPicture } from "./files.js";
import { announce } from "./messages.js";

// Hidden files, and files that storage devices and systems create.
const NOT_OURS = /^(\..*|@(eaDir|__thumb|Recycle|Recently-Snapshot|tmp)|#(recycle|snapshot)|__MACOSX|\$RECYCLE\.BIN|System Volume Information|lost\+found)$/i;

/**
 * @param {FileSystemDirectoryEntry[]} folders  that were dropped
 * @returns {Promise<{files: File[], left: string[]}>}
 */
export async function dropped(folders) {
  const files = [], left = [];
  for (const folder of folders) await walk(folder, folder.name, files, left);
  return { files, left };
}

async function walk(folder, path, files, left) {
  const reader = folder.createReader();
  try {
    // A reader returns a folder's entries by the hundred, and an empty list at the end.
    for (let some; (some = await new Promise((done, failed) => reader.readEntries(done, failed))).length; ) {
      for (const entry of some) {
        const name = `${path}/${entry.name}`;
        if (NOT_OURS.test(entry.name)) left.push(name);
        else if (entry.isDirectory) await walk(entry, name, files, left);
        else {
          const file = await new Promise((done) => entry.file(done, () => done(undefined)));
          if (file && (await isPicture(file))) files.push(file);
          else left.push(file ? name : `${name} (it cannot be read)`);
        }
      }
    }
  } catch {
    left.push(`${path} (it cannot be read)`);
  }
}

/** Does the same for a chosen folder. @param {File[]} all */
export async function chosen(all) {
  const files = [], left = new Set();
  for (const file of all) {
    const path = file.webkitRelativePath.split("/"), at = path.findIndex((part, depth) => depth && NOT_OURS.test(part));
    const name = path.slice(0, at < 0 ? undefined : at + 1).join("/");
    if (at > 0 || !(await isPicture(file))) left.add(name);
    else files.push(file);
  }
  return { files, left: [...left] };
}

/** The row that lists files that were left out; it calls `onGone` when it is removed. */
export function leftOut(names, onGone) {
  const text = names.length === 1 ? "1 file of the folder was left out, as it is no picture" : `${names.length} files of the folder were left out, as they are no pictures`;
  const row = el("li", {}, el("details", { className: "about" }, el("summary", {}, text), el("ul", { className: "muted" }, names.map((name) => el("li", {}, name)))),
    el("button", { className: "icon", title: "Remove from the list", "aria-label": "Remove this note from the list", onclick: () => (row.remove(), onGone()) }, icon("x")));
  row.dataset.state = "left";
  announce(text);
  return row;
}
