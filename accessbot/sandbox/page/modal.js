// The app's modal: the topmost view of the person one acts as.

import { api } from "./api.js";
import { blockNodes, showError, suggestions } from "./blocks.js";
import { h, icon, keepFocus, uid } from "./dom.js";
import { trap } from "./menu.js";
import { plainNodes } from "./mrkdwn.js";

/** Makes the modal; `render(views)` shows the last of them, or closes it. */
export function createModal(ctx) {
  const title = uid("modal");
  const heading = h("h2", { id: title });
  const closeX = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Close",
      dataset: { focus: "modal-x" },
      onclick: () => leave(),
    },
    icon("close"),
  );
  const general = h("p", { class: "modal-error", role: "alert", hidden: true });
  const body = h("div", { class: "dialog-body", dataset: { home: "modal" }, tabIndex: -1 });
  const foot = h("footer", { class: "dialog-foot" });
  const form = h(
    "form",
    {
      class: "modal-form",
      novalidate: true,
      autocomplete: "off",
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    h(
      "header",
      { class: "dialog-head" },
      h("span", { class: "avatar avatar-bot avatar-small", "aria-hidden": "true" }, icon("key")),
      heading,
      closeX,
    ),
    general,
    body,
    foot,
  );
  const dialog = h("dialog", { class: "dialog modal", "aria-labelledby": title, id: "modal" }, form);
  document.body.append(dialog);
  trap(dialog, () => leave());
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });

  let shown = null; // {id, signature, view, fields: Map "block/action" → {block, element, field}}
  let shownErrors = "";
  let sending = false;
  let back = null; // where the keyboard was before the modal opened
  let leaving = null; // id of a view being closed: not drawn again while the answer is under way

  const values = () => {
    const all = {};
    for (const { block, element, field } of shown?.fields.values() ?? []) {
      all[block.block_id ?? ""] = { ...all[block.block_id ?? ""], [element.action_id ?? ""]: field.value() };
    }
    return all;
  };

  const scopeFor = (entry, kept) => ({
    ctx,
    name: `view-${entry.id}`,
    act: (block, element, payload) =>
      ctx.attempt(() =>
        api.action(
          ctx.me,
          { view_id: entry.id },
          { block_id: block.block_id, action_id: element.action_id, ...payload },
        ),
      ),
    options: (block, element, query) =>
      suggestions(api.options(ctx.me, { view_id: entry.id }, block.block_id, element.action_id, query)),
    saved: (block, element) => {
      const value = kept[block.block_id]?.[element.action_id];
      return value?.type === element.type ? value : undefined;
    },
    register: (block, element, field) =>
      entry.fields.set(`${block.block_id}/${element.action_id}`, { block, element, field }),
  });

  const busy = (on) => {
    dialog.setAttribute("aria-busy", String(on));
    dialog.classList.toggle("is-busy", on);
    const button = foot.querySelector("[type=submit]");
    if (button) {
      button.disabled = false;
      button.setAttribute("aria-busy", String(on));
    }
  };

  const showErrors = (errors, focus) => {
    const homeless = [];
    for (const block of shown.view.blocks ?? [])
      if (block.type === "input") showError(body, block.block_id ?? "", errors[block.block_id] ?? null);
    for (const [block, sentence] of Object.entries(errors)) {
      if (!(shown.view.blocks ?? []).some((one) => one.type === "input" && one.block_id === block))
        homeless.push(sentence);
    }
    general.hidden = !homeless.length;
    general.textContent = homeless.join(" ");
    const first = body.querySelector("[aria-invalid]");
    if (focus && first) {
      first.focus();
      const sentence = first.closest("[data-block]").querySelector(".field-error").textContent;
      ctx.announce(sentence);
    }
  };

  const problems = () => {
    const errors = {};
    for (const { block, field } of shown.fields.values()) {
      if (block.type !== "input") continue;
      const sentence = field.empty()
        ? block.optional
          ? null
          : "Please complete this required field."
        : field.problem();
      if (sentence) errors[block.block_id ?? ""] = sentence;
    }
    return errors;
  };

  async function submit() {
    if (sending || !shown?.view.submit) return;
    const errors = problems();
    showErrors(errors, true);
    if (Object.keys(errors).length) return;
    sending = true;
    busy(true);
    const id = shown.id;
    try {
      const answer = await api.submit(ctx.me, id, values());
      shownErrors = JSON.stringify(answer.errors ?? {});
      if (shown?.id === id) showErrors(answer.errors ?? {}, true);
      await ctx.refresh();
    } catch (error) {
      general.hidden = false;
      general.textContent = error.message;
    } finally {
      sending = false;
      busy(false);
    }
  }

  async function leave() {
    if (!shown || sending) return;
    const id = shown.id;
    leaving = id;
    if (ctx.state.views.length < 2) hide();
    await ctx.attempt(() => api.close(ctx.me, id));
    leaving = null;
  }

  function hide() {
    if (dialog.open) dialog.close();
    shown = null;
    if (back?.isConnected) back.focus();
    back = null;
  }

  const draw = (entry, same) => {
    const kept = same ? values() : entry.values;
    shown = entry;
    shownErrors = "";
    const { view } = entry;
    keepFocus(dialog, () => {
      heading.replaceChildren(...plainNodes(view.title));
      body.replaceChildren(...blockNodes(view.blocks, scopeFor(entry, kept)));
      foot.replaceChildren(
        h(
          "button",
          { type: "button", class: "button", dataset: { focus: "modal-close" }, onclick: leave },
          plainNodes(view.close ?? { text: view.submit ? "Cancel" : "Close" }, { control: true }),
        ),
        ...(view.submit
          ? [
              h(
                "button",
                { type: "submit", class: "button is-primary", dataset: { focus: "modal-submit" } },
                plainNodes(view.submit, { control: true }),
              ),
            ]
          : []),
      );
      general.hidden = true;
    });
    if (!same) body.scrollTop = 0;
  };

  body.addEventListener("input", clearError);
  body.addEventListener("fieldchange", clearError);
  function clearError(event) {
    const block = event.target.closest("[data-block]");
    if (block?.classList.contains("has-error")) showError(body, block.dataset.block, null);
  }

  function focusFirst() {
    const first =
      body.querySelector("input, textarea, button, [tabindex='0']") ?? foot.querySelector("[type=submit]") ?? closeX;
    first.focus();
  }

  return {
    get open() {
      return dialog.open;
    },
    render(views) {
      const top = (views ?? []).at(-1);
      if (!top || top.id === leaving) {
        if (!top && shown) hide();
        return;
      }
      const signature = JSON.stringify(top.view);
      const same = shown?.id === top.id;
      const blank = !shown;
      if (!same || shown.signature !== signature)
        draw({ id: top.id, signature, view: top.view, values: top.values ?? {}, fields: new Map() }, same);
      if (!dialog.open) {
        back = document.activeElement;
        dialog.showModal();
      }
      if (blank || !same) focusFirst();
      const errors = JSON.stringify(top.errors ?? {});
      if (errors !== shownErrors && !sending) {
        shownErrors = errors;
        showErrors(top.errors ?? {}, false);
      }
      busy(sending || top.busy === true);
    },
  };
}
