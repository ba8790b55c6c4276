/** The backend of mode "api": the routes of api/openapi.yaml. guest.js offers the same methods. */
import { typeOf } from "./files.js";
import { requestJson, sendFile } from "./http.js";
import { shortened } from "./names.js";
import { accessKey } from "./settings.js";

const MOST_NAME = 255;

/** @param {import("./types.js").Config} config @returns {import("./types.js").Backend} */
export function apiBackend(config) {
  const base = config.apiUrl.replace(/\/$/, "");

  function call(method, path, { query = {}, body, signal } = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const item of [value].flat()) if (item !== undefined && item !== "") search.append(name, String(item));
    }
    const headers = {};
    if (body) headers["content-type"] = "application/json";
    if (accessKey(config)) headers["x-api-key"] = accessKey(config);
    // A space as %20: not everything between here and the function reads a plus as one.
    const parameters = String(search).replaceAll("+", "%20");
    return requestJson(base + path + (parameters && `?${parameters}`), { method, headers, body: body && JSON.stringify(body), signal });
  }

  return {
    canDelete: config.canDelete,

    async upload(file, { onProgress, signal }) {
      const fileName = shortened(file.name, (text) => text.length <= MOST_NAME);
      const wish = { fileName, contentType: await typeOf(file), sizeBytes: file.size };
      const { body } = await call("POST", "/generate-upload-url", { body: wish, signal });
      await sendFile({ url: body.url, headers: body.headers, file, onProgress, signal });
      return body.key;
    },

    async result(key, signal) {
      const { status, body } = await call("GET", "/result", { query: { key }, signal });
      return status === 202 ? undefined : body;
    },

    async images({ labels, conditions, minConfidence, order, status, cursor, limit }, signal) {
      const q = conditions.join(" ");
      const least = minConfidence > config.minConfidence ? minConfidence : undefined;
      const query = labels.length || q || order === "taken" ? { label: labels, q, minConfidence: least, order, cursor, limit } : { status, cursor, limit };
      return (await call("GET", "/images", { query, signal })).body;
    },

    labels: async () => (await call("GET", "/labels")).body.labels,

    imageUrl: async (key, { size, flagged } = {}) =>
      (await call("GET", "/image-url", { query: { key, size, showFlagged: flagged || undefined } })).body.url,

    async relabel(key) {
      await call("POST", "/relabel", { body: { key } });
    },

    async remove(key) {
      await call("DELETE", "/images", { query: { key } });
    },
  };
}
