// Keys that work everywhere, and the card that lists them.

import { h, icon } from "./dom.js";
import { trap } from "./menu.js";
import { actors } from "./people.js";

const REGIONS = ["coach", "rail", "sidebar", "scroller", "composer-area", "panel"];
const STOP = "button:not([tabindex='-1']):not([disabled]), textarea, [tabindex='0'], article:last-of-type";

function list(ctx) {
  const mod = ctx.modifier;
  return [
    ["Act as the first, second, … person", [`${mod}1`, `${mod}2`, "…"]],
    ["Previous or next conversation", ["Alt ↑", "Alt ↓"]],
    ["Next or previous part of the page", ["F6", "Shift F6"]],
    ["Write, starting with a command", ["/"]],
    ["Send · new line", ["Enter", "Shift Enter"]],
    ["Send the form that is open", [`${mod}Enter`]],
    ["Show or hide who has access", [`${mod}.`]],
    ["Close a form, a menu or a list", ["Esc"]],
    ["This list", ["?"]],
  ];
}

/** Opens the card of shortcuts. */
export function showShortcuts(ctx) {
  const back = document.activeElement;
  const close = () => {
    dialog.close();
    dialog.remove();
    back?.focus?.();
  };
  const dismiss = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", onclick: close },
    icon("close"),
  );
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "shortcuts-title" },
    h("header", { class: "dialog-head" }, h("h2", { id: "shortcuts-title" }, "Keyboard shortcuts"), dismiss),
    h(
      "dl",
      { class: "dialog-body shortcuts" },
      list(ctx).map(([what, keys]) =>
        h(
          "div",
          {},
          h("dt", {}, what),
          h(
            "dd",
            {},
            keys.map((key) => h("kbd", {}, key)),
          ),
        ),
      ),
    ),
  );
  document.body.append(dialog);
  trap(dialog, close);
  dialog.showModal();
  dismiss.focus();
}

function cycleRegion(backwards) {
  const regions = REGIONS.map((id) => document.getElementById(id)).filter(
    (region) => region && !region.hidden && region.offsetParent !== null,
  );
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[(at + (backwards ? -1 : 1) + regions.length) % regions.length];
  const stops = next.querySelectorAll(STOP);
  (next.id === "scroller" ? ([...stops].at(-1) ?? next) : (stops[0] ?? next)).focus();
}

/** Starts listening for the page's shortcuts. */
export function listenForShortcuts(ctx) {
  document.addEventListener("keydown", (event) => {
    const mod = event.ctrlKey || event.metaKey;
    const inModal = document.querySelector("dialog[open]") !== null;
    const typing = event.target.matches?.("input, textarea, [contenteditable]");
    if (event.defaultPrevented || !ctx.state) return;
    if (mod && !event.altKey && !event.shiftKey && /^[1-9]$/.test(event.key) && !inModal) {
      const person = actors(ctx.state)[Number(event.key) - 1];
      if (!person) return;
      ctx.switchTo(person.id);
    } else if (mod && event.key === ".") ctx.togglePanel();
    else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown") && !inModal)
      ctx.step(event.key === "ArrowUp" ? -1 : 1);
    else if (event.key === "F6" && !inModal) cycleRegion(event.shiftKey);
    else if (event.key === "?" && !typing && !inModal && !mod) showShortcuts(ctx);
    else if (event.key === "/" && !typing && !inModal && !mod) ctx.compose("/");
    else return;
    event.preventDefault();
  });
}
