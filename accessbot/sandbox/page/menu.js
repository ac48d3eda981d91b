// Things that open over the page: their placing, menus, confirmations and toasts.

import { h, icon, uid } from "./dom.js";
import { plainNodes, textNodes } from "./mrkdwn.js";

/** Puts an open popover under its anchor, or above it when there is more room there. */
export function place(anchor, popover, { matchWidth = false, align = "start" } = {}) {
  const box = anchor.getBoundingClientRect();
  const gap = 4;
  if (matchWidth) popover.style.width = `${box.width}px`;
  const below = window.innerHeight - box.bottom - gap * 3;
  const above = box.top - gap * 3;
  const up = below < Math.min(popover.scrollHeight, 280) && above > below;
  popover.style.maxHeight = `${Math.min(320, up ? above : below)}px`;
  const { width, height } = popover.getBoundingClientRect();
  const left = align === "end" ? box.right - width : box.left;
  popover.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
  popover.style.top = `${up ? box.top - gap - height : box.bottom + gap}px`;
}

/**
 * Opens a menu at `anchor`. Items: `{nodes, run, checked?, hint?, danger?}`. Arrow keys, Home, End, Enter, Space, Esc and first letters
 * work; focus returns to the anchor. It lives next to the anchor, so that it works inside a dialog too.
 */
export function openMenu(anchor, items, { label, align = "start" }) {
  const choose = (item) => {
    close();
    item.run();
  };
  const entries = items.map((item) =>
    h(
      "button",
      {
        type: "button",
        class: `menu-item${item.danger ? " is-danger" : ""}`,
        tabIndex: -1,
        role: item.checked === undefined ? "menuitem" : "menuitemradio",
        "aria-checked": item.checked === undefined ? null : String(item.checked),
        onclick: () => choose(item),
        onpointermove: (event) => event.currentTarget.focus(),
      },
      h("span", { class: "menu-text" }, item.nodes),
      item.hint ? h("span", { class: "menu-hint" }, item.hint) : null,
    ),
  );
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "manual" }, entries);
  const outside = (event) => {
    if (!menu.contains(event.target) && !anchor.contains(event.target)) close(false);
  };
  const close = (back = true) => {
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("resize", close);
    anchor.setAttribute("aria-expanded", "false");
    menu.remove();
    if (back) anchor.focus();
  };
  menu.addEventListener("keydown", (event) => {
    const at = entries.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (to !== undefined) entries[(to + entries.length) % entries.length].focus();
    else if (event.key.length === 1 && /\S/.test(event.key)) {
      const order = [...entries.slice(at + 1), ...entries];
      order.find((entry) => entry.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  anchor.setAttribute("aria-expanded", "true");
  anchor.after(menu);
  menu.showPopover();
  place(anchor, menu, { align });
  document.addEventListener("pointerdown", outside, true);
  window.addEventListener("resize", close);
  (entries[items.findIndex((item) => item.checked)] ?? entries[0])?.focus();
  return close;
}

/** Keeps Tab inside `dialog`, and hands Esc to `escape`. */
export function trap(dialog, escape) {
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      escape();
    }
    if (event.key !== "Tab") return;
    const stops = [...dialog.querySelectorAll("button, input, textarea, a[href], [tabindex]")].filter(
      (item) => item.tabIndex >= 0 && !item.disabled && item.offsetParent !== null,
    );
    const [first, last] = [stops[0], stops.at(-1)];
    if (!first) return;
    if (event.shiftKey ? document.activeElement === first : document.activeElement === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  });
}

/** Asks a Block Kit confirmation; resolves to true when it was confirmed. */
export function confirmDialog(spec, ctx) {
  return new Promise((resolve) => {
    const [title, text] = [uid("confirm"), uid("confirm")];
    const answer = (yes) => {
      dialog.close();
      dialog.remove();
      resolve(yes);
    };
    const danger = spec.style === "danger";
    const confirm = h(
      "button",
      { type: "button", class: `button ${danger ? "is-danger" : "is-primary"}`, onclick: () => answer(true) },
      plainNodes(spec.confirm ?? { text: "Yes" }, { control: true }),
    );
    const dialog = h(
      "dialog",
      { class: "dialog dialog-small", role: "alertdialog", "aria-labelledby": title, "aria-describedby": text },
      h(
        "header",
        { class: "dialog-head" },
        h("h2", { id: title }, plainNodes(spec.title ?? { text: "Are you sure?" })),
      ),
      h("div", { class: "dialog-body", id: text }, textNodes(spec.text, ctx)),
      h(
        "footer",
        { class: "dialog-foot" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => answer(false) },
          plainNodes(spec.deny ?? { text: "Cancel" }, { control: true }),
        ),
        confirm,
      ),
    );
    document.body.append(dialog);
    trap(dialog, () => answer(false));
    dialog.showModal();
    confirm.focus();
  });
}

/** A short notice in the corner, read out at once when it is an error. */
export function toast(text, kind = "note") {
  const box = document.getElementById("toasts");
  const item = h(
    "div",
    { class: `toast is-${kind}`, role: kind === "error" ? "alert" : "status" },
    icon(kind === "error" ? "alert" : "check"),
    h("span", {}, text),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: () => leave() },
      icon("close"),
    ),
  );
  const leave = () => {
    item.remove();
    if (!box.childElementCount) box.hidePopover();
  };
  if (box.matches(":popover-open")) box.hidePopover(); // shown again, it lies above whatever opened since
  const top = [...document.querySelectorAll("dialog[open]")].at(-1);
  (top ?? document.body).append(box);
  box.append(item);
  box.showPopover();
  setTimeout(leave, kind === "error" ? 9000 : 4500);
}
