// Block Kit's interactive elements: buttons, menus, selects, text inputs, checkboxes, radios, dates.
//
// `scope` says where they live: {ctx, name, act(block, element, payload) → promise, options(block, element, query),
// saved(block, element), register(block, element, field)}.
// A field is {value() → Slack's state shape, control, empty(), problem()}.

import { h, icon, uid } from "./dom.js";
import { confirmDialog, openMenu } from "./menu.js";
import { plainNodes, plainString, safeUrl, textNodes } from "./mrkdwn.js";
import { createMoment } from "./moment.js";
import { createSelect, staticSource } from "./select.js";

const focusName = (scope, block, element) => `${scope.name}/${block.block_id ?? ""}/${element.action_id ?? ""}`;
const PLURAL = "multi_"; // the types of elements in which several can be chosen begin with it

// Runs an action with its confirmation and a busy control. Resolves to false when the person thought better of it.
async function act(scope, block, element, control, payload) {
  if (control.getAttribute("aria-busy") === "true") return false;
  if (element.confirm && !(await confirmDialog(element.confirm, scope.ctx))) {
    control.focus();
    return false;
  }
  control.setAttribute("aria-busy", "true");
  try {
    await scope.act(block, element, payload);
  } finally {
    control.removeAttribute("aria-busy");
  }
  return true;
}

function openUrl(address) {
  const url = safeUrl(address);
  if (url) window.open(url, "_blank", "noopener,noreferrer");
}

function button(block, element, scope) {
  const style = { primary: " is-primary", danger: " is-danger" }[element.style] ?? "";
  const control = h(
    "button",
    {
      type: "button",
      class: `button${style}`,
      "aria-description": element.accessibility_label, // in addition: the name stays what people see
      dataset: { focus: focusName(scope, block, element) },
      onclick: async () => {
        if (element.url) openUrl(element.url);
        await act(scope, block, element, control, { value: element.value });
      },
    },
    plainNodes(element.text, { control: true }),
    element.url ? h("span", { class: "button-out", "aria-hidden": "true" }, "↗") : null,
  );
  return control;
}

function overflow(block, element, scope) {
  const control = h(
    "button",
    {
      type: "button",
      class: "button is-icon",
      "aria-label": "More options",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      dataset: { focus: focusName(scope, block, element) },
      onclick: () =>
        openMenu(
          control,
          (element.options ?? []).map((option) => ({
            nodes: plainNodes(option.text, { control: true }),
            run: () => {
              if (option.url) openUrl(option.url);
              act(scope, block, element, control, { selected_option: option });
            },
          })),
          { label: "More options", align: "end" },
        ),
    },
    icon("more"),
  );
  return control;
}

// People and conversations as options, for the selects whose choices Slack itself knows.
function workspaceSource(type, ctx) {
  const option = (value, text, description) => ({
    value,
    text: { type: "plain_text", text },
    description: description && { text: description },
  });
  const people = ctx.state.people
    .filter((person) => person.role !== "bot")
    .map((one) => option(one.id, one.real_name, one.about));
  const channels = ctx.state.conversations
    .filter((one) => one.kind === "channel")
    .map((one) => option(one.id, `#${one.name}`));
  return { user: people, channel: channels, conversation: [...channels, ...people] }[type];
}

// Whether a choice made earlier is still one: a form that was updated may offer other options under the same name.
function offers(element, option) {
  if (!option || element.type.endsWith("external_select")) return true;
  const options = element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);
  return options.some((one) => one.value === option.value);
}

const WORKSPACE_KEYS = { users_select: "user", channels_select: "channel", conversations_select: "conversation" };

// What a select holds: where Slack keeps it, how it starts, and its options as that value and back.
function selectShape(element, scope) {
  const many = element.type.startsWith(PLURAL);
  const key = WORKSPACE_KEYS[element.type.replace(PLURAL, "")];
  const known = key ? workspaceSource(key, scope.ctx) : null;
  const name = `${key ?? "option"}${many ? "s" : ""}`;
  const optionOf = (value) => (key ? known.find((one) => one.value === value) : offers(element, value) ? value : null);
  return {
    many,
    known,
    first: (saved) => {
      const value = saved ? saved[`selected_${name}`] : element[`initial_${name}`];
      const options = (many ? (value ?? []) : [value]).map(optionOf).filter(Boolean);
      return options.length || !saved || many ? options : [element[`initial_${name}`]].map(optionOf).filter(Boolean);
    },
    state: (options) => {
      const values = key ? options.map((one) => one.value) : options;
      return { type: element.type, [`selected_${name}`]: many ? values : (values[0] ?? null) };
    },
  };
}

function select(block, element, scope, { id, optional = false, labelled = false }) {
  const shape = selectShape(element, scope);
  const external = element.type.endsWith("external_select");
  const words = plainString(element.placeholder) || (shape.many ? "Choose one or more" : "Choose an option");
  const state = () => shape.state(field.selected());
  const field = createSelect({
    id,
    optional,
    many: shape.many,
    most: element.max_selected_items,
    initial: shape.first(scope.saved(block, element)),
    placeholder: words,
    label: labelled ? null : words,
    minimum: external ? (element.min_query_length ?? 3) : 0,
    source: external
      ? (query) => scope.options(block, element, query)
      : staticSource(shape.known ?? element.options, shape.known ? null : element.option_groups),
    focusName: focusName(scope, block, element),
    change: () => {
      const { type, ...payload } = state();
      field.input.dispatchEvent(new CustomEvent("fieldchange", { bubbles: true }));
      if (dispatches(block)) act(scope, block, element, field.input, payload);
    },
  });
  scope.register(block, element, {
    control: field.input,
    value: state,
    empty: () => !field.selected().length,
    problem: () => null,
  });
  return field.element;
}

// An input block tells the app of a change only when it asks for it; elsewhere every change is an action.
const dispatches = (block) => block.type !== "input" || block.dispatch_action === true;

const HTML_TYPES = {
  number_input: "number",
  email_text_input: "email",
  url_text_input: "url",
  datepicker: "date",
  timepicker: "time",
};
const VALUE_KEYS = { datepicker: ["selected_date", "initial_date"], timepicker: ["selected_time", "initial_time"] };

function textInput(block, element, scope, { id, labelled = false }) {
  const [key, first] = VALUE_KEYS[element.type] ?? ["value", "initial_value"];
  const saved = scope.saved(block, element);
  const value = saved ? saved[key] : element[first];
  const common = {
    id,
    class: "input",
    value: value ?? "",
    placeholder: plainString(element.placeholder),
    "aria-label": labelled ? null : plainString(element.placeholder) || HTML_TYPES[element.type],
    autocomplete: "off",
    dataset: { focus: focusName(scope, block, element) },
  };
  const control = element.multiline
    ? h("textarea", { ...common, rows: 4 })
    : h("input", {
        ...common,
        type: HTML_TYPES[element.type] ?? "text",
        min: element.min_value,
        max: element.max_value,
      });
  const { max_length: max, min_length: min = 0 } = element;
  const length = () => [...control.value].length;
  const counter = max ? h("span", { class: "counter", "aria-hidden": "true" }) : null;
  const count = () => {
    if (!counter) return;
    counter.textContent = String(max - length());
    counter.hidden = length() < max * 0.8;
    counter.classList.toggle("is-over", length() > max);
  };
  control.addEventListener("input", count);
  count();
  const state = () => ({ type: element.type, [key]: control.value === "" ? null : control.value });
  if (dispatches(block))
    control.addEventListener("change", () => act(scope, block, element, control, { [key]: control.value }));
  scope.register(block, element, {
    control,
    value: state,
    empty: () => control.value.trim() === "",
    problem: () => {
      if (max && length() > max)
        return `This is ${length() - max} character${length() - max === 1 ? "" : "s"} too long; ${max.toLocaleString()} fit.`;
      if (control.value && length() < min) return `Please write at least ${min} characters.`;
      return control.checkValidity() ? null : control.validationMessage;
    },
  });
  return h("div", { class: "text-input" }, control, counter);
}

function choices(block, element, scope, { describedby }) {
  const many = element.type === "checkboxes";
  const saved = scope.saved(block, element);
  const first = many
    ? ((saved ? saved.selected_options : element.initial_options) ?? [])
    : [saved ? saved.selected_option : element.initial_option].filter(Boolean);
  const chosen = new Set(first.map((option) => option.value));
  const name = uid("choice");
  const rows = element.options.map((option, index) => {
    const id = uid("choice");
    const box = h("input", {
      id,
      type: many ? "checkbox" : "radio",
      name,
      checked: chosen.has(option.value),
      "aria-describedby": describedby,
      dataset: { focus: `${focusName(scope, block, element)}/${index}` },
      onchange: () => {
        if (!dispatches(block)) return;
        const { type, ...payload } = state();
        act(scope, block, element, box, payload);
      },
    });
    const row = h(
      "div",
      { class: "choice" },
      box,
      h(
        "label",
        { htmlFor: id },
        textNodes(option.text, scope.ctx),
        option.description ? h("small", {}, textNodes(option.description, scope.ctx)) : null,
      ),
    );
    return { option, box, row };
  });
  const picked = () => rows.filter(({ box }) => box.checked).map(({ option }) => option);
  const state = () =>
    many
      ? { type: element.type, selected_options: picked() }
      : { type: element.type, selected_option: picked()[0] ?? null };
  scope.register(block, element, {
    control: rows[0]?.box,
    value: state,
    empty: () => !picked().length,
    problem: () => null,
  });
  return h(
    "div",
    { class: "choices" },
    rows.map(({ row }) => row),
  );
}

function moment(block, element, scope, { describedby }) {
  const key = "selected_date_time";
  const saved = scope.saved(block, element);
  const field = createMoment({
    initial: saved ? saved[key] : element.initial_date_time,
    describedby,
    focusName: focusName(scope, block, element),
    change: () => {
      if (dispatches(block) && !field.problem()) act(scope, block, element, field.control, { [key]: field.seconds() });
    },
  });
  scope.register(block, element, {
    control: field.control,
    value: () => ({ type: element.type, [key]: field.seconds() }),
    empty: field.empty,
    problem: field.problem,
  });
  return field.element;
}

const KINDS = {
  button,
  overflow,
  plain_text_input: textInput,
  checkboxes: choices,
  radio_buttons: choices,
  datetimepicker: moment,
  ...Object.fromEntries(Object.keys(HTML_TYPES).map((type) => [type, textInput])),
  ...Object.fromEntries(
    ["static_select", "external_select", ...Object.keys(WORKSPACE_KEYS)].flatMap((type) => [
      [type, select],
      [PLURAL + type, select],
    ]),
  ),
};
const GROUPS = new Set(["checkboxes", "radio_buttons", "datetimepicker"]);

/** True for elements that are several controls under one question, which a fieldset's legend names. */
export const isGroup = (element) => GROUPS.has(element.type);

/** The element as a node, or null when this page does not know its type. `options`: {id, optional, labelled, describedby}. */
export function interactive(block, element, scope, options = {}) {
  return Object.hasOwn(KINDS, element.type) ? KINDS[element.type](block, element, scope, options) : null;
}
