/** Zoom by wheel, double click, pinch and key; moving by drag; swiping to the next picture while the whole one is visible. */

const MOST = 8, STEP = 2.5, SWIPE_PX = 60;

/**
 * @param {HTMLElement} stage  takes the gestures
 * @param {() => HTMLElement|null} picture  what is moved; its middle is the stage's, its size that at zoom 1
 * @param {{onSwipe: (step: number) => void, onClose: () => void, onZoom: (zoom: number) => void}} events
 */
export function setUpZoom(stage, picture, events) {
  const pointers = new Map();
  let zoom = 1, x = 0, y = 0, moved = { x: 0, y: 0 }, many = false;

  /** Zooms so that the point of the picture under a point of the window stays there. */
  function zoomTo(next, at) {
    const { left, top, width, height } = stage.getBoundingClientRect();
    const from = at ? { x: at.x - left - width / 2, y: at.y - top - height / 2 } : { x: 0, y: 0 };
    const to = Math.min(Math.max(next, 1), MOST), by = to / zoom;
    [x, y, zoom] = [from.x - (from.x - x) * by, from.y - (from.y - y) * by, to];
    show();
  }

  function show() {
    const node = picture();
    if (!node) return;
    const reach = (size, room) => Math.max(0, (size * zoom - room) / 2);
    const clamp = (value, most) => Math.min(Math.max(value, -most), most);
    x = clamp(x, reach(node.offsetWidth, stage.clientWidth));
    y = clamp(y, reach(node.offsetHeight, stage.clientHeight));
    node.style.transform = zoom > 1 ? `translate(${x}px, ${y}px) scale(${zoom})` : "";
    stage.style.setProperty("--zoom", String(zoom));
    stage.classList.toggle("zoomed", zoom > 1);
    events.onZoom(zoom);
  }

  stage.addEventListener("wheel", (event) => {
    if (!picture()) return;
    event.preventDefault();
    zoomTo(zoom * 1.0025 ** -(event.deltaMode ? event.deltaY * 30 : event.deltaY), event);
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => event.target.closest("button") || zoomTo(zoom > 1 ? 1 : STEP, event));

  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button") || event.button) return;
    if (!pointers.size) (moved = { x: 0, y: 0 }), (many = false);
    pointers.set(event.pointerId, event);
    many ||= pointers.size > 1;
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    pointers.set(event.pointerId, event);
    if (other) {
      const apart = (pointer) => Math.hypot(pointer.x - other.x, pointer.y - other.y) || 1;
      zoomTo((zoom * apart(event)) / apart(before), { x: (event.x + other.x) / 2, y: (event.y + other.y) / 2 });
    }
    moved = { x: moved.x + event.x - before.x, y: moved.y + event.y - before.y };
    if (zoom > 1) ([x, y] = [x + event.x - before.x, y + event.y - before.y]), show();
  });
  for (const type of ["pointerup", "pointercancel"]) stage.addEventListener(type, (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size || many || zoom > 1 || type === "pointercancel" || event.pointerType === "mouse") return;
    if (Math.abs(moved.x) > SWIPE_PX && Math.abs(moved.x) > Math.abs(moved.y)) events.onSwipe(moved.x < 0 ? 1 : -1);
    else if (moved.y > SWIPE_PX * 1.5) events.onClose();
  });

  return {
    closer: (by) => zoomTo(zoom * by),
    toggle: () => zoomTo(zoom > 1 ? 1 : STEP),
    reset() {
      zoom = 1;
      show();
      events.onZoom(1);
    },
  };
}
