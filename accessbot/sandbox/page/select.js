// A select one can type into: a combobox with a list, for static and for type-ahead options, of one or of several.

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
 * Makes the select. `source(query)` gives groups `{label, options}`, now or as a promise; `change()` hears of a choice.
 * With `many` several can be chosen, at most `most`: each shows as a chip before the input. `initial` is a list of options.
 * Returns `{element, input, selected()}`; what is selected is a list of options.
 */
export function createSelect({
  id,
  placeholder,
  source,
  initial = [],
  many = false,
  most = Infinity,
  minimum = 0,
  change,
  optional = false,
  label = null,
  focusName = null,
}) {
  let chosen = [...initial];
  let shown = []; // [{option, element}] in order
  let active = -1;
  let asked = 0;
  let timer = null;
  const listId = uid("list");
  const text = () => (many || !chosen.length ? "" : plainString(chosen[0].text));
  const has = (option) => chosen.some((one) => one.value === option.value);
  const isFull = () => many && chosen.length >= most;

  const input = h("input", {
    id,
    class: many ? "select-input chip-input" : "input select-input",
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
    "aria-multiselectable": many ? "true" : null,
    popover: "manual",
  });
  const chips = h("ul", { class: "chips", "aria-label": "Chosen", hidden: true });
  const box = many ? h("div", { class: "input chip-box" }, chips, input) : null;
  const anchor = box ?? input;
  const clear = h(
    "button",
    {
      type: "button",
      class: "icon-button select-clear",
      tabIndex: -1,
      "aria-label": "Clear the choice",
      onclick: () => {
        settle([]);
        input.focus();
      },
    },
    icon("close"),
  );
  const element = h("div", { class: "select" }, anchor, optional && !many ? clear : null, icon("caret"), list);
  const isOpen = () => list.matches(":popover-open");
  const chip = (option) =>
    h(
      "li",
      { class: "chip" },
      h("span", { class: "chip-text" }, plainString(option.text)),
      h(
        "button",
        {
          type: "button",
          class: "chip-remove",
          "aria-label": `Remove ${plainString(option.text)}`,
          onclick: () => {
            toggle(option);
            input.focus();
          },
        },
        icon("close"),
      ),
    );
  const showChosen = () => {
    clear.hidden = !chosen.length;
    if (!many) return;
    chips.hidden = !chosen.length;
    chips.replaceChildren(...chosen.map(chip));
    input.placeholder = chosen.length ? "" : placeholder;
  };
  showChosen();
  box?.addEventListener("click", (event) => {
    if (event.target === box || event.target === chips) input.focus();
  });

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
    place(anchor, list, { matchWidth: true });
  };
  const fill = (groups, keep = -1) => {
    shown = [];
    const optionElement = (option) => {
      const isChosen = has(option);
      const closed = isFull() && !isChosen;
      const item = h(
        "div",
        {
          id: uid("option"),
          class: "option",
          role: "option",
          "aria-selected": String(isChosen),
          "aria-disabled": closed ? "true" : null,
          onpointerdown: (event) => event.preventDefault(),
          onclick: () => choose(option),
        },
        h(
          "span",
          { class: "option-text" },
          plainString(option.text),
          option.description ? h("small", {}, plainString(option.description)) : null,
        ),
        isChosen ? icon("check") : null,
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
    const full = h("p", { class: "listbox-note", role: "status" }, `No more than ${most} can be chosen.`);
    list.replaceChildren(...parts.flat(), ...(isFull() ? [full] : []));
    if (!shown.length) return note("Nothing matches.");
    place(anchor, list, { matchWidth: true });
    const at = keep < 0 ? shown.findIndex(({ option }) => has(option)) : keep;
    return mark(Math.max(0, Math.min(at, shown.length - 1)));
  };
  const load = async (query, keep = -1) => {
    asked += 1;
    const mine = asked;
    if (query.length < minimum) return note(`Type ${minimum} character${minimum === 1 ? "" : "s"} or more to search.`);
    try {
      const answer = source(query);
      if (answer instanceof Promise) note("Loading…");
      const groups = await answer;
      if (mine === asked && isOpen()) fill(groups, keep);
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
  const settle = (options) => {
    const same = options.length === chosen.length && options.every(has);
    chosen = options;
    input.value = text();
    showChosen();
    if (!same) change?.();
  };
  const toggle = (option) => {
    if (has(option)) settle(chosen.filter((one) => one.value !== option.value));
    else if (!isFull()) settle([...chosen, option]);
  };
  const choose = (option) => {
    if (many) {
      const at = active;
      toggle(option);
      if (isOpen()) load("", at); // one more may be chosen, from all of them
    } else {
      settle([option]);
      close();
    }
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
    if (optional && !many && input.value === "" && chosen.length) settle([]);
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
    } else if (event.key === "Backspace" && many && input.value === "" && chosen.length) {
      toggle(chosen.at(-1));
      if (isOpen()) load("");
    } else if (event.key === " " && !isOpen() && input.value === text()) open();
    else if (event.key === "Escape" && isOpen()) {
      input.value = text();
      close();
    } else return;
    event.preventDefault();
  });
  return { element, input, selected: () => chosen };
}
