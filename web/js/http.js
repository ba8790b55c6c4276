/** The one module that speaks HTTP. Every failure leaves it as a ServiceError with a stable code and a sentence. */

const TIMEOUT_MS = 20_000;
const RETRYABLE = new Set(["OFFLINE", "TIMEOUT", "UNAVAILABLE", "INTERNAL_ERROR", "TOO_MANY_REQUESTS"]);
const TURNS_LOST = 3, TURNS_BUSY = 6, FIRST_PAUSE_MS = 500;
const SKEW_MS = 60_000;

export class ServiceError extends Error {
  /** @param {string} code stable @param {string} message for people @param {number} [status] of the answer */
  constructor(code, message, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryable = RETRYABLE.has(code) || status >= 500;
  }
}

const offline = () => new ServiceError("OFFLINE", "The service cannot be reached. Check the connection.");
const timedOut = () => new ServiceError("TIMEOUT", "The service took too long to answer. Try again.");
const cancelled = () => new DOMException("Cancelled", "AbortError");

/** The services' time: this machine's, corrected by the dates of answers, since signatures are good for minutes only. */
export const clock = {
  aheadMs: 0,
  now: () => Date.now() - clock.aheadMs,
  /** @param {string|null|undefined} date  of an answer, where it may be read */
  learn(date) {
    const ahead = Date.now() - Date.parse(date ?? "");
    if (Math.abs(ahead - clock.aheadMs) > SKEW_MS) clock.aheadMs = ahead;
  },
};

/** Retries requests that the connection lost, if they are idempotent, and those that a busy service refused. */
export async function again(send, signal, mayRepeat = true) {
  for (let turn = 1; ; turn++) {
    if (mayRepeat && !navigator.onLine) await awake(signal);
    try {
      return await send();
    } catch (error) {
      const turns = error.status === 429 ? TURNS_BUSY : error.code === "OFFLINE" && mayRepeat ? TURNS_LOST : 1;
      if (turn >= turns) throw error;
    }
    await sleep(FIRST_PAUSE_MS * 2 ** (turn - 1) * (0.75 + Math.random() / 2), signal);
  }
}

export function requestJson(url, { signal, ...options } = {}) {
  return again(() => answer(url, options, signal), signal, options.method !== "DELETE");
}

async function answer(url, options, signal) {
  const { response, content: text } = await get(url, options, signal, TIMEOUT_MS, "text");
  let body;
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    throw new ServiceError("BAD_ANSWER", "The service gave an answer that this page does not understand.", response.status);
  }
  if (response.ok) return { status: response.status, body };
  throw asError(response.status, body);
}

/** Fetches within a time limit, without AbortSignal.any and timeout, which many browsers lack. */
export async function get(url, options, signal, limitMs, kind) {
  const stop = new AbortController(), abort = () => stop.abort();
  let late = false;
  const timer = setTimeout(() => ((late = true), abort()), limitMs);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  try {
    const response = await fetch(url, { ...options, signal: stop.signal, credentials: "omit", cache: "no-store" });
    clock.learn(response.headers.get("date"));
    return { response, content: await response[kind]() };
  } catch {
    if (signal?.aborted) throw cancelled();
    throw late ? timedOut() : offline();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function asError(status, body) {
  // A problem document of the API, or the error of an AWS service ("__type": "…#ResourceNotFoundException").
  const code = body.code ?? body.__type?.split("#").pop() ?? (status === 429 ? "TOO_MANY_REQUESTS" : `HTTP_${status}`);
  return new ServiceError(code, body.detail ?? body.message ?? body.Message ?? `The service answered with status ${status}.`, status);
}

/**
 * Sends a file to S3 and reports how much of it has gone (fetch cannot).
 * @param {{url: string, file: Blob, headers: Record<string, string>,
 *   onProgress?: (part: number) => void, signal?: AbortSignal}} upload
 */
export const sendFile = (upload) => again(() => send(upload), upload.signal);

function send({ url, file, headers, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    xhr.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    // 412: the file has arrived already, and the answer was lost. No two files have one key.
    xhr.onload = () => ((xhr.status >= 200 && xhr.status < 300) || xhr.status === 412 ? resolve() : reject(storageError(xhr)));
    xhr.onerror = () => reject(offline());
    xhr.onabort = () => reject(cancelled());
    xhr.onloadend = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    xhr.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.send(file);
  });
}

function storageError(xhr) {
  const said = (name) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(xhr.responseText)?.[1];
  clock.learn(said("ServerTime"));
  const code = said("Code") ?? `HTTP_${xhr.status}`;
  const sentences = {
    AccessDenied: "The storage refused the picture: the permission may have expired. Try again.",
    RequestTimeTooSkewed: "This device's clock is wrong. Set it and try again.",
  };
  return new ServiceError(code, sentences[code] ?? `The storage refused the picture (${code}). Try again.`, xhr.status);
}

/** Resolves after `ms`, or rejects when the signal aborts. */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const abort = () => (clearTimeout(timer), reject(cancelled()));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", abort), resolve()), ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Resolves when the page is visible and the browser is online. */
export function awake(signal) {
  const ready = () => !document.hidden && navigator.onLine;
  if (ready()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const check = () => ready() && (stop.abort(), resolve());
    document.addEventListener("visibilitychange", check, { signal: stop.signal });
    addEventListener("online", check, { signal: stop.signal });
    signal?.addEventListener("abort", () => (stop.abort(), reject(cancelled())), { signal: stop.signal });
  });
}
