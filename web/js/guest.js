/**
 * The backend of mode "guest": no API; the browser signs its own requests to S3 and DynamoDB as a guest of a Cognito identity pool.
 *
 * A guest may put and get objects below `<uploadPrefix><identity id>/` and read the results of these keys, and nothing else. So there
 * is no list to ask for: the browser remembers which keys are its own, and searches among their results itself.
 */
import { requestJson, sendFile, ServiceError, typeOf } from "./http.js";
import { encode, presignedUrl, signedHeaders } from "./sigv4.js";

const MOST_KEYS = 500, AT_ONCE = 8, LINK_S = 300, EARLY_MS = 5 * 60_000;

/** @param {import("./types.js").Config} config @returns {import("./types.js").Backend} */
export function guestBackend(config) {
  const { region } = config;
  const endpoint = (service) => (config.endpoints?.[service] ?? `https://${service}.${region}.amazonaws.com`).replace(/\/$/, "");
  const store = `labelstack.guest.${config.identityPoolId}`;
  const own = JSON.parse(localStorage.getItem(store) ?? '{"keys":[]}');
  const results = new Map();
  let pass, until = 0;

  const save = () => localStorage.setItem(store, JSON.stringify(own));

  async function cognito(operation, body) {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `AWSCognitoIdentityService.${operation}` };
    return (await requestJson(endpoint("cognito-identity"), { method: "POST", headers, body: JSON.stringify(body) })).body;
  }

  async function enter() {
    try {
      own.id ??= (await cognito("GetId", { IdentityPoolId: config.identityPoolId })).IdentityId;
      const { Credentials: given } = await cognito("GetCredentialsForIdentity", { IdentityId: own.id });
      save();
      const until = typeof given.Expiration === "number" ? given.Expiration * 1000 : Date.parse(given.Expiration);
      return { accessKeyId: given.AccessKeyId, secretKey: given.SecretKey, sessionToken: given.SessionToken, until };
    } catch (error) {
      if (error.code === "ResourceNotFoundException" && own.id) {
        // The pool was made anew: this browser is another guest now, and the old keys are out of reach.
        Object.assign(own, { id: undefined, keys: [] });
        return enter();
      }
      throw error;
    }
  }

  /** Credentials that are good for a while yet; asked for once, however many need them. */
  function credentials() {
    if (until < Date.now() + EARLY_MS) {
      until = Infinity;
      pass = enter().then((given) => ((until = given.until), given), (error) => {
        until = 0;
        throw error;
      });
    }
    return pass;
  }

  const scope = async (service) => ({ service, region, credentials: await credentials() });

  function objectUrl(key) {
    const path = key.split("/").map(encode).join("/");
    return config.endpoints?.s3 ? `${endpoint("s3")}/${config.uploadBucket}/${path}` : `https://${config.uploadBucket}.s3.${region}.amazonaws.com/${path}`;
  }

  async function result(key, signal) {
    if (results.has(key)) return results.get(key);
    const url = `${endpoint("dynamodb")}/`;
    const body = JSON.stringify({ TableName: config.resultsTable, Key: { pk: { S: `IMAGE#${key}` }, sk: { S: "META" } } });
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem" };
    const answer = await requestJson(url, { method: "POST", headers: signedHeaders("POST", url, headers, body, await scope("dynamodb")), body, signal });
    if (!answer.body.Item) return undefined;
    const found = plain({ M: answer.body.Item });
    if (found.status === "DELETED") {
      own.keys = own.keys.filter((one) => one !== key);
      save();
      throw new ServiceError("PICTURE_DELETED", "This picture was deleted.", 404);
    }
    results.set(key, found);
    return found;
  }

  /** The results of all own pictures, newest first. */
  async function all(signal) {
    const left = [...own.keys], found = [];
    const work = async () => {
      for (let key = left.shift(); key; key = left.shift()) {
        const one = await result(key, signal).catch((error) => {
          if (error.code !== "PICTURE_DELETED") throw error;
        });
        if (one) found.push(one);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return found.sort((a, b) => (a.processedAt < b.processedAt ? 1 : -1));
  }

  const sureness = (image, name) => image.labels?.find((label) => label.name.toLowerCase() === name.toLowerCase())?.confidence ?? -1;

  return {
    canDelete: false,
    note: "You are a guest: you see the pictures sent from this browser.",
    result,

    async upload(file, { onProgress, signal }) {
      const access = await scope("s3");
      const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const name = file.name.normalize().replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(-80);
      const key = `${config.uploadPrefix}${own.id}/${random}/${name}`;
      const url = objectUrl(key);
      const headers = signedHeaders("PUT", url, { "content-type": typeOf(file) }, undefined, access);
      await sendFile({ url, file, headers, onProgress, signal });
      own.keys = [key, ...own.keys].slice(0, MOST_KEYS);
      save();
      return key;
    },

    async images({ labels, minConfidence, order, status, cursor, limit }, signal) {
      let found = (await all(signal)).filter((image) => !status || image.status === status);
      found = found.filter((image) => labels.every((name) => sureness(image, name) >= minConfidence));
      if (order === "confidence" && labels.length) found.sort((a, b) => sureness(b, labels[0]) - sureness(a, labels[0]));
      const from = Number(cursor ?? 0), to = from + limit;
      return { images: found.slice(from, to), cursor: to < found.length ? String(to) : undefined };
    },

    async labels() {
      const counts = new Map();
      for (const { labels = [] } of await all()) for (const { name } of labels) counts.set(name, (counts.get(name) ?? 0) + 1);
      return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
    },

    imageUrl: async (key) => presignedUrl(objectUrl(key), LINK_S, await scope("s3")),

    async remove() {
      throw new ServiceError("FORBIDDEN", "Guests cannot delete pictures.", 403);
    },
  };
}

/** A DynamoDB value as a plain one. */
function plain(value) {
  const [[type, content]] = Object.entries(value);
  if (type === "M") return Object.fromEntries(Object.entries(content).map(([name, one]) => [name, plain(one)]));
  if (type === "L") return content.map(plain);
  if (type === "N") return Number(content);
  return type === "NULL" ? null : content;
}
