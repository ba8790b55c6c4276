/**
 * AWS Signature Version 4, as far as a guest needs it.
 *
 * SHA-256 is written out because `crypto.subtle` exists on secure origins only, and an S3 website is served by plain HTTP. It hashes
 * requests of a few hundred bytes; pictures are sent as UNSIGNED-PAYLOAD, by HTTPS.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// FIPS 180-4: the fractional parts of the square and cube roots of the first primes.
const primes = Array.from({ length: 312 }, (_, n) => n).filter((n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0));
const fraction = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0;
const START = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUND = primes.slice(0, 64).map((prime) => fraction(Math.cbrt(prime)));
const turn = (word, by) => (word >>> by) | (word << (32 - by));

/** @param {Uint8Array} message @returns {Uint8Array} */
export function sha256(message) {
  const padded = new Uint8Array(((message.length + 72) >> 6) << 6);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(padded.length - 4, message.length << 3);
  const state = Int32Array.from(START), words = new Int32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 64; i++) {
      const early = words[i - 15], late = words[i - 2];
      words[i] = i < 16 ? view.getInt32(block + i * 4)
        : words[i - 16] + (turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)) + words[i - 7] + (turn(late, 17) ^ turn(late, 19) ^ (late >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
      const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => digest.setInt32(i * 4, word));
  return new Uint8Array(digest.buffer);
}

function hmac(key, text) {
  const block = new Uint8Array(64);
  block.set(key);
  const keyed = (pad, rest) => sha256(Uint8Array.from([...block.map((byte) => byte ^ pad), ...rest]));
  return keyed(0x5c, keyed(0x36, utf8(text)));
}

/** Percent-encodes as AWS does: all but unreserved characters. */
export const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * @typedef {{service: string, region: string, credentials: {accessKeyId: string, secretKey: string, sessionToken?: string}, now?: Date}} Scope
 */

function signature(method, url, headers, payloadHash, { service, region, credentials }, stamp) {
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&");
  const canonical = [method, url.pathname, query, ...names.map((name) => `${name}:${headers[name].trim()}`), "", names.join(";"), payloadHash].join("\n");
  const scope = [stamp.slice(0, 8), region, service, "aws4_request"];
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope.join("/"), hex(sha256(utf8(canonical)))].join("\n");
  const key = scope.reduce((previous, part) => hmac(previous, part), utf8(`AWS4${credentials.secretKey}`));
  return hex(hmac(key, toSign));
}

const stampOf = (now = new Date()) => now.toISOString().replace(/[-:]|\.\d+/g, "");
const scopeOf = ({ region, service }, stamp) => `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`;

/**
 * The headers of a signed request. A body of `undefined` is one that is sent unsigned (S3 only).
 * @param {Scope} scope
 */
export function signedHeaders(method, address, headers, body, scope) {
  const url = new URL(address), stamp = stampOf(scope.now);
  const payloadHash = body === undefined ? "UNSIGNED-PAYLOAD" : hex(sha256(utf8(body)));
  const sent = { ...headers, "x-amz-date": stamp };
  if (scope.service === "s3") sent["x-amz-content-sha256"] = payloadHash;
  if (scope.credentials.sessionToken) sent["x-amz-security-token"] = scope.credentials.sessionToken;
  const all = { ...sent, host: url.host };
  const proof = signature(method, url, all, payloadHash, scope, stamp);
  sent.authorization = `AWS4-HMAC-SHA256 Credential=${scope.credentials.accessKeyId}/${scopeOf(scope, stamp)}, SignedHeaders=${Object.keys(all).sort().join(";")}, Signature=${proof}`;
  return sent;
}

/**
 * A link that is allowed to GET for a while.
 * @param {Scope} scope
 */
export function presignedUrl(address, expiresS, scope) {
  const url = new URL(address), stamp = stampOf(scope.now);
  const query = { "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": `${scope.credentials.accessKeyId}/${scopeOf(scope, stamp)}`, "X-Amz-Date": stamp, "X-Amz-Expires": String(expiresS), "X-Amz-SignedHeaders": "host" };
  if (scope.credentials.sessionToken) query["X-Amz-Security-Token"] = scope.credentials.sessionToken;
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  url.searchParams.set("X-Amz-Signature", signature("GET", url, { host: url.host }, "UNSIGNED-PAYLOAD", scope, stamp));
  return url.href;
}
