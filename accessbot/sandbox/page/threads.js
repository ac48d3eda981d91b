// Threads: the line under a message that tells of its answers, and the field to add one.

import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { avatar } from "./people.js";
import { clock, dayLabel, fromTs } from "./time.js";

const FACES = 3;

/** Messages in reading order, each with the answers of its thread: `[{message, replies}]`. */
export function threads(messages) {
  const byTime = [...messages].sort((a, b) => Number(a.ts) - Number(b.ts));
  const known = new Set(byTime.map((one) => one.ts));
  const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts && known.has(message.thread_ts);
  const replies = Map.groupBy(byTime.filter(isReply), (message) => message.thread_ts);
  return byTime
    .filter((message) => !isReply(message))
    .map((message) => ({ message, replies: replies.get(message.ts) ?? [] }));
}

/** The line under a message: who answered, how often, and when last; pressed, it shows or hides the answers. */
export function threadLine({ ts, count, writers, last, open, news }, ctx, toggle) {
  const ms = fromTs(last);
  const day = dayLabel(ms);
  const when = `Last reply ${day === "Today" ? "today" : day} at ${clock(ms)}`;
  return h(
    "div",
    { class: "thread-line", dataset: { home: `thread-${ts}` } },
    h(
      "button",
      {
        type: "button",
        class: news ? "thread-toggle has-news" : "thread-toggle",
        "aria-expanded": String(open),
        dataset: { focus: `thread-${ts}` },
        onclick: () => toggle(ts),
      },
      h(
        "span",
        { class: "thread-faces", "aria-hidden": "true" },
        writers.slice(0, FACES).map((id) => avatar(ctx.person(id), "avatar-tiny")),
      ),
      h("b", {}, `${count} ${count === 1 ? "reply" : "replies"}`),
      h("span", { class: "thread-when" }, open ? "Hide the thread" : when),
      icon("caret"),
    ),
  );
}

/** The field at the end of an open thread. */
export function replyField(ts, ctx) {
  const input = h("input", {
    class: "input",
    type: "text",
    placeholder: "Reply…",
    "aria-label": "Reply in the thread",
    autocomplete: "off",
    dataset: { focus: `reply-${ts}` },
  });
  const form = h(
    "form",
    {
      class: "thread-reply",
      onsubmit: async (event) => {
        event.preventDefault();
        const text = input.value.trim();
        if (!text) return;
        if (await ctx.attempt(() => api.reply(ctx.me, ctx.channel, ts, text))) input.value = "";
      },
    },
    input,
    h("button", { type: "submit", class: "icon-button", "aria-label": "Send the reply" }, icon("send")),
  );
  return form;
}
