/** File names: by characters as people see them, shortened in the middle, so that beginning and ending stay. */

const TAIL = 20, MOST = 1024;
const segmenter = Intl.Segmenter && new Intl.Segmenter(undefined, { granularity: "grapheme" });
// For browsers without Intl.Segmenter: flags, and a character with its marks, skin tones, and what joiners join to it.
const CHARACTER = /\p{RI}{2}|[^](?:\u200d[^]|[\p{M}\p{EMod}\u200c\u{e0020}-\u{e007f}\u1160-\u11ff])*/gu;

/** @returns {string[]} */
export const characters = (text) => (segmenter ? Array.from(segmenter.segment(text), (part) => part.segment) : text.match(CHARACTER) ?? []);

/** Returns the text, or as much of its beginning and end as `fits` allows, with an ellipsis between. */
export function shortened(text, fits) {
  if (fits(text)) return text;
  const head = characters(text), tail = head.splice(-TAIL);
  head.length = Math.min(head.length, MOST);
  const joined = () => [...head, "…", ...tail].join("");
  while (head.length + tail.length && !fits(joined())) head.length ? head.pop() : tail.shift();
  return joined();
}
