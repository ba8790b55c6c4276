/** The gallery: pictures as cards by day, more while scrolling, updated; its empty, loading and error states. */
import { byId, dateOf, el, icon, keptInTab, nameNode, nameOf, percent } from "./dom.js";
import { counted, explain, reason } from "./messages.js";

const PAGE = 48, MOST_PAGE = 100, FRESH_MS = 20_000, TAGS = 4, AHEAD = "1200px", PLACE = "labelstack.place";

/**
 * @param {import("./types.js").Backend} backend
 * @param {ReturnType<import("./pictures.js").pictureSource>} pictures
 * @param page  onOpen(key), onLabel(name), onClear(), onChange()
 */
export function setUpGallery(backend, pictures, page) {
  const grid = byId("grid"), more = byId("more"), empty = byId("empty"), count = byId("count");
  let query, cursor, total, images = [], cards = new Map(), loading;
  const looker = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) (looker.unobserve(target), target.load());
  }, { rootMargin: "300px" });
  const end = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && loadMore(), { rootMargin: AHEAD });

  /** Shows the matching pictures. `place` is the reader's earlier position. */
  async function search(next, place) {
    query = next;
    loading?.abort();
    const { signal } = (loading = new AbortController());
    grid.setAttribute("aria-busy", "true");
    if (!images.length) skeleton();
    try {
      const first = await load(undefined, signal, place?.shown);
      if (signal.aborted) return;
      clear();
      append(first);
      if (place) await goTo(place);
      else if (scrollY > grid.offsetTop) scrollTo(0, 0);
    } catch (error) {
      if (signal.aborted) return;
      clear();
      more.hidden = true;
      count.textContent = "";
      state("bad", "The pictures could not be loaded.", explain(error), ["Try again", () => search(query, place)]);
    }
    grid.removeAttribute("aria-busy");
  }

  function clear() {
    cards.clear();
    looker.disconnect();
    images = [];
    total = undefined;
    grid.replaceChildren();
    page.onChange();
  }

  /** Loads at least `least` pictures, if there are so many. */
  async function load(from, signal, least = 1) {
    const loaded = [];
    let answer = { cursor: from }, all;
    do {
      const limit = Math.min(Math.max(PAGE, least - loaded.length), MOST_PAGE);
      answer = await backend.images({ ...query, limit, cursor: answer.cursor }, signal);
      loaded.push(...answer.images);
      all ??= answer.total;
    } while (loaded.length < least && answer.cursor);
    return { ...answer, images: loaded, total: all };
  }

  function append(answer) {
    cursor = answer.cursor;
    total = answer.total ?? total; // the first page has it
    const fresh = answer.images.filter((image) => !cards.has(image.key));
    images.push(...fresh);
    grid.append(...fresh.map(card));
    settle();
  }

  async function loadMore() {
    if (more.disabled || !cursor || grid.hasAttribute("aria-busy")) return;
    more.disabled = true;
    const { signal } = loading;
    try {
      const next = await load(cursor, signal);
      if (!signal.aborted) append(next);
    } catch (error) {
      end.disconnect(); // the button asks again, not the scrolling
      if (!signal.aborted) state("bad", "The next pictures could not be loaded.", explain(error));
    }
    more.disabled = false;
  }

  function settle() {
    more.hidden = !cursor;
    end.disconnect();
    if (cursor) end.observe(more); // again: it reports at once whether the end is still in sight
    const known = cursor ? total : images.length;
    count.textContent = !images.length ? "" : known >= images.length ? counted(known) : `${images.length}+ pictures`;
    days();
    page.onChange();
    const searched = [...query.labels, ...query.conditions];
    document.body.classList.toggle("fresh", !images.length && !searched.length && !query.status);
    if (images.length) return (empty.hidden = true);
    if (searched.length) state("find", "No picture matches.", `Nothing with ${searched.join(" and ")}${query.minConfidence ? ` at ${query.minConfidence} % or more` : ""}.`, ["Show all pictures", page.onClear]);
    else if (!query.status) state("logo", "No pictures yet.", "Send a picture, and its labels appear here.");
    else state("logo", `No picture ${{ LABELED: "is labelled yet", REJECTED: "is rejected", FAILED: "has failed" }[query.status]}.`, "", ["Show all pictures", page.onClear]);
  }

  function state(mark, title, text, action) {
    empty.replaceChildren(icon(mark), el("h3", {}, title), el("p", { className: "muted" }, text),
      ...(action ? [el("button", { className: "button", onclick: action[1] }, action[0])] : []));
    empty.hidden = false;
  }

  function skeleton() {
    empty.hidden = true;
    grid.replaceChildren(...Array.from({ length: 12 }, () => el("li", { className: "ghost", "aria-hidden": "true" }, el("span", { className: "photo" }))));
  }

  /** Puts a heading before the first picture of each day, if days give the order. */
  function days() {
    for (const node of grid.querySelectorAll(".day")) node.remove();
    if (query.order === "confidence") return;
    let last;
    for (const image of images) {
      const day = dayOf(query.order === "taken" ? dateOf(image).slice(0, 10) + "T00:00" : image.processedAt);
      if (day && day !== last) cards.get(image.key).before(el("li", { className: "day" }, el("h3", {}, day)));
      last = day;
    }
  }

  function card(image) {
    const name = nameOf(image.key);
    const flagged = image.moderation?.length > 0, labeled = image.status === "LABELED";
    const photo = el("span", { className: "photo" }, flagged && [icon("veil"), el("span", {}, `Hidden: ${image.moderation[0].name}`)], !labeled && icon("bad"));
    const node = el("li", { className: `card${flagged ? " flagged" : ""}${labeled ? "" : " refused"}` },
      el("button", { className: "open", onclick: () => page.onOpen(image.key) }, photo, nameNode(name), !labeled && el("span", { className: "why" }, reason(image))),
      el("input", { type: "checkbox", className: "pick", "aria-label": `Select ${name}` }));
    node.dataset.key = image.key;
    node.tags = () => {
      node.querySelector(".tags")?.remove();
      if (labeled) node.append(tags(image));
    };
    node.tags();
    if (labeled && !flagged) {
      photo.load = async () => {
        const failed = () => {
          photo.replaceChildren(icon("logo"), el("span", {}, "No preview"));
          if (!navigator.onLine) addEventListener("online", () => (photo.replaceChildren(), looker.observe(photo)), { once: true });
        };
        try {
          const src = await pictures.address(image.key, { width: photo.clientWidth });
          photo.append(el("img", { alt: "", decoding: "async", onload: (event) => event.target.classList.add("ready"), onerror: failed, src }));
        } catch {
          failed(); // The card still has the labels; the viewer says why there is no picture.
        }
      };
      looker.observe(photo);
    }
    cards.set(image.key, node);
    return node;
  }

  function tags(image) {
    const searched = query.labels.map((label) => label.toLowerCase());
    const labels = (image.labels ?? []).filter((label) => label.confidence >= query.minConfidence);
    labels.sort((a, b) => searched.includes(b.name.toLowerCase()) - searched.includes(a.name.toLowerCase()) || b.confidence - a.confidence);
    if (!labels.length) return el("p", { className: "tags muted" }, image.labels?.length ? `Nothing at ${query.minConfidence} % or more` : "Nothing recognised");
    return el("ul", { className: "tags" }, labels.slice(0, TAGS).map(({ name, confidence }) =>
      el("li", {}, el("button", { className: "tag", title: `${name}, ${percent(confidence)}`, onclick: () => page.onLabel(name) }, name))));
  }

  /** Inserts new pictures at their place in the order. */
  function insert(newest) {
    const fresh = newest.filter((image) => !cards.has(image.key));
    if (!fresh.length) return;
    if (!images.length) grid.replaceChildren();
    for (const image of fresh.reverse()) {
      const at = query.order === "taken" ? images.findIndex((other) => dateOf(other) <= dateOf(image)) : 0, next = images[at];
      images.splice(next ? at : images.length, 0, image);
      grid.insertBefore(card(image), cards.get(next?.key) ?? null);
    }
    if (total !== undefined) total += fresh.length;
    settle();
  }

  async function refresh() {
    if (!query || document.hidden || !navigator.onLine || grid.hasAttribute("aria-busy") || query.order !== "newest") return;
    const queryBefore = query;
    const newest = await backend.images({ ...query, limit: PAGE }).catch(() => undefined); // the next round reports it
    if (newest && queryBefore === query) insert(newest.images);
  }

  /** Stores the reader's position, for a reload of the page. */
  function keepPlace() {
    if (!images.length) return;
    const top = [...cards.values()].find((node) => node.getBoundingClientRect().bottom > 0);
    const place = { search: location.search, shown: images.length, key: scrollY && top?.dataset.key, from: top?.getBoundingClientRect().top };
    keptInTab.set(PLACE, JSON.stringify(place));
  }

  async function goTo({ key, from }) {
    // Several times, because cards get their true height only near the screen.
    for (let turn = 0; turn < 5 && cards.has(key); turn++) {
      scrollBy(0, cards.get(key).getBoundingClientRect().top - from);
      await new Promise(requestAnimationFrame);
    }
  }

  more.onclick = loadMore;
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key];
    const at = images.findIndex((image) => image.key === event.target.closest(".card")?.dataset.key);
    const next = step && at >= 0 && images[at + step];
    if (!next || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    cards.get(next.key).querySelector(event.target.matches(".pick") ? ".pick" : ".open").focus();
  });
  const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  setInterval(refresh, FRESH_MS);
  document.addEventListener("visibilitychange", refresh);
  addEventListener("pagehide", keepPlace);

  return {
    search,
    refresh,
    filter(next) {
      query = next;
      for (const node of cards.values()) node.tags();
    },
    offer(result) {
      if (!query.labels.length && !query.conditions.length && (result.status === query.status || (!query.status && (query.order === "newest" || result.status === "LABELED")))) insert([result]);
      else void refresh();
    },
    /** Removes pictures; the neighbouring one gets the focus. */
    drop(keys) {
      const gone = new Set(keys), at = images.findIndex((image) => gone.has(image.key));
      if (at < 0) return;
      images = images.filter((image) => !gone.has(image.key));
      if (total !== undefined) total -= gone.size;
      for (const key of gone) (cards.get(key)?.remove(), cards.delete(key));
      settle();
      (cards.get(images[Math.min(at, images.length - 1)]?.key)?.querySelector(".open") ?? byId("pictures")).focus();
    },
    focus: (key) => cards.get(key)?.querySelector(".open").focus(),
    find: (key) => images.find((image) => image.key === key),
    images: () => images,
    cardOf: (key) => cards.get(key),
    /** Returns the picture `step` places away in the gallery. */
    beside: (key, step) => images[images.findIndex((image) => image.key === key) + step],
  };
}

/** Returns the reader's position when this address was loaded before. */
export function placeBefore() {
  history.scrollRestoration = "manual";
  const [{ type } = {}] = performance.getEntriesByType("navigation");
  try {
    const place = JSON.parse(keptInTab.get(PLACE) ?? "");
    return type !== "navigate" && place.search === location.search ? place : undefined;
  } catch {
    return undefined;
  }
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });

/** Returns a picture's day, in words. */
function dayOf(time) {
  const then = new Date(time), today = new Date();
  if (Number.isNaN(then.getTime())) return undefined;
  if (then.toDateString() === today.toDateString()) return "Today";
  today.setDate(today.getDate() - 1);
  return then.toDateString() === today.toDateString() ? "Yesterday" : DAY.format(then);
}
