/** Addresses of pictures: of files just sent from memory, of all others by short-lived links that are kept for a while. */

const LINK_LIFE_MS = 4 * 60_000, MOST_LOCAL = 100;

/** @param {import("./types.js").Backend} backend */
export function pictureSource(backend) {
  const local = new Map(), links = new Map();
  function forget(key) {
    if (local.has(key)) URL.revokeObjectURL(local.get(key));
    local.delete(key);
    links.delete(key);
  }
  function hold(key, url) {
    local.set(key, url);
    if (local.size > MOST_LOCAL) forget(local.keys().next().value);
    return url;
  }
  return {
    forget,
    /** Keeps a file's own address, so that what was just sent is not fetched again. */
    keep: (key, file) => hold(key, URL.createObjectURL(file)),
    /**
     * Where to get a picture. All that shows or fetches one asks here, so this is where previews come in: `width` is how many
     * CSS pixels it has on the page, and without it the original is wanted. `flagged` is whether it may be a flagged one.
     * @param {{width?: number, flagged?: boolean}} [how]
     * @returns {Promise<string>}
     */
    async address(key, { flagged } = {}) {
      if (local.has(key)) return local.get(key);
      const link = links.get(key);
      if (link && link.until > Date.now()) return link.url;
      const url = await backend.imageUrl(key, flagged);
      if (url.startsWith("blob:")) return hold(key, url);
      links.set(key, { url, until: Date.now() + LINK_LIFE_MS });
      return url;
    },
  };
}
