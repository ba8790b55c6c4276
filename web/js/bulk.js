/** Actions on all selected pictures; loaded at their first use. */
import { nameOf } from "./dom.js";
import { sleep } from "./http.js";
import { confirmed, DELETING, each, fetchFile, fileOf, keyName, save } from "./later.js";
import { counted, explain, toast } from "./messages.js";
import { zipper } from "./zip.js";

const AT_ONCE = 4, MOST_NAME_BYTES = 255;

/**
 * @param {import("./types.js").Backend} backend
 * @param {ReturnType<import("./pictures.js").pictureSource>} pictures
 * @param {{images: () => object[], begin: () => AbortSignal, tell: (text: string) => void, end: (done: string[]) => void}} selected
 * @param page  onDeleted(keys), onAgain(files)
 */
export function setUpBulk(backend, pictures, selected, page) {
  /** Runs an action on each picture, shows its progress and failures, and returns the finished keys. */
  async function withAll(doing, action, images = selected.images()) {
    const done = [], signal = selected.begin();
    const tell = () => selected.tell(`${doing} ${Math.min(done.length + 1, images.length)} of ${images.length} …`);
    tell();
    const errors = await each(images, AT_ONCE, async (image) => {
      await patiently(() => action(image, signal), signal);
      done.push(image.key);
      tell();
    }, signal);
    if (errors.length && !signal.aborted) toast(`${counted(errors.length)} of ${images.length} could not be done: ${explain(errors[0])}`, { error: true });
    return done;
  }

  return {
    async remove() {
      const count = counted(selected.images().length);
      if (!(await confirmed(`Delete ${count}?`, `They and their labels disappear from the page and the search. ${DELETING}`))) return;
      const gone = await withAll("Deleting", (image) => backend.remove(image.key));
      gone.forEach(pictures.forget);
      selected.end(gone);
      if (gone.length) (page.onDeleted(gone), toast(`${counted(gone.length)} deleted.`));
    },

    async relabel() {
      const count = counted(selected.images().length);
      if (!(await confirmed(`Label ${count} again?`, "Each costs an analysis. The old labels stay until the new ones arrive.", ["Cancel", "Label again"]))) return;
      const relabelled = await withAll("Asking for", (image) => backend.relabel(image.key));
      selected.end(relabelled);
      if (relabelled.length) toast(`${counted(relabelled.length)} will be labelled again.`);
    },

    /** Downloads one zip file, or several if one would be too large. */
    async download() {
      const name = `labelstack-${new Date().toISOString().slice(0, 10)}`;
      let zip = zipper(), zips = 0;
      const finish = () => save(zip.blob(), `${name}${zips++ ? `-${zips}` : ""}.zip`);
      const done = await withAll("Fetching", async (image, signal) => {
        const blob = await fetchFile(await pictures.address(image.key, { flagged: true }), signal);
        if (!zip.fits(blob)) (finish(), (zip = zipper()));
        await zip.add(keyName(nameOf(image.key), MOST_NAME_BYTES), blob, new Date(image.processedAt));
      });
      if (done.length) finish();
      selected.end(done);
    },

    /** Relabels FAILED pictures; the others stay selected. */
    async again() {
      const files = [];
      const fetched = await withAll("Fetching", async ({ key }, signal) => {
        files.push(await fileOf(key, pictures, signal));
      }, selected.images().filter((image) => image.status === "FAILED"));
      selected.end(fetched);
      page.onAgain(files);
    },
  };
}

/** Retries temporary failures, later each time. */
async function patiently(action, signal) {
  for (let pause = 1000; ; pause *= 2) {
    try {
      return await action();
    } catch (error) {
      if (!error.retryable || error.code === "OFFLINE" || pause > 8000) throw error;
    }
    await sleep(pause, signal);
  }
}
