/** Zip files without compression, which pictures have already. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});
const UTF8_NAMES = 0x0800, VERSION = 20;
// Limits without the format's later extensions: four gigabytes and 65,535 files.
const MOST_BYTES = 4e9, MOST_FILES = 65_535;

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255];
  return ~crc;
}

/** Writes numbers in 2 or 4 bytes each, little-endian: [width, value], … */
function numbers(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return view.buffer;
}

/** Files that become one zip. Equal names get a number. */
export function zipper(mostBytes = MOST_BYTES) {
  const parts = [], entries = [], names = new Set();
  let size = 0;

  function free(name) {
    const dot = name.lastIndexOf("."), at = dot > 0 ? dot : name.length;
    let other = name;
    for (let n = 2; names.has(other.toLowerCase()); n++) other = `${name.slice(0, at)} (${n})${name.slice(at)}`;
    names.add(other.toLowerCase());
    return other;
  }

  return {
    get count() {
      return entries.length / 2;
    },
    fits: (blob) => entries.length / 2 < MOST_FILES && size + blob.size < mostBytes,

    /** @param {string} name @param {Blob} blob @param {Date} date */
    async add(name, blob, date) {
      const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
      const encoded = new TextEncoder().encode(free(name));
      const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
      const day = (Math.max(date.getFullYear() - 1980, 0) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
      const about = [[2, VERSION], [2, UTF8_NAMES], [2, 0], [2, time], [2, day], [4, crc], [4, blob.size], [4, blob.size], [2, encoded.length], [2, 0]];
      const local = numbers([4, 0x04034b50], ...about);
      entries.push(numbers([4, 0x02014b50], [2, VERSION], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, size]), encoded);
      parts.push(local, encoded, blob);
      size += local.byteLength + encoded.length + blob.size;
    },

    blob() {
      const count = entries.length / 2, length = entries.reduce((sum, part) => sum + part.byteLength, 0);
      const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, size], [2, 0]);
      return new Blob([...parts, ...entries, end], { type: "application/zip" });
    },
  };
}
