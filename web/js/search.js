/** The search field (ARIA's combobox), the slider, order and status. */
import { byId, debounce, el, icon } from "./dom.js";
import { announce } from "./messages.js";

const MOST = 10, SUGGESTIONS = 8, POPULAR = 10;
const PARTS = /-?(?:[a-z]+:)?(?:"[^"]*"|[^\s"]+)/gi, CONDITION = /^(-|[a-z]+:)/i;
const STATUSES = [["", "All"], ["LABELED", "Labelled"], ["REJECTED", "Rejected"], ["FAILED", "Failed"]];

/**
 * @param {import("./types.js").Config} config
 * @param {() => Promise<{name: string, count: number}[]>} loadLabels
 * @param {(query: object, why: string) => void} onChange
 */
export function setUpSearch(config, loadLabels, onChange) {
  const input = byId("query"), options = byId("options"), chosen = byId("chosen");
  const order = byId("order");
  const query = fromAddress(config);
  let known = [], active = -1;

  function changed(why) {
    show();
    const address = toAddress(query, config);
    // Another search becomes a step of the history; the slider does not.
    if (why === "confidence") history.replaceState(history.state, "", address + location.hash);
    else if (location.hash) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    onChange({ ...query }, why);
  }

  const searched = () => [...query.labels, ...query.conditions];
  const reset = (status = "") => Object.assign(query, { status, labels: [], conditions: [] });

  function show() {
    chosen.replaceChildren(...searched().map((name) => el("li", { className: "tag" }, name,
      el("button", { "aria-label": `Remove ${name}`, onclick: () => remove(name) }, icon("x")))));
    input.placeholder = searched().length ? "and …" : "Search: cat -dog";
    if (!query.labels.length && query.order === "confidence") query.order = "newest";
    order.value = query.order;
    order.options[2].disabled = !query.labels.length;
    byId("status").replaceChildren(...STATUSES.map(([value, text]) => el("button", {
      "aria-pressed": String(value === (searched().length || query.order === "taken" ? "LABELED" : query.status)),
      onclick: () => pickStatus(value) }, text)));
    byId("popular").replaceChildren(...(searched().length || ["REJECTED", "FAILED"].includes(query.status) ? [] : known.slice(0, POPULAR)).map(({ name, count }) =>
      el("li", {}, el("button", { className: "tag", onclick: () => (add(name), input.focus()) }, name, " ", el("small", {}, String(count))))));
  }

  function pickStatus(value) {
    if (value !== "LABELED") query.order = "newest";
    reset(value);
    changed("status");
    byId("status").querySelector("[aria-pressed=true]").focus();
  }

  /** Adds a label, or the labels and conditions of a query (docs/api.md). */
  function add(text, isLabel = known.some(({ name }) => name === text)) {
    const before = searched().length;
    input.value = "";
    close();
    for (const part of !isLabel && /[:"]|(^|\s)-/.test(text) ? text.match(PARTS) ?? [] : [text]) {
      const name = isLabel ? part : part.replace(/^"(.*)"$/, "$1");
      const label = known.find((label) => label.name.toLowerCase() === name.toLowerCase())?.name ?? name;
      if (!name || searched().length >= MOST || searched().includes(label)) continue;
      const kind = !isLabel && CONDITION.test(part) ? "conditions" : "labels";
      query[kind] = [...query[kind], label];
    }
    if (searched().length === before) return;
    announce(`Searching for ${searched().join(" and ")}`);
    changed("labels");
  }

  function remove(name) {
    query.labels = query.labels.filter((label) => label !== name);
    query.conditions = query.conditions.filter((condition) => condition !== name);
    changed("labels");
    input.focus();
  }

  function suggest() {
    const text = input.value.trim().toLowerCase();
    const free = known.filter(({ name }) => !query.labels.includes(name) && name.toLowerCase().includes(text));
    free.sort((a, b) => Number(b.name.toLowerCase().startsWith(text)) - Number(a.name.toLowerCase().startsWith(text)) || b.count - a.count);
    const offers = free.slice(0, SUGGESTIONS).map(({ name, count }) => [name, count === 1 ? "1 picture" : `${count} pictures`]);
    if (text && !/[:"]|^-/.test(text)) offers.push([`text:"${text}"`, "words in pictures"], [`name:"${text}"`, "names of files"]);
    options.replaceChildren(...offers.map(([name, what], at) => el("li", {
      id: `option-${at}`, role: "option", "aria-selected": "false",
      onpointerdown: (event) => (event.preventDefault(), add(name)) }, el("span", {}, name), " ", el("small", {}, what))));
    options.hidden = !options.childElementCount;
    input.setAttribute("aria-expanded", String(!options.hidden));
    activate(-1);
  }

  function activate(at) {
    active = at;
    [...options.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    options.children[at]?.scrollIntoView({ block: "nearest" });
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `option-${at}`);
  }

  function close() {
    options.hidden = true;
    input.setAttribute("aria-expanded", "false");
    activate(-1);
  }

  input.addEventListener("input", suggest);
  input.addEventListener("focus", () => {
    suggest();
    void refresh().then(() => options.hidden || active >= 0 || suggest());
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const count = options.hidden ? 0 : options.childElementCount;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (!count) return suggest();
      activate(active < 0 && step < 0 ? count - 1 : (active + step + count) % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      add(active >= 0 ? options.children[active].firstChild.textContent : input.value.trim());
    } else if (event.key === "Escape" && count) {
      event.preventDefault();
      close();
    } else if (event.key === "Backspace" && !input.value && searched().length) {
      remove(searched().at(-1));
    }
  });
  byId("find").addEventListener("submit", (event) => event.preventDefault());
  byId("find-box").addEventListener("click", (event) => event.target === event.currentTarget && input.focus());

  addEventListener("popstate", () => {
    const before = fromAddress(config);
    if (toAddress(before, config) === toAddress(query, config)) return;
    Object.assign(query, before);
    least(query.minConfidence);
    show();
    onChange({ ...query }, "back");
  });

  const settle = debounce(() => changed("confidence"), 250);
  const sliders = [...document.querySelectorAll(".slider")].map((slider) => [slider.querySelector("input"), slider.querySelector("output")]);
  const least = (value) => {
    query.minConfidence = value;
    for (const [range, output] of sliders) {
      range.value = String(value);
      output.textContent = value > config.minConfidence ? `≥ ${value}\u00a0%` : "any";
    }
  };
  for (const [range] of sliders) {
    range.min = String(config.minConfidence);
    range.addEventListener("input", () => {
      least(Number(range.value));
      onChange({ ...query }, "sliding");
      settle();
    });
  }
  least(query.minConfidence);
  order.onchange = () => ((query.order = order.value), changed("order"));

  async function refresh() {
    try {
      known = await loadLabels();
      show();
    } catch {
      // The gallery reports a service that cannot be reached.
    }
  }
  show();
  return {
    query,
    refresh,
    /** Searches for a label alone, after a click on it anywhere. */
    lookFor(name) {
      reset();
      add(name, true);
    },
    clear: () => (reset(), changed("labels")),
  };
}

function fromAddress(config) {
  const search = new URLSearchParams(location.search);
  const min = Math.round(Number(search.get("min")));
  return {
    labels: search.getAll("label").filter(Boolean).slice(0, MOST),
    conditions: search.getAll("q").filter((condition) => CONDITION.test(condition)).slice(0, MOST),
    minConfidence: Math.max(config.minConfidence, min >= 0 && min <= 100 ? min : 0),
    order: ["confidence", "taken"].find((each) => each === search.get("order")) ?? "newest",
    status: STATUSES.some(([value]) => value === search.get("status")) ? search.get("status") : "",
  };
}

function toAddress({ labels, conditions, minConfidence, order, status }, config) {
  const search = new URLSearchParams([...labels.map((name) => ["label", name]), ...conditions.map((condition) => ["q", condition])]);
  if (minConfidence > config.minConfidence) search.set("min", String(minConfidence));
  if (order !== "newest") search.set("order", order);
  if (status) search.set("status", status);
  return String(search) ? `?${search}` : location.pathname;
}
