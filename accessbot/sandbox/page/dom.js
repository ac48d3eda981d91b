// Building and updating the document. Text only ever enters it as text nodes and attribute values: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set([
  "value",
  "checked",
  "disabled",
  "readOnly",
  "tabIndex",
  "textContent",
  "htmlFor",
  "hidden",
]);

/** An element with properties, attributes, `on…` listeners and children; empty children are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function" && name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const ICONS = {
  hash: "M9 4 7.5 20M16.5 4 15 20M4.5 9h16M3.5 15h16",
  close: "M6 6l12 12M18 6 6 18",
  send: "M4 12 20 4.5 15.5 20l-3.5-6.5zM12 13.5 20 4.5",
  caret: "M6 9.5l6 6 6-6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z",
  key: "M15 4a5 5 0 1 1-4.4 7.4L4 18v2.5h3.2v-2.3h2.3v-2.3l2.6-2.5M16 8.2h.01",
  panel: "M3.5 5h17v14h-17zM14.5 5v14",
  replay: "M5 12a7 7 0 1 0 2.2-5.1M7.5 3v4.2H3.4",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  alert: "M12 4 2.8 19.5h18.4zM12 10v4.2M12 17h.01",
  keyboard: "M3 6.5h18v11H3zM7 10h.01M11 10h.01M15 10h.01M17.5 10h.01M8 14h8",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6z",
  slash: "M15.5 5l-7 14",
  down: "M12 5v13M6.5 12.5 12 18l5.5-5.5",
  cloud: "M7 18.5a4.5 4.5 0 1 1 .6-9A5.5 5.5 0 0 1 18 11a3.8 3.8 0 0 1-.5 7.5z",
  group:
    "M9 11a3.2 3.2 0 1 1 0-6.4A3.2 3.2 0 0 1 9 11zM2.8 19.5c.4-3.6 2.9-5.5 6.2-5.5s5.8 1.9 6.2 5.5M16 5.2a3 3 0 0 1 0 5.6M17.5 14.3c2.1.7 3.4 2.5 3.7 5.2",
};

/** A decorative line icon; the element next to it carries the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24",
    class: `icon icon-${name}`,
    "aria-hidden": "true",
    focusable: "false",
  })) {
    svg.setAttribute(key, value);
  }
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const lists = new WeakMap();

/**
 * Makes `parent` show `items` in order, touching only what changed, so that focus, scrolling and animations of the rest
 * survive. `build(item, previous)` makes an element; when `sign(item)` differs it runs again, or, if given,
 * `update(element, item)` changes the element in place (a control that is being pressed must not be swapped).
 * `leave(element, done)` may delay a removal.
 */
export function reconcile(parent, items, { key, sign, build, update, leave }) {
  const before = lists.get(parent) ?? new Map();
  const after = new Map();
  let cursor = parent.firstElementChild;
  const skipLeaving = () => {
    while (cursor?.dataset.leaving) cursor = cursor.nextElementSibling;
  };
  for (const item of items) {
    const id = key(item);
    const signature = sign(item);
    const known = before.get(id);
    let element = known?.element;
    if (!known) element = build(item, null);
    else if (known.signature !== signature && update) update(element, item);
    else if (known.signature !== signature) {
      element = build(item, known.element);
      if (cursor === known.element) cursor = element;
      known.element.replaceWith(element);
    }
    skipLeaving();
    if (element === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(element, cursor);
    after.set(id, { element, signature });
  }
  for (const [id, { element }] of before) {
    if (after.has(id)) continue;
    if (!leave) element.remove();
    else {
      element.dataset.leaving = "yes";
      leave(element, () => element.remove());
    }
  }
  lists.set(parent, after);
}

/**
 * Runs `change` and puts the keyboard back where it was inside `root`: on the control with the same `data-focus`, else
 * on what replaced the nearest ancestor named by `data-home`.
 */
export function keepFocus(root, change) {
  const active = document.activeElement;
  const inside = active && active !== document.body && root.contains(active);
  const name = inside ? active.dataset.focus : null;
  const home = inside ? active.closest("[data-home]")?.dataset.home : null;
  const range =
    inside && typeof active.selectionStart === "number" ? [active.selectionStart, active.selectionEnd] : null;
  change();
  if (!inside || active.isConnected) return;
  const find = (attribute, value) => value && root.querySelector(`[data-${attribute}="${CSS.escape(value)}"]`);
  const target = find("focus", name) || find("home", home);
  target?.focus({ preventScroll: true });
  if (range && target?.setSelectionRange) target.setSelectionRange(...range);
}

let counter = 0;
/** A document-unique id for wiring labels and descriptions. */
export function uid(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** Arrow keys, Home and End move focus among the controls that `selector` finds in `root`; only one is a tab stop. */
export function roving(root, selector) {
  const items = () => [...root.querySelectorAll(selector)];
  root.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = {
      ArrowDown: at + 1,
      ArrowRight: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  });
  /** Makes the current control (or the first) the one tab stop. */
  return (isCurrent) => {
    const all = items();
    const current = all.find(isCurrent) ?? all[0];
    for (const item of all) item.tabIndex = item === current ? 0 : -1;
  };
}
