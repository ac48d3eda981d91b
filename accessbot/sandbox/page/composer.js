// The composer: messages, slash commands and their completion.

import { api } from "./api.js";
import { h, icon, uid } from "./dom.js";
import { place } from "./menu.js";

const COMMANDS = [
  {
    text: "/request-aws",
    hint: "[access] [duration] [reason]",
    about: "Ask for access to an AWS account, for a while",
  },
  { text: "/my-access", hint: "", about: "See what you hold, extend it or end it" },
  { text: "/request-aws help", hint: "", about: "Show examples" },
];

/** Makes the composer in `root`; returns `{render, focus, set}`. */
export function createComposer(ctx, root) {
  const listId = uid("commands");
  const input = h("textarea", {
    id: "composer",
    rows: 1,
    spellcheck: "true",
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
    dataset: { focus: "composer" },
  });
  const label = h("label", { htmlFor: "composer", class: "visually-hidden" });
  const list = h("div", {
    id: listId,
    class: "listbox commands",
    role: "listbox",
    "aria-label": "Commands",
    popover: "manual",
  });
  const notice = h("div", { class: "notice", role: "alert", hidden: true });
  const send = h("button", { type: "submit", class: "send", "aria-label": "Send", disabled: true }, icon("send"));
  const slash = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Show commands",
      title: "Commands  /",
      onclick: () => set("/"),
    },
    icon("slash"),
  );
  const hint = h("span", { class: "composer-hint", "aria-hidden": "true" });
  const form = h(
    "form",
    {
      class: "composer",
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    label,
    input,
    h("div", { class: "composer-bar" }, slash, hint, send),
    list,
  );
  root.append(notice, form);

  const drafts = new Map(); // "person/conversation" → text not yet sent
  let where = null;
  let slot = null;
  let shown = [];
  let active = -1;
  let sending = false;
  let past = [];

  const mark = (index) => {
    shown[active]?.element.setAttribute("aria-selected", "false");
    active = index;
    const element = shown[active]?.element;
    element?.setAttribute("aria-selected", "true");
    if (element) input.setAttribute("aria-activedescendant", element.id);
    else input.removeAttribute("aria-activedescendant");
  };
  const closeList = () => {
    if (list.matches(":popover-open")) list.hidePopover();
    input.setAttribute("aria-expanded", "false");
    shown = [];
    mark(-1);
  };
  const complete = (command) => {
    input.value = command.hint ? `${command.text} ` : command.text;
    changed();
    closeList();
    input.focus();
  };
  const suggest = () => {
    const typed = input.value;
    const found =
      typed.startsWith("/") && !typed.includes("\n")
        ? COMMANDS.filter((command) => command.text.startsWith(typed.toLowerCase()) && command.text !== typed)
        : [];
    if (!found.length) return closeList();
    shown = found.map((command) => ({
      command,
      element: h(
        "div",
        {
          id: uid("command"),
          class: "option",
          role: "option",
          "aria-selected": "false",
          onpointerdown: (event) => event.preventDefault(),
          onclick: () => complete(command),
        },
        h("span", { class: "avatar avatar-bot avatar-small", "aria-hidden": "true" }, icon("key")),
        h(
          "span",
          { class: "option-text" },
          h("span", {}, h("b", {}, command.text), " ", h("span", { class: "usage" }, command.hint)),
          h("small", {}, command.about),
        ),
        h("small", { class: "option-app" }, "accessbot"),
      ),
    }));
    list.replaceChildren(h("p", { class: "option-group" }, "Commands"), ...shown.map(({ element }) => element));
    if (!list.matches(":popover-open")) list.showPopover();
    input.setAttribute("aria-expanded", "true");
    place(form, list, { matchWidth: true });
    const whole = COMMANDS.some((command) => command.text === typed.trimEnd());
    return mark(whole ? -1 : 0); // Enter sends what is a command already; the arrows still reach the others
  };

  const changed = () => {
    input.rows = Math.min(8, input.value.split("\n").length);
    send.disabled = sending || input.value.trim() === "";
    const command = COMMANDS.find((one) => one.hint && input.value.trimEnd() === one.text);
    hint.textContent = command ? `${command.hint} — or press Enter for the form` : "";
    if (slot) drafts.set(slot, input.value);
  };

  async function submit() {
    const text = input.value.trim();
    if (!text || sending) return;
    const [as, channel, draft] = [ctx.me, where, slot];
    closeList();
    sending = true;
    form.setAttribute("aria-busy", "true");
    notice.hidden = true;
    input.value = "";
    changed();
    past = [text, ...past.filter((one) => one !== text)].slice(0, 30);
    try {
      await (text.startsWith("/") ? api.command(as, channel, text) : api.message(as, channel, text));
      await ctx.refresh();
      ctx.showEnd();
    } catch (error) {
      drafts.set(draft, text);
      if (slot === draft && !input.value) input.value = text;
      notice.replaceChildren(
        icon("alert"),
        h("span", {}, error.message),
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Dismiss",
            onclick: () => {
              notice.hidden = true;
            },
          },
          icon("close"),
        ),
      );
      notice.hidden = false;
    } finally {
      sending = false;
      form.removeAttribute("aria-busy");
      changed();
    }
  }

  function set(text) {
    input.value = text;
    changed();
    input.focus();
    suggest();
  }

  const recall = () => {
    if (input.value || !past.length) return false;
    set(past[0]);
    closeList();
    return true;
  };

  input.addEventListener("input", () => {
    changed();
    suggest();
  });
  input.addEventListener("blur", closeList);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) mark((Math.max(active, step < 0 ? 0 : -1) + step + shown.length) % shown.length);
    else if (event.key === "ArrowUp" && recall()) {
      /* the last message is back */
    } else if (event.key === "Tab" && !event.shiftKey && shown[active]) complete(shown[active].command);
    else if (event.key === "Enter" && !event.shiftKey) {
      if (shown[active]) complete(shown[active].command);
      else form.requestSubmit();
    } else if (event.key === "Escape" && shown.length) closeList();
    else return;
    event.preventDefault();
  });

  return {
    focus: () => input.focus(),
    set,
    render(conversation, title) {
      const next = `${ctx.me}/${conversation.id}`;
      where = conversation.id;
      if (next === slot) return;
      slot = next;
      const words = `Message ${conversation.kind === "channel" ? "#" : ""}${title}`;
      input.placeholder = `${words} — type / for commands`;
      label.textContent = words;
      input.value = drafts.get(next) ?? "";
      notice.hidden = true;
      closeList();
      changed();
    },
  };
}
