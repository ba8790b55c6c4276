/** Addresses of pictures: sent files from memory, others by short-lived links, cached for a while. */

const LINK_LIFE_MS = 4 * 60_000, MOST_KEPT = 400, SMALL = 480, LARGE = 1600, MOST_OF_SMALL = 640;
const WAITS_MS = [1000, 2000, 4000, 8000]; // for a preview that is being made
/** Formats that every browser shows. */
export const IN_BROWSERS = ["JPEG", "PNG", "WebP", "AVIF", "GIF"];

/** @param {import("./types.js").Backend} backend */
export function pictureSource(backend) {
  const kept = new Map(); // addresses, by picture
  const place = (key, size = "original") => `${size} ${key}`;
  function drop(id) {
    const { url } = kept.get(id) ?? {};
    if (url?.startsWith("blob:")) URL.revokeObjectURL(url);
    kept.delete(id);
  }
  function hold(id, url) {
    kept.set(id, { url, until: url.startsWith("blob:") ? Infinity : Date.now() + LINK_LIFE_MS });
    if (kept.size > MOST_KEPT) drop(kept.keys().next().value);
    return url;
  }
  return {
    forget: (key) => ["sent", "original", SMALL, LARGE].forEach((size) => drop(place(key, size))),
    /** Keeps a sent file's own address, so that it is not fetched again. */
    keep: (key, format, file) => IN_BROWSERS.includes(format) && hold(place(key, "sent"), URL.createObjectURL(file)),
    /** Returns the address of the preview for `width` CSS pixels, or of the original. */
    async address(key, { width, flagged } = {}) {
      const size = width === undefined ? undefined : width * devicePixelRatio <= MOST_OF_SMALL ? SMALL : LARGE;
      for (const id of [place(key, "sent"), place(key, size)]) {
        const link = kept.get(id);
        if (link?.until > Date.now()) return link.url;
      }
      return hold(place(key, size), await whenMade(() => backend.imageUrl(key, { size, flagged })));
    },
  };
}

/** Retries while the preview is being made. */
async function whenMade(ask) {
  for (const wait of WAITS_MS) {
    try {
      return await ask();
    } catch (error) {
      if (error.code !== "PREVIEW_NOT_FOUND") throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return ask();
}
