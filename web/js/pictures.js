/** Addresses of pictures: of files just sent from memory, of all others by short-lived links that are kept for a while. */

const LINK_LIFE_MS = 4 * 60_000, MOST_LOCAL = 100;

/** @param {import("./types.js").Backend} backend */
export function pictureSource(backend) {
  const local = new Map(), links = new Map();
  return {
    /** Keeps a file's own address, so that what was just sent is not fetched again. */
    keep(key, file) {
      local.set(key, URL.createObjectURL(file));
      if (local.size > MOST_LOCAL) this.forget(local.keys().next().value);
    },
    forget(key) {
      if (local.has(key)) URL.revokeObjectURL(local.get(key));
      local.delete(key);
      links.delete(key);
    },
    /** @returns {Promise<string>} */
    async address(key, showFlagged) {
      if (local.has(key)) return local.get(key);
      const link = links.get(key);
      if (link && link.until > Date.now()) return link.url;
      const url = await backend.imageUrl(key, showFlagged);
      links.set(key, { url, until: Date.now() + LINK_LIFE_MS });
      return url;
    },
  };
}
