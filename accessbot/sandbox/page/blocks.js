// Block Kit's blocks as document nodes.

import { h, icon, uid } from "./dom.js";
import { interactive, isGroup } from "./elements.js";
import { plainNodes, textNodes } from "./mrkdwn.js";

// Pictures from outside are not loaded; their description stands in for them.
const picture = (element) =>
  h(
    "span",
    { class: "picture", role: "img", "aria-label": element.alt_text ?? "picture" },
    element.alt_text ?? "picture",
  );

const unknown = (what) => h("p", { class: "unknown-block" }, icon("alert"), `This page cannot draw a “${what}” yet.`);

function part(block, element, scope, options) {
  if (element.type === "image") return picture(element);
  if (element.type === "mrkdwn" || element.type === "plain_text")
    return h("span", { class: "text" }, textNodes(element, scope.ctx));
  return interactive(block, element, scope, options) ?? unknown(element.type);
}

const header = (block) => h("h3", { class: "block block-header" }, plainNodes(block.text));

function section(block, scope) {
  const body = h(
    "div",
    { class: "section-body" },
    block.text ? h("div", { class: "text" }, textNodes(block.text, scope.ctx)) : null,
    block.fields?.length
      ? h(
          "div",
          { class: "fields" },
          block.fields.map((field) => h("div", { class: "text" }, textNodes(field, scope.ctx))),
        )
      : null,
  );
  return h(
    "div",
    { class: "block block-section" },
    body,
    block.accessory ? h("div", { class: "accessory" }, part(block, block.accessory, scope)) : null,
  );
}

const context = (block, scope) =>
  h(
    "div",
    { class: "block block-context" },
    (block.elements ?? []).map((element) => part(block, element, scope)),
  );

const actions = (block, scope) =>
  h(
    "div",
    { class: "block block-actions" },
    (block.elements ?? []).map((element) => part(block, element, scope)),
  );

const divider = () => h("hr", { class: "block block-divider" });

const image = (block) =>
  h(
    "figure",
    { class: "block block-image" },
    picture(block),
    block.title ? h("figcaption", {}, plainNodes(block.title)) : null,
  );

function input(block, scope) {
  const element = block.element ?? {};
  const [id, hintId, errorId] = [uid("field"), uid("hint"), uid("error")];
  const described = [block.hint ? hintId : null, errorId].filter(Boolean).join(" ");
  const control = part(block, element, scope, {
    id,
    optional: block.optional === true,
    labelled: true,
    describedby: described,
  });
  const optional = block.optional ? h("span", { class: "optional", "aria-hidden": "true" }, "(optional)") : null;
  const hint = block.hint ? h("p", { class: "hint", id: hintId }, plainNodes(block.hint)) : null;
  const error = h("p", { class: "field-error", id: errorId, hidden: true });
  const data = { block: block.block_id ?? "" };
  if (isGroup(element)) {
    return h(
      "fieldset",
      { class: "block field", dataset: data },
      h("legend", { class: "label" }, plainNodes(block.label), optional && [" ", optional]),
      control,
      hint,
      error,
    );
  }
  const target = control.matches("input, textarea") ? control : control.querySelector("input, textarea");
  if (target) {
    target.setAttribute("aria-describedby", described);
    if (!block.optional) target.setAttribute("aria-required", "true");
  }
  return h(
    "div",
    { class: "block field", dataset: data },
    h("div", { class: "label-row" }, h("label", { class: "label", htmlFor: id }, plainNodes(block.label)), optional),
    control,
    hint,
    error,
  );
}

const KINDS = { header, section, context, actions, divider, image, input };

/** Draws blocks; what goes wrong in one block is shown in its place and does not take the others along. */
export function blockNodes(blocks, scope) {
  return (blocks ?? []).map((block) =>
    Object.hasOwn(KINDS, block.type) ? KINDS[block.type](block, scope) : unknown(block.type),
  );
}

/** Shows `sentence` at the field of `blockId` and returns true, or clears it when null; false when there is no such field. */
export function showError(root, blockId, sentence) {
  const field = root.querySelector(`[data-block="${CSS.escape(blockId)}"]`);
  if (!field) return false;
  const error = field.querySelector(".field-error");
  error.hidden = !sentence;
  error.replaceChildren(...(sentence ? [icon("alert"), h("span", {}, sentence)] : []));
  field.classList.toggle("has-error", Boolean(sentence));
  for (const control of field.querySelectorAll("input, textarea")) {
    if (sentence) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  return true;
}

/** The groups in the answer to a type-ahead query, whichever of the two shapes it has. */
export async function suggestions(asked) {
  const answer = await asked;
  return answer.option_groups ?? [{ label: null, options: answer.options ?? [] }];
}
