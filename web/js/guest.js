/**
 * The backend of mode "guest": no API; the browser signs its own requests to S3 and DynamoDB as a guest of a Cognito identity pool.
 *
 * A guest may put and get objects below `<uploadPrefix><identity id>/` and read the results of these keys, and nothing else. So there
 * is no list to ask for: the browser remembers which keys are its own, and searches among their results itself.
 *
 * Anyone who knows a guest's identity id gets the guest's credentials. So the page never sees it: its keys begin after the guest's folder, and
 * its pictures are blobs, as a link to S3 would have the id in it.
 */
import { dateOf, kept } from "./dom.js";
import { typeOf } from "./files.js";
import { clock, requestJson, sendFile, ServiceError } from "./http.js";
import { each, fetchFile, keyName } from "./later.js";
import { IN_BROWSERS } from "./pictures.js";
import { encode, presignedUrl, signedHeaders } from "./sigv4.js";

const MOST_KEYS = 500, MOST_KEY_BYTES = 1024, AT_ONCE = 8, LINK_S = 300, EARLY_MS = 5 * 60_000;
const SHOWN = /^image\/(?!svg)/; // other types could run in the page's name when they are opened

/** @param {import("./types.js").Config} config @returns {import("./types.js").Backend} */
export function guestBackend(config) {
  const { region, dnsSuffix } = config;
  const endpoint = (service) => (config.endpoints?.[service] ?? `https://${service}.${region}.${dnsSuffix}`).replace(/\/$/, "");
  const store = `labelstack.guest.${config.identityPoolId}`;
  const own = JSON.parse(kept.get(store) ?? '{"keys":[]}');
  const results = new Map();
  let pass, until = 0;

  const save = () => kept.set(store, JSON.stringify(own));

  async function cognito(operation, body) {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `AWSCognitoIdentityService.${operation}` };
    return (await requestJson(endpoint("cognito-identity"), { method: "POST", headers, body: JSON.stringify(body) })).body;
  }

  async function enter() {
    try {
      own.id ??= (await cognito("GetId", { IdentityPoolId: config.identityPoolId })).IdentityId;
      const { Credentials: keys } = await cognito("GetCredentialsForIdentity", { IdentityId: own.id });
      save();
      const until = typeof keys.Expiration === "number" ? keys.Expiration * 1000 : Date.parse(keys.Expiration);
      return { accessKeyId: keys.AccessKeyId, secretKey: keys.SecretKey, sessionToken: keys.SessionToken, until };
    } catch (error) {
      if (error.code === "ResourceNotFoundException" && own.id) {
        // The pool was replaced: this browser is another guest now, and the old keys are out of reach.
        Object.assign(own, { id: undefined, keys: [] });
        return enter();
      }
      throw error;
    }
  }

  /** Returns credentials that are valid for a while yet, by one request for all callers. */
  function credentials() {
    if (until < clock.now() + EARLY_MS) {
      until = Infinity;
      pass = enter().then((keys) => ((until = keys.until), keys), (error) => {
        until = 0;
        throw error;
      });
    }
    return pass;
  }

  const folder = () => `${config.uploadPrefix}${own.id}/`;
  const inFolder = (key) => (key.startsWith(config.uploadPrefix) ? key : folder() + key);

  const scope = async (service) => ({ service, region, credentials: await credentials(), now: new Date(clock.now()) });

  /** Sends a signed request, and once more if the answer has shown that this machine's clock is wrong. */
  async function signed(service, send) {
    const { aheadMs } = clock;
    try {
      return await send(await scope(service));
    } catch (error) {
      if (clock.aheadMs === aheadMs) throw error;
      return send(await scope(service));
    }
  }

  function objectUrl(key, bucket = config.uploadBucket) {
    const path = key.split("/").map(encode).join("/");
    return config.endpoints?.s3 ? `${endpoint("s3")}/${bucket}/${path}` : `https://${bucket}.s3.${region}.${dnsSuffix}/${path}`;
  }

  /** Returns the blob at an address. */
  async function blobOf(url) {
    const blob = await fetchFile(await presignedUrl(url, LINK_S, await scope("s3")));
    return URL.createObjectURL(SHOWN.test(blob.type) ? blob : new Blob([blob]));
  }

  async function result(shownKey, signal) {
    await credentials(); // which say who this guest is
    const key = inFolder(shownKey);
    if (results.has(key)) return results.get(key);
    const url = `${endpoint("dynamodb")}/`;
    const body = JSON.stringify({ TableName: config.resultsTable, Key: { pk: { S: `IMAGE#${key}` }, sk: { S: "META" } } });
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem" };
    const answer = await signed("dynamodb", (by) => requestJson(url, { method: "POST", headers: signedHeaders("POST", url, headers, body, by), body, signal }));
    if (!answer.body.Item) return undefined;
    const item = { ...plain({ M: answer.body.Item }), key: shown(key) };
    if (item.status === "DELETED") {
      own.keys = own.keys.filter((ownKey) => ownKey !== key);
      save();
      throw new ServiceError("PICTURE_DELETED", "This picture was deleted.", 404);
    }
    results.set(key, item);
    return item;
  }

  /** Returns the results of all own pictures, newest first. */
  async function all(signal) {
    const read = [];
    const errors = await each(own.keys, AT_ONCE, async (key) => read.push(await result(key, signal)));
    for (const error of errors) if (error.code !== "PICTURE_DELETED") throw error;
    return read.filter(Boolean).sort((a, b) => (a.processedAt < b.processedAt ? 1 : -1));
  }

  const shown = (key) => (key.startsWith(folder()) ? key.slice(folder().length) : key);

  const sureness = (image, name) => image.labels?.find((label) => label.name.toLowerCase() === name.toLowerCase())?.confidence ?? -1;

  return {
    canDelete: false,
    note: "You are a guest: you see the pictures sent from this browser.",
    result,

    async upload(file, { onProgress, signal }) {
      await credentials(); // which say who this guest is
      const type = await typeOf(file);
      const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const head = `${folder()}${random}/`;
      const key = head + keyName(file.name, MOST_KEY_BYTES - new TextEncoder().encode(head).length);
      const url = objectUrl(key);
      await signed("s3", (by) => sendFile({ url, file, headers: signedHeaders("PUT", url, { "content-type": type }, undefined, by), onProgress, signal }));
      own.keys = [key, ...own.keys].slice(0, MOST_KEYS);
      save();
      return shown(key);
    },

    async images({ labels, conditions, minConfidence, order, status, cursor, limit }, signal) {
      let matches = (await all(signal)).filter((image) => !status || image.status === status);
      matches = matches.filter((image) => labels.every((name) => sureness(image, name) >= minConfidence));
      for (const condition of conditions) matches = matches.filter((image) => image.status === "LABELED" && holds(condition, image, minConfidence));
      if (order === "confidence" && labels.length) matches.sort((a, b) => sureness(b, labels[0]) - sureness(a, labels[0]));
      if (order === "taken") matches.sort((a, b) => (dateOf(a) < dateOf(b) ? 1 : -1));
      const from = Number(cursor ?? 0), to = from + limit;
      return { images: matches.slice(from, to), cursor: to < matches.length ? String(to) : undefined, total: matches.length };
    },

    async labels() {
      const counts = new Map();
      for (const { labels = [] } of await all()) for (const { name } of labels) counts.set(name, (counts.get(name) ?? 0) + 1);
      return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
    },

    async imageUrl(key, { size } = {}) {
      if (size && config.previewsBucket) {
        const { versionId = "null", format } = (await result(key)) ?? {};
        try {
          return await blobOf(objectUrl(`previews/${inFolder(key)}/${versionId}/${size}.webp`, config.previewsBucket));
        } catch (error) {
          if (!IN_BROWSERS.includes(format)) throw new ServiceError("PREVIEW_NOT_FOUND", "There is no preview of this picture.", 404);
        }
      }
      return blobOf(objectUrl(inFolder(key)));
    },

    relabel: () => Promise.reject(new ServiceError("FORBIDDEN", "Guests cannot relabel pictures.", 403)),

    remove: () => Promise.reject(new ServiceError("FORBIDDEN", "Guests cannot delete pictures.", 403)),
  };
}

/** Returns whether a search's condition holds for a picture, as handlers/results/query.py does. */
function holds(condition, image, minConfidence) {
  const [, minus, kind = "label", quoted] = /^(-?)(?:(\w+):)?(.*)$/.exec(condition);
  const value = quoted.replaceAll('"', "").toLowerCase(), day = dateOf(image).slice(0, 10), name = keyEnd(image.key).toLowerCase();
  const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const has = {
    label: () => image.labels?.some((label) => label.name.toLowerCase() === value && label.confidence >= minConfidence),
    text: () => words(value).every((word) => (image.text ?? []).some(({ text }) => words(text).includes(word))),
    name: () => [0, ...[...name.matchAll(/\p{N}+|\p{L}+/gu)].flatMap(({ index, 0: run }) => [index, index + run.length])].some((edge) => name.startsWith(value, edge)),
    camera: () => words(value).every((word) => words(image.capture?.camera ?? "").includes(word)),
    faces: () => image.faces && value === ["none", "one", "group"][Math.min(image.faces.length, 2)],
    flagged: () => image.moderation && value === (image.moderation.length ? "yes" : "no"),
    from: () => day >= value,
    to: () => day <= value,
  }[kind.toLowerCase()];
  if (!has) throw new ServiceError("INVALID_QUERY", `${condition} is unknown: use text:, name:, camera:, faces:, flagged:, from: or to:`, 400);
  return Boolean(has()) !== Boolean(minus);
}

const keyEnd = (key) => key.slice(key.lastIndexOf("/") + 1);

/** Converts a DynamoDB value to a plain one. */
function plain(value) {
  const [[type, content]] = Object.entries(value);
  if (type === "M") return Object.fromEntries(Object.entries(content).map(([name, member]) => [name, plain(member)]));
  if (type === "L") return content.map(plain);
  if (type === "N") return Number(content);
  return type === "NULL" ? null : content;
}
