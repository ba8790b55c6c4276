/** The viewer: one picture with its boxes, and everything that was seen in it. */
import { byId, bytes, el, icon, nameOf, percent } from "./dom.js";
import { explain, reason, toast } from "./messages.js";

/**
 * @param {import("./types.js").Backend} backend
 * @param {ReturnType<import("./pictures.js").pictureSource>} pictures
 * @param {{minConfidence: () => number, beside: (key: string, step: number) => object|undefined,
 *   onDeleted: (key: string) => void, onClosed: (key: string) => void}} page
 */
export function setUpViewer(backend, pictures, page) {
  const style = el("link", { rel: "stylesheet", href: new URL("../viewer.css", import.meta.url).href });
  const styled = new Promise((done) => (style.onload = style.onerror = done));
  document.head.append(style);
  const dialog = byId("viewer"), frame = byId("frame"), facts = byId("facts"), title = byId("viewer-title");
  let key, result, shown = 0;

  async function open(nextKey) {
    const turn = ++shown;
    key = nextKey;
    result = undefined;
    const name = nameOf(key);
    title.textContent = name;
    document.title = `${name} – Labelstack`;
    const entry = { viewer: key };
    await styled;
    if (turn !== shown) return;
    if (dialog.open) history.replaceState(entry, "", `#${encodeURIComponent(key)}`);
    else {
      history.pushState(entry, "", `#${encodeURIComponent(key)}`);
      dialog.showModal();
    }
    title.focus();
    for (const [id, step] of [["prev", -1], ["next", 1]]) byId(id).disabled = !page.beside(key, step);
    byId("delete").hidden = true;
    frame.replaceChildren(el("span", { className: "spinner" }));
    facts.replaceChildren(el("p", { className: "muted" }, "Loading …"));
    try {
      const answer = await backend.result(key);
      if (turn !== shown) return;
      if (!answer) throw new Error("This picture is still being looked at. Open it again in a moment.");
      result = answer;
      byId("delete").hidden = !backend.canDelete;
      facts.replaceChildren(...tell(result));
      facts.scrollTop = 0;
      filter();
      await showPicture(turn);
    } catch (error) {
      if (turn !== shown) return;
      frame.replaceChildren(icon("bad"));
      facts.replaceChildren(el("p", {}, explain(error)), el("button", { className: "button", onclick: () => open(key) }, "Try again"));
    }
  }

  async function showPicture(turn, asked = false) {
    const flags = result.moderation ?? [];
    if (flags.length && !asked) {
      const show = el("button", { className: "button", onclick: () => showPicture(turn, true) }, "Show the picture");
      return frame.replaceChildren(el("div", { className: "veil" }, icon("veil"), el("h3", {}, "Hidden"),
        el("p", {}, `This picture was flagged: ${flags.map((flag) => `${flag.name} (${percent(flag.confidence)})`).join(", ")}.`), show));
    }
    const image = el("img", { alt: altText(result) });
    image.onload = () => {
      if (turn !== shown) return;
      const picture = el("div", { className: "picture" }, image, el("div", { className: "boxes", "aria-hidden": "true" }, boxes(result)));
      picture.style.setProperty("--wide", String(image.naturalWidth));
      picture.style.setProperty("--high", String(image.naturalHeight));
      frame.replaceChildren(picture);
      filter();
      if (asked) title.focus();
    };
    image.onerror = () => turn === shown && frame.replaceChildren(el("div", { className: "veil" }, icon("bad"), el("p", {}, `This browser cannot show ${/JPEG|PNG/.test(result.format) ? "this picture" : `${result.format} pictures`}. What was seen in it is listed all the same.`)));
    try {
      image.src = await pictures.address(key, asked);
    } catch (error) {
      if (turn === shown) frame.replaceChildren(el("div", { className: "veil" }, icon("bad"), el("p", {}, explain(error))));
    }
  }

  /** Hides what is below the slider, in the list and over the picture. */
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

  /** Marks the boxes of what is pointed at. */
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

  async function remove() {
    const confirm = byId("confirm");
    byId("confirm-text").textContent = `${nameOf(key)} and its labels go for good.`;
    confirm.returnValue = "no";
    confirm.showModal();
    await new Promise((done) => confirm.addEventListener("close", done, { once: true }));
    if (confirm.returnValue !== "yes") return;
    const gone = key;
    try {
      await backend.remove(gone);
    } catch (error) {
      return toast(explain(error), { error: true });
    }
    pictures.forget(gone);
    dialog.close();
    page.onDeleted(gone);
    toast(`${nameOf(gone)} is deleted.`);
  }

  byId("prev").onclick = () => step(-1);
  byId("next").onclick = () => step(1);
  byId("viewer-close").onclick = () => dialog.close();
  byId("delete").onclick = remove;
  byId("boxes").onchange = (event) => frame.classList.toggle("bare", !event.target.checked);
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("input") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  dialog.addEventListener("close", () => {
    shown++;
    frame.replaceChildren();
    document.title = "Labelstack";
    if (history.state?.viewer) history.back();
    page.onClosed(key);
  });
  addEventListener("popstate", () => !history.state?.viewer && dialog.open && dialog.close());
  return { open, filter };
}

function altText(result) {
  const names = (result.labels ?? []).slice(0, 5).map((label) => label.name);
  return names.length ? `Picture with ${names.join(", ")}` : "Picture without labels";
}

/** A frame for each instance, face and line of text; placed in percent, so that they follow the picture's size. */
function boxes(result) {
  const found = [
    ...(result.labels ?? []).flatMap((label, at) => label.instances.map((one) => [`label-${at}`, label.name, one, "thing"])),
    ...(result.faces ?? []).map((face, at) => [`face-${at}`, "Face", face, "face"]),
    ...(result.text ?? []).filter((text) => text.type === "LINE").map((text, at) => [`text-${at}`, "", text, "words"]),
  ];
  const nodes = new Map();
  for (const [about, text, { confidence, boundingBox: box }, kind] of found) {
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

function* tell(result) {
  if (result.status !== "LABELED") yield el("div", { className: "why" }, icon("bad"), el("p", {}, reason(result)), el("small", { className: "muted" }, result.code));
  const row = (about, name, confidence, more) => {
    const node = el("li", { className: "fact" }, el("span", { className: "what" }, name, more && el("small", { className: "muted" }, more)), el("span", { className: "figure" }, percent(confidence)), bar(confidence));
    Object.assign(node.dataset, { about, confidence });
    return node;
  };
  const part = (name, rows, none) => rows && el("section", {}, el("h3", {}, name), rows.length ? el("ul", {}, rows) : el("p", { className: "muted" }, none));
  const labels = result.labels?.map((label, at) => row(`label-${at}`, label.name, label.confidence,
    [label.instances.length > 1 && `× ${label.instances.length}`, label.parents.join(" › ")].filter(Boolean).join("  ")));
  const faces = result.faces?.map((face, at) => row(`face-${at}`, faceTitle(face), face.confidence,
    [face.emotions?.[0]?.type.toLowerCase(), face.smile?.value && "smiling"].filter(Boolean).join(", ")));
  const lines = result.text?.filter((text) => text.type === "LINE").map((text, at) => row(`text-${at}`, text.text, text.confidence));
  const flags = result.moderation?.map((flag) => row("", flag.name, flag.confidence, flag.parent));
  if (flags?.length) yield part("Flagged", flags);
  if (labels) yield part("Labels", labels, "Nothing was recognised.");
  if (labels?.length) yield el("p", { className: "below muted" });
  if (faces) yield part("Faces", faces, "No faces.");
  if (lines) yield part("Text", lines, "No text.");
  if (flags && !flags.length) yield part("Flagged", [], "Nothing to object to.");
  if (result.colors?.length) yield el("section", {}, el("h3", {}, "Colours"), el("ul", { className: "colours" }, result.colors.map(swatch)));
  yield el("section", {}, el("h3", {}, "File"), el("dl", {}, Object.entries(about(result)).flatMap(([name, value]) => value && [el("dt", {}, name), el("dd", {}, value)])));
}

/** A bar from 0 to 100. The style is set by script on purpose: the content security policy allows no style attributes. */
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
    Uploaded: result.uploadedAt && new Date(result.uploadedAt).toLocaleString(),
    Looked: result.reused && "the same content was known already: no new analysis",
    Key: result.key,
  };
}

// A range as wide as a life says nothing.
function faceTitle({ ageRange }) {
  return ageRange && ageRange.high - ageRange.low <= 60 ? `Face, ${ageRange.low} to ${ageRange.high} years` : "Face";
}
