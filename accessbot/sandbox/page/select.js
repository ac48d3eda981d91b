// A select one can type into: a combobox with a list, for static and for type-ahead options.

import { h, icon, uid } from "./dom.js";
import { place } from "./menu.js";
import { plainString } from "./mrkdwn.js";

const WAIT_MS = 150;

/** Static options and groups as a source: filters by what was typed, in text and description. */
export function staticSource(options, groups) {
  const all = groups ?? [{ label: null, options: options ?? [] }];
  return (query) => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (option) => {
      const text = `${plainString(option.text)} ${plainString(option.description)}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    return all
      .map((group) => ({ label: group.label, options: group.options.filter(matches) }))
      .filter((group) => group.options.length);
  };
}

/**
 * Makes the select. `source(query)` gives groups `{label, options}`, now or as a promise; `change(option)` hears of a choice.
 * Returns `{element, input, selected()}`.
 */
export function createSelect({
  id,
  placeholder,
  source,
  initial = null,
  minimum = 0,
  change,
  optional = false,
  label = null,
  focusName = null,
}) {
  let selected = initial;
  let shown = []; // [{option, element}] in order
  let active = -1;
  let asked = 0;
  let timer = null;
  const listId = uid("list");
  const text = () => (selected ? plainString(selected.text) : "");

  const input = h("input", {
    id,
    class: "input select-input",
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    placeholder,
    value: text(),
    "aria-expanded": "false",
    "aria-controls": listId,
    "aria-autocomplete": "list",
    "aria-label": label,
    dataset: focusName ? { focus: focusName } : {},
  });
  const list = h("div", {
    id: listId,
    class: "listbox",
    role: "listbox",
    "aria-label": placeholder || "Options",
    popover: "manual",
  });
  const clear = h(
    "button",
    {
      type: "button",
      class: "icon-button select-clear",
      tabIndex: -1,
      "aria-label": "Clear the choice",
      onclick: () => {
        choose(null);
        input.focus();
      },
    },
    icon("close"),
  );
  const element = h("div", { class: "select" }, input, optional ? clear : null, icon("caret"), list);
  const isOpen = () => list.matches(":popover-open");
  const showClear = () => {
    clear.hidden = !selected;
  };
  showClear();

  const mark = (index) => {
    shown[active]?.element.classList.remove("is-active");
    active = index;
    const entry = shown[active];
    entry?.element.classList.add("is-active");
    entry?.element.scrollIntoView({ block: "nearest" });
    if (entry) input.setAttribute("aria-activedescendant", entry.element.id);
    else input.removeAttribute("aria-activedescendant");
  };
  const note = (words) => {
    shown = [];
    list.replaceChildren(h("p", { class: "listbox-note", role: "status" }, words));
    mark(-1);
    place(input, list, { matchWidth: true });
  };
  const fill = (groups) => {
    shown = [];
    const optionElement = (option) => {
      const chosen = selected?.value === option.value;
      const item = h(
        "div",
        {
          id: uid("option"),
          class: "option",
          role: "option",
          "aria-selected": String(chosen),
          onpointerdown: (event) => event.preventDefault(),
          onclick: () => choose(option),
        },
        h(
          "span",
          { class: "option-text" },
          plainString(option.text),
          option.description ? h("small", {}, plainString(option.description)) : null,
        ),
        chosen ? icon("check") : null,
      );
      shown.push({ option, element: item });
      return item;
    };
    const parts = groups.map((group) => {
      if (!group.label) return group.options.map(optionElement);
      const heading = uid("group");
      return h(
        "div",
        { role: "group", "aria-labelledby": heading },
        h("div", { id: heading, class: "option-group" }, plainString(group.label)),
        group.options.map(optionElement),
      );
    });
    list.replaceChildren(...parts.flat());
    if (!shown.length) return note("Nothing matches.");
    place(input, list, { matchWidth: true });
    return mark(
      Math.max(
        0,
        shown.findIndex(({ option }) => option.value === selected?.value),
      ),
    );
  };
  const load = async (query) => {
    asked += 1;
    const mine = asked;
    if (query.length < minimum) return note(`Type ${minimum} character${minimum === 1 ? "" : "s"} or more to search.`);
    try {
      const answer = source(query);
      if (answer instanceof Promise) note("Loading…");
      const groups = await answer;
      if (mine === asked && isOpen()) fill(groups);
    } catch (error) {
      if (mine === asked && isOpen()) note(error.message);
    }
    return undefined;
  };
  const open = (query = "") => {
    clearTimeout(timer);
    if (!isOpen()) {
      list.showPopover();
      input.setAttribute("aria-expanded", "true");
    }
    load(query);
  };
  const close = () => {
    asked += 1;
    clearTimeout(timer);
    if (isOpen()) list.hidePopover();
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  };
  const choose = (option) => {
    const same = selected?.value === option?.value;
    selected = option;
    input.value = text();
    showClear();
    close();
    if (!same) change?.(selected);
  };

  input.addEventListener("click", () => (isOpen() ? undefined : open()));
  input.addEventListener("focus", () => input.select());
  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (!isOpen()) open(input.value);
    else timer = setTimeout(() => load(input.value), WAIT_MS);
  });
  input.addEventListener("blur", () => {
    close();
    if (optional && input.value === "" && selected) choose(null);
    input.value = text();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) {
      if (!isOpen()) open();
      else if (shown.length)
        mark(
          Math.abs(step) === 1
            ? (active + step + shown.length) % shown.length
            : Math.max(0, Math.min(shown.length - 1, active + step)),
        );
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      if (!isOpen()) open();
      else if (shown[active]) choose(shown[active].option);
    } else if (event.key === " " && !isOpen() && input.value === text()) open();
    else if (event.key === "Escape" && isOpen()) {
      input.value = text();
      close();
    } else return;
    event.preventDefault();
  });
  return { element, input, selected: () => selected };
}
