// The guided first minute: one slim line at the top that says what to do next and does the changing of person.

import { api } from "./api.js";
import { h, icon } from "./dom.js";

/** Does what a step or a scene begins with: becomes a person, opens a conversation, types something without sending it. */
export async function follow(ctx, todo) {
  if (todo.as && todo.as !== ctx.me) await ctx.switchTo(todo.as, todo.channel);
  const channel = todo.channel ?? ctx.appConversation();
  if (channel && channel !== ctx.channel) ctx.open(channel);
  if (todo.text ?? todo.command) ctx.compose(todo.text ?? todo.command);
  else ctx.showEnd();
}

/** Makes the coach in `root`, which `show` brings back once it was dismissed; returns its render function. */
export function createGuide(ctx, root, show) {
  const dots = h("span", { class: "coach-dots", role: "img" });
  const text = h("p", { class: "coach-text", role: "status" });
  const act = h("button", { type: "button", class: "coach-do", dataset: { focus: "coach-do" } });
  const restart = h(
    "button",
    { type: "button", class: "coach-link", onclick: () => change({ step: 0 }) },
    "Start over",
  );
  const dismiss = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Dismiss the guide",
      onclick: () => {
        dismissed = true;
        change({ dismiss: true });
      },
    },
    icon("close"),
  );
  root.append(h("span", { class: "coach-tag" }, "First minute"), dots, text, act, restart, dismiss);
  let current = null;
  let dismissed = false; // here and now; the sandbox remembers it as well

  show.addEventListener("click", () => {
    dismissed = false;
    change({ step: 0 });
  });

  async function change(what) {
    await ctx.attempt(() => api.guide(what));
    if (what.dismiss) ctx.focusComposer();
  }

  act.addEventListener("click", () => current?.do && follow(ctx, current.do));

  let last = "";
  return (guide) => {
    const none = !guide?.steps?.length;
    root.hidden = none || dismissed || guide.dismissed === true;
    show.hidden = none || !root.hidden;
    if (root.hidden) return;
    const count = guide.steps.length;
    const done = guide.done === true;
    const step = Math.min(guide.step, count - 1);
    current = guide.steps[step];
    const there =
      current.do &&
      current.do.as === ctx.me &&
      (!current.do.channel || current.do.channel === ctx.channel) &&
      !(current.do.text ?? current.do.command);
    const signature = JSON.stringify([guide, there]);
    if (signature === last) return;
    last = signature;
    dots.replaceChildren(
      ...guide.steps.map((_, index) =>
        h("i", { class: index < step || done ? "is-done" : index === step ? "is-now" : "" }),
      ),
    );
    dots.setAttribute("aria-label", done ? `All ${count} steps done` : `Step ${step + 1} of ${count}`);
    text.replaceChildren(h("b", {}, current.title), " ", h("span", {}, current.text));
    const hadFocus = document.activeElement === act;
    act.hidden = !current.do || there || done;
    act.textContent = current.do?.label ?? "";
    restart.hidden = !done && step === 0;
    if (hadFocus && act.hidden) ctx.focusComposer();
    root.classList.toggle("is-finished", done);
  };
}
