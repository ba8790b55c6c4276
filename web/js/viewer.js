/** The viewer: one picture with its boxes, its whole result, and its actions; loaded at its first use. */
import { byId, bytes, el, icon, keyInAddress, nameOf, percent } from "./dom.js";
import { awake } from "./http.js";
import { confirmed, DELETING, fetchFile, fileOf, save } from "./later.js";
import { explain, reason, toast } from "./messages.js";
import { setUpZoom } from "./zoom.js";

/**
 * @param {import("./types.js").Backend} backend
 * @param {ReturnType<import("./pictures.js").pictureSource>} pictures
 * @param {{minConfidence: () => number, find: (key: string) => object|undefined, beside: (key: string, step: number) => object|undefined,
 *   onLabel: (name: string) => void, onDeleted: (keys: string[]) => void, onAgain: (files: File[]) => void, onClosed: (key: string) => void}} page
 */
export function setUpViewer(backend, pictures, page) {
  const style = el("link", { rel: "stylesheet", href: new URL("../viewer.css", import.meta.url).href });
  const styled = new Promise((done) => (style.onload = style.onerror = done));
  document.head.append(style);
  const dialog = byId("viewer"), frame = byId("frame"), facts = byId("facts"), title = byId("viewer-title");
  const zoom = setUpZoom(byId("stage"), () => frame.querySelector(".picture"), {
    onSwipe: step,
    onClose: () => dialog.close(),
    onZoom: (by) => byId("zoom").setAttribute("aria-pressed", String(by > 1)),
  });
  let key, result, shown = 0, stays = false, leaving;

  /** Shows a picture: the gallery's part at once, the rest when it arrives. */
  async function open(nextKey) {
    const turn = ++shown;
    await styled;
    await leaving; // the history is on its way from the picture before
    if (turn !== shown) return;
    key = nextKey;
    result = page.find(key);
    title.textContent = nameOf(key);
    document.title = `${nameOf(key)} – Labelstack`;
    address();
    if (!dialog.open) dialog.showModal();
    title.focus();
    for (const [id, by] of [["prev", -1], ["next", 1]]) byId(id).disabled = !page.beside(key, by);
    for (const id of ["delete", "again"]) byId(id).hidden = true;
    frame.replaceChildren(el("span", { className: "spinner" }));
    facts.replaceChildren(el("p", { className: "muted" }, "Loading …"));
    zoom.reset();
    if (result) tellAll(turn);
    const wait = () => el("p", { className: "muted note" }, "You are offline. The rest shows when the connection is back.");
    if (!navigator.onLine) facts.prepend(wait());
    try {
      const answer = await backend.result(key);
      if (turn !== shown) return;
      if (!answer) throw new Error("This picture is still being analysed. Open it again in a moment.");
      const known = Boolean(result);
      result = answer;
      byId("delete").hidden = !backend.canDelete;
      byId("again").hidden = result.status !== "FAILED";
      tellAll(turn, known);
    } catch (error) {
      if (turn !== shown) return;
      const note = el("div", { className: "why" }, icon("bad"), el("p", {}, explain(error)), el("button", { className: "button slim", onclick: () => open(key) }, "Try again"));
      if (result) return facts.prepend(note);
      frame.replaceChildren(icon("bad"));
      facts.replaceChildren(note);
    }
  }

  /** Puts this picture into the address. A step, or a page opened by such an address, adds nothing to the history. */
  function address() {
    const hash = `#${encodeURIComponent(key)}`;
    if (keyInAddress() === undefined) history.pushState({ pushed: true }, "", hash);
    else history.replaceState(history.state ?? {}, "", hash);
  }

  function tellAll(turn, pictureIsThere = false) {
    facts.replaceChildren(...tell(result, backend, labelled));
    facts.scrollTop = 0;
    if (!pictureIsThere) void showPicture(turn);
    else if (frame.querySelector(".unseen")) cannotShow();
    else frame.querySelector(".boxes")?.replaceChildren(...boxes(result));
    filter();
  }

  async function showPicture(turn, unveil = false) {
    const flags = result.moderation ?? [];
    if (flags.length && !unveil) {
      const show = el("button", { className: "button", onclick: () => showPicture(turn, true) }, "Show the picture");
      return frame.replaceChildren(el("div", { className: "veil" }, icon("veil"), el("h3", {}, "Hidden"),
        el("p", {}, `This picture was flagged: ${flags.map((flag) => `${flag.name} (${percent(flag.confidence)})`).join(", ")}.`), show));
    }
    const image = el("img", { alt: altText(result), draggable: false });
    image.onload = () => {
      if (turn !== shown) return;
      const picture = el("div", { className: "picture" }, image, el("div", { className: "boxes", "aria-hidden": "true" }, boxes(result)));
      picture.style.setProperty("--wide", String(image.naturalWidth));
      picture.style.setProperty("--high", String(image.naturalHeight));
      frame.replaceChildren(picture);
      filter();
      if (unveil) title.focus();
    };
    image.onerror = async () => {
      const { onLine } = navigator;
      await awake();
      if (turn === shown) onLine ? cannotShow() : showPicture(turn, unveil);
    };
    try {
      image.src = await pictures.address(key, { width: frame.clientWidth, flagged: unveil });
    } catch (error) {
      if (turn !== shown) return;
      if (error.code === "PREVIEW_NOT_FOUND") cannotShow();
      else frame.replaceChildren(el("div", { className: "veil" }, icon("bad"), el("p", {}, explain(error))));
    }
  }

  function cannotShow() {
    const what = !result.format || /JPEG|PNG/.test(result.format) ? "this picture" : `${result.format} pictures`;
    frame.replaceChildren(el("div", { className: "veil unseen" }, icon("bad"), el("p", {}, `This browser cannot show ${what}. Its results are listed.`)));
  }

  /** Hides labels below the slider, in the list and over the picture. */
  function filter() {
    const least = page.minConfidence();
    let hidden = 0;
    for (const node of dialog.querySelectorAll("[data-confidence]")) {
      node.hidden = Number(node.dataset.confidence) < least;
      if (node.hidden && node.tagName === "LI") hidden++;
    }
    const note = facts.querySelector(".below");
    if (note) note.textContent = hidden ? `${hidden} below ${least} % not shown` : "";
  }

  /** Marks the boxes of the label under the pointer. */
  function point(about) {
    for (const box of frame.querySelectorAll(".boxes > *")) box.classList.toggle("on", box.dataset.about.split(" ").includes(about));
    frame.classList.toggle("pointing", Boolean(about));
  }
  for (const type of ["pointerover", "focusin"]) facts.addEventListener(type, (event) => point(event.target.closest("[data-about]")?.dataset.about));
  for (const type of ["pointerleave", "focusout"]) facts.addEventListener(type, () => point());

  function step(by) {
    const other = page.beside(key, by);
    if (other) void open(other.key);
  }

  function labelled(name) {
    stays = true; // the address becomes the search's, in place of this picture's
    dialog.close();
    page.onLabel(name);
  }

  async function remove() {
    const gone = key;
    if (!(await confirmed("Delete this picture?", `${nameOf(gone)} and its labels disappear from the page and the search. ${DELETING}`))) return;
    try {
      await backend.remove(gone);
    } catch (error) {
      return toast(explain(error), { error: true });
    }
    pictures.forget(gone);
    dialog.close();
    page.onDeleted([gone]);
    toast(`${nameOf(gone)} is deleted.`);
  }

  async function again() {
    const file = await fileOf(key, pictures);
    dialog.close();
    page.onAgain([file]);
  }

  /** Copies to the clipboard, by the older API on pages without HTTPS, as S3's website hosting serves. */
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = el("textarea", { value: text, readOnly: true });
    byId("copy").after(field); // text outside an open dialog cannot be selected
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("The browser does not let this page copy. Copy the address of this page.");
  }

  const original = () => pictures.address(key, { flagged: true });
  const attempt = (action) => async () => {
    try {
      await action();
    } catch (error) {
      toast(explain(error), { error: true });
    }
  };
  byId("prev").onclick = () => step(-1);
  byId("next").onclick = () => step(1);
  byId("zoom").onclick = zoom.toggle;
  byId("viewer-close").onclick = () => dialog.close();
  byId("delete").onclick = remove;
  byId("again").onclick = attempt(again);
  byId("download").onclick = attempt(async () => save(await fetchFile(await original()), nameOf(key)));
  byId("copy").onclick = attempt(async () => {
    await copy(location.href);
    toast("The link to this picture is copied.");
  });
  byId("original").onclick = attempt(async () => {
    const tab = window.open(); // now, as browsers allow none later
    if (!tab) throw new Error("The browser has blocked the new tab. Allow this page to open one, and try again.");
    tab.opener = null;
    try {
      tab.location = await original();
    } catch (error) {
      tab.close();
      throw error;
    }
  });
  byId("boxes").onchange = (event) => frame.classList.toggle("bare", !event.target.checked);
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("input") || event.altKey || event.ctrlKey || event.metaKey) return;
    const action = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), "+": () => zoom.closer(1.5), "-": () => zoom.closer(1 / 1.5), 0: zoom.reset }[event.key];
    action?.();
  });
  dialog.addEventListener("close", () => {
    shown++;
    frame.replaceChildren();
    document.title = "Labelstack";
    if (!stays && keyInAddress() !== undefined) {
      if (history.state?.pushed) {
        leaving = new Promise((done) => addEventListener("popstate", done, { once: true }));
        history.back();
      }
      else history.replaceState(null, "", location.pathname + location.search);
    }
    if (!stays) page.onClosed(key);
    stays = false;
  });
  return {
    open,
    filter,
    /** Follows the browser's history to a picture, or to none. */
    follow(named) {
      if (named === undefined) dialog.open && dialog.close();
      else if (!dialog.open || named !== key) void open(named);
    },
  };
}

function altText(result) {
  const names = (result.labels ?? []).slice(0, 5).map((label) => label.name);
  return names.length ? `Picture with ${names.join(", ")}` : "Picture without labels";
}

/** Creates a frame for each instance, face and line of text, placed in percent, so that they follow the picture's size. */
function boxes(result) {
  const regions = [
    ...(result.labels ?? []).flatMap((label, at) => (label.instances ?? []).map((instance) => [`label-${at}`, label.name, instance, "thing"])),
    ...(result.faces ?? []).map((face, at) => [`face-${at}`, "Face", face, "face"]),
    ...(result.text ?? []).filter((text) => text.type === "LINE").map((text, at) => [`text-${at}`, "", text, "words"]),
  ];
  const nodes = new Map();
  for (const [about, text, { confidence, boundingBox: box }, kind] of regions) {
    // "Person" and "Astronaut" in the same place share one frame.
    const place = kind + Object.values(box).map((part) => part.toFixed(2));
    const same = nodes.get(place);
    if (same) {
      same.firstChild?.append(`, ${text}`);
      same.dataset.about += ` ${about}`;
      same.dataset.confidence = Math.max(same.dataset.confidence, confidence);
      continue;
    }
    const node = el("div", { className: kind }, text && el("b", {}, text));
    Object.assign(node.dataset, { about, confidence });
    for (const [side, part] of Object.entries(box)) node.style[side] = `${part * 100}%`;
    nodes.set(place, node);
  }
  return [...nodes.values()];
}

/** Shows a picture's facts; the gallery's list has fewer than a result. */
function* tell(result, backend, onLabel) {
  if (result.status !== "LABELED") yield el("div", { className: "why" }, icon("bad"), el("p", {}, reason(result)), el("small", {}, result.code), el("small", {}, remedy(result, backend)));
  const row = (about, name, confidence, more, onClick) => {
    const node = el("li", { className: "fact" }, el("span", { className: "what" }, onClick ? el("button", { className: "tag", title: `Search for ${name}`, onclick: () => onClick(name) }, name) : name, more && el("small", { className: "muted" }, more)), el("span", { className: "figure" }, percent(confidence)), bar(confidence));
    Object.assign(node.dataset, { about, confidence });
    return node;
  };
  const part = (name, rows, none) => rows && el("section", {}, el("h3", {}, name), rows.length ? el("ul", {}, rows) : el("p", { className: "muted" }, none));
  const labels = result.labels?.map((label, at) => row(`label-${at}`, label.name, label.confidence,
    [label.instances?.length > 1 && `× ${label.instances.length}`, label.parents?.join(" › ")].filter(Boolean).join("  "), onLabel));
  const faces = result.faces?.map((face, at) => row(`face-${at}`, faceTitle(face), face.confidence,
    [face.emotions?.[0]?.type.toLowerCase(), face.smile?.value && "smiling"].filter(Boolean).join(", ")));
  const lines = result.text?.filter((text) => text.type === "LINE").map((text, at) => row(`text-${at}`, text.text, text.confidence));
  const flags = result.moderation?.map((flag) => row("", flag.name, flag.confidence, flag.parent));
  if (flags?.length) yield part("Flagged", flags);
  if (labels) yield part("Labels", labels, "Nothing was recognised.");
  if (labels?.length) yield el("p", { className: "below muted" });
  if (faces) yield part("Faces", faces, "No faces.");
  if (lines) yield part("Text", lines, "No text.");
  if (flags && !flags.length) yield part("Flagged", [], "No flags.");
  if (result.colors?.length) yield el("section", {}, el("h3", {}, "Colours"), el("ul", { className: "colours" }, result.colors.map(swatch)));
  yield el("section", {}, el("h3", {}, "File"), el("dl", {}, Object.entries(about(result)).flatMap(([name, value]) => value && [el("dt", {}, name), el("dd", {}, value)])));
}

/** Says what to do about a picture without labels, or why that is not possible here. */
function remedy({ status }, { canDelete }) {
  const deletion = canDelete ? "You can delete it." : "To delete it, you need the service's access key.";
  return status === "FAILED" ? `You can send it again as a new picture. ${deletion}` : deletion;
}

/** Creates a bar from 0 to 100. A script sets the style on purpose: the content security policy allows no style attributes. */
function bar(percent) {
  const fill = el("i");
  fill.style.setProperty("--part", String(Math.max(0, Math.min(100, percent)) / 100));
  return el("span", { className: "bar", "aria-hidden": "true" }, fill);
}

function swatch({ hex, name, percent: part }) {
  const chip = el("i");
  chip.style.backgroundColor = hex;
  chip.style.flexGrow = "1";
  return el("li", {}, chip, el("span", {}, name || hex), el("small", { className: "muted" }, percent(part)));
}

function about(result) {
  return {
    Kind: result.width && `${result.format ?? "Picture"}, ${result.width} × ${result.height} pixels`,
    Size: result.sizeBytes >= 0 && bytes(result.sizeBytes),
    Taken: result.capture?.takenAt?.replace("T", " "),
    Camera: result.capture && cameraOf(result.capture),
    Place: result.capture?.latitude !== undefined && `${result.capture.latitude}, ${result.capture.longitude}`,
    Uploaded: result.uploadedAt && new Date(result.uploadedAt).toLocaleString(),
    Looked: result.reused && "the same content was known already: no new analysis",
    Key: result.key,
  };
}

function cameraOf({ camera, lens, exposureSeconds: exposure, aperture, iso, focalLengthMm: focal }) {
  const time = exposure && (exposure < 0.3 ? `1/${Math.round(1 / exposure)} s` : `${exposure} s`);
  return [camera, lens, time, aperture && `f/${aperture}`, iso && `ISO ${iso}`, focal && `${focal} mm`].filter(Boolean).join(", ");
}

// A range as wide as a lifetime has no information.
function faceTitle({ ageRange }) {
  return ageRange && ageRange.high - ageRange.low <= 60 ? `Face, ${ageRange.low} to ${ageRange.high} years` : "Face";
}
