/** The gallery: pages of pictures as cards, kept fresh, with its empty, loading and error states. */
import { byId, el, icon, nameOf, percent } from "./dom.js";
import { explain, reason } from "./messages.js";

const PAGE = 24, FRESH_MS = 20_000, TAGS = 4;

/**
 * @param {import("./types.js").Backend} backend
 * @param {ReturnType<import("./pictures.js").pictureSource>} pictures
 * @param {{onOpen: (image: object) => void, onClear: () => void}} events
 */
export function setUpGallery(backend, pictures, events) {
  const grid = byId("grid"), more = byId("more"), empty = byId("empty"), count = byId("count");
  let query, cursor, images = [], cards = new Map(), loading;
  const looker = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) (looker.unobserve(target), target.load());
  }, { rootMargin: "300px" });

  /** Shows what matches; the cards that are there stay until the answer has come. */
  async function search(next) {
    query = next;
    loading?.abort();
    const mine = (loading = new AbortController());
    grid.setAttribute("aria-busy", "true");
    if (!images.length) skeleton();
    try {
      const page = await load(undefined, mine.signal);
      cards.clear();
      looker.disconnect();
      images = [];
      grid.replaceChildren();
      append(page);
    } catch (error) {
      if (mine.signal.aborted) return;
      images = [];
      cards.clear();
      grid.replaceChildren();
      more.hidden = true;
      count.textContent = "";
      state("bad", "The pictures could not be loaded.", explain(error), ["Try again", () => search(query)]);
    }
    if (loading === mine) grid.removeAttribute("aria-busy");
  }

  /** One page; goes on over pages that turn out empty. */
  async function load(from, signal) {
    let page = await backend.images({ ...query, limit: PAGE, cursor: from }, signal);
    while (!page.images.length && page.cursor) {
      page = await backend.images({ ...query, limit: PAGE, cursor: page.cursor }, signal);
    }
    return page;
  }

  function append(page) {
    cursor = page.cursor;
    const fresh = page.images.filter((image) => !cards.has(image.key));
    images.push(...fresh);
    grid.append(...fresh.map(card));
    settle();
  }

  function settle() {
    more.hidden = !cursor;
    count.textContent = images.length ? `${images.length}${cursor ? "+" : ""} ${images.length === 1 && !cursor ? "picture" : "pictures"}` : "";
    if (images.length) return (empty.hidden = true);
    if (query.labels.length) state("find", "No picture has all of that.", `Nothing with ${query.labels.join(" and ")} at ${query.minConfidence} % or more.`, ["Show all pictures", events.onClear]);
    else if (!query.status) state("logo", "No pictures yet.", "Choose some above, or drop them on this page: what is in them shows up here.");
    else state("logo", `No picture is ${{ LABELED: "labelled yet", REJECTED: "rejected", FAILED: "given up" }[query.status]}.`, "", ["Show all pictures", events.onClear]);
  }

  function state(mark, title, text, action) {
    empty.replaceChildren(icon(mark), el("h3", {}, title), el("p", { className: "muted" }, text),
      ...(action ? [el("button", { className: "button", onclick: action[1] }, action[0])] : []));
    empty.hidden = false;
  }

  function skeleton() {
    empty.hidden = true;
    grid.replaceChildren(...Array.from({ length: 8 }, () => el("li", { className: "ghost", "aria-hidden": "true" }, el("span", { className: "photo" }))));
  }

  function card(image) {
    const name = nameOf(image.key);
    const flagged = image.moderation?.length > 0, seen = image.status === "LABELED";
    const photo = el("span", { className: "photo" }, flagged && [icon("veil"), el("span", {}, `Hidden: ${image.moderation[0].name}`)], !seen && icon("bad"));
    const tags = el("span", { className: "tags" });
    const button = el("button", { onclick: () => events.onOpen(image) }, photo, el("span", { className: "name" }, name),
      seen ? tags : el("span", { className: "why" }, reason(image)));
    const node = el("li", { className: `card${flagged ? " flagged" : ""}${seen ? "" : " refused"}` }, button);
    node.tags = () => tags.replaceChildren(...visible(image).map((label) => el("span", { className: "tag", title: percent(label.confidence) }, label.name)));
    node.tags();
    if (seen && !flagged) {
      photo.load = async () => {
        const failed = () => photo.replaceChildren(icon("logo"));
        try {
          photo.append(el("img", { alt: "", decoding: "async", onload: (event) => event.target.classList.add("ready"), onerror: failed, src: await pictures.address(image.key) }));
        } catch {
          failed(); // The card still says what was seen; the viewer tells why there is no picture.
        }
      };
      looker.observe(photo);
    }
    cards.set(image.key, node);
    return node;
  }

  function visible(image) {
    const wanted = query.labels.map((label) => label.toLowerCase());
    const labels = (image.labels ?? []).filter((label) => label.confidence >= query.minConfidence);
    return labels.sort((a, b) => wanted.includes(b.name.toLowerCase()) - wanted.includes(a.name.toLowerCase()) || b.confidence - a.confidence).slice(0, TAGS);
  }

  /** Puts pictures that are new in front, without touching the others. */
  function prepend(found) {
    const fresh = found.filter((image) => !cards.has(image.key));
    if (!fresh.length) return;
    if (!images.length) grid.replaceChildren();
    images.unshift(...fresh);
    grid.prepend(...fresh.map(card));
    settle();
  }

  async function refresh() {
    if (!query || document.hidden || !navigator.onLine || grid.hasAttribute("aria-busy") || query.order !== "newest") return;
    const asked = query;
    const page = await backend.images({ ...query, limit: PAGE }).catch(() => undefined); // the next round tells
    if (page && asked === query) prepend(page.images);
  }

  more.onclick = async () => {
    more.disabled = true;
    try {
      const at = images.length;
      append(await load(cursor));
      grid.children[at]?.querySelector("button").focus();
    } catch (error) {
      state("bad", "The next pictures could not be loaded.", explain(error));
    }
    more.disabled = false;
  };
  setInterval(refresh, FRESH_MS);
  document.addEventListener("visibilitychange", refresh);

  return {
    search,
    refresh,
    /** The slider moves: only the tags change, at once. */
    filter(next) {
      query = next;
      for (const node of cards.values()) node.tags();
    },
    /** A result has just come: show it if it fits what is looked for. */
    offer(result) {
      if (!query.labels.length && (!query.status || result.status === query.status)) prepend([result]);
      else void refresh();
    },
    drop(key) {
      const at = images.findIndex((image) => image.key === key);
      if (at < 0) return;
      images.splice(at, 1);
      cards.get(key)?.remove();
      cards.delete(key);
      settle();
      (grid.children[Math.min(at, images.length - 1)]?.querySelector("button") ?? byId("pictures")).focus();
    },
    focus: (key) => cards.get(key)?.querySelector("button").focus(),
    /** The picture `step` places away in the gallery. */
    beside: (key, step) => images[images.findIndex((image) => image.key === key) + step],
  };
}
