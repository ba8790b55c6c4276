/** Types of files, by their contents, then by the system's type, then by the ending. */

// Types' other names and files' endings, in one: both come after the first, which is the standard name of the type.
const NAMES = [
  "jpeg jpg jpe jfif jfi jif pjpeg pjp mpo jps x-jpeg x-jpg x-citrix-jpeg x-mpo", "png apng x-png vnd.mozilla.apng",
  "heic heics heic-sequence x-heic", "heif hif heifs heif-sequence x-heif", "webp x-webp", "avif avifs avif-sequence x-avif",
  "gif x-gif", "tiff tif x-tif x-tiff", "bmp dib x-bmp x-ms-bmp x-windows-bmp x-dib",
].map((line) => line.split(" "));
const STANDARD = new Map(NAMES.flatMap((names) => names.map((name) => [name, `image/${names[0]}`])));
const STARTS = [
  ["jpeg", /^\xff\xd8\xff/], ["png", /^\x89PNG\r\n\x1a\n/], ["gif", /^GIF8[79]a/], ["webp", /^RIFF....WEBP/s],
  ["tiff", /^(II[*+]\0|MM\0[*+])/], ["bmp", /^BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0/s],
  ["avif", /^....ftyp(.{4})*?avi[fs]/s], ["heic", /^....ftyp(.{4})*?he(i[cxms]|v[cx])/s], ["heif", /^....ftypm(if|sf)1/s],
];
const byEnding = (name) => (name.includes(".") ? STANDARD.get(name.split(".").pop().toLowerCase()) : undefined);

async function byContents(file) {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 64).arrayBuffer()));
  const format = STARTS.find(([, beginning]) => beginning.test(start));
  return format && `image/${format[0]}`;
}

/** Returns a file's type; undefined if it is no picture. Fails if the file cannot be read. */
export async function typeOf(file) {
  return (await byContents(file)) ?? STANDARD.get(file.type.toLowerCase().replace(/^image\/|;.*/g, "")) ?? byEnding(file.name);
}

/** Returns whether to send a folder's file. */
export const isPicture = async (file) => Boolean(byEnding(file.name) ?? (await byContents(file).catch(() => undefined)));
