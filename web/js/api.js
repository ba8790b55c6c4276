/** The backend of mode "api": the routes of api/openapi.yaml. guest.js offers the same methods. */
import { requestJson, sendFile, typeOf } from "./http.js";
import { accessKey } from "./settings.js";

/** @param {import("./types.js").Config} config @returns {import("./types.js").Backend} */
export function apiBackend(config) {
  const base = config.apiUrl.replace(/\/$/, "");

  function call(method, path, { query = {}, body, signal } = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== undefined && one !== "") search.append(name, String(one));
    }
    const headers = {};
    if (body) headers["content-type"] = "application/json";
    if (accessKey(config)) headers["x-api-key"] = accessKey(config);
    const url = search.size ? `${base}${path}?${search}` : base + path;
    return requestJson(url, { method, headers, body: body && JSON.stringify(body), signal });
  }

  return {
    canDelete: config.canDelete,

    async upload(file, { onProgress, signal }) {
      const wish = { fileName: file.name.slice(-255), contentType: typeOf(file), sizeBytes: file.size };
      const { body: form } = await call("POST", "/generate-upload-url", { body: wish, signal });
      await sendFile({ url: form.url, fields: form.fields, file, onProgress, signal });
      return form.key;
    },

    async result(key, signal) {
      const { status, body } = await call("GET", "/result", { query: { key }, signal });
      return status === 202 ? undefined : body;
    },

    async images({ labels, minConfidence, order, status, cursor, limit }, signal) {
      const query = labels.length ? { label: labels, minConfidence, order, cursor, limit } : { status, cursor, limit };
      return (await call("GET", "/images", { query, signal })).body;
    },

    labels: async () => (await call("GET", "/labels")).body.labels,

    imageUrl: async (key, showFlagged) =>
      (await call("GET", "/image-url", { query: { key, showFlagged: showFlagged || undefined } })).body.url,

    async remove(key) {
      await call("DELETE", "/images", { query: { key } });
    },
  };
}
