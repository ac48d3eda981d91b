// The conversation: its head, its messages, and the line where the new ones start.

import { api } from "./api.js";
import { blockNodes, suggestions } from "./blocks.js";
import { h, icon, keepFocus, reconcile } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { conversationTitle } from "./sidebar.js";
import { replyField, threadLine, threads } from "./threads.js";
import { clock, dayLabel, fromTs, fullTime, sameDay } from "./time.js";

const GROUP_MS = 5 * 60_000;
const NEAR_PX = 120;

// The rows of a conversation: days, the line where the new ones start, messages, and under them their threads.
function rows(messages, newFrom, openThreads) {
  const all = [];
  let previous = null;
  const add = (message, reply) => {
    const ms = fromTs(message.ts);
    if (!reply && (!previous || !sameDay(fromTs(previous.message.ts), ms)))
      all.push({ id: `day-${message.ts}`, kind: "day", ms });
    if (message.ts === newFrom) all.push({ id: "new", kind: "new" });
    const follows =
      previous &&
      previous.message.user === message.user &&
      previous.reply === reply &&
      message.ts !== newFrom &&
      !message.ephemeral &&
      !previous.message.ephemeral &&
      !message.blocks?.length &&
      all.at(-1)?.kind === "message" &&
      ms - fromTs(previous.message.ts) < GROUP_MS;
    const row = { id: message.ts, kind: "message", message, reply, follows: Boolean(follows) };
    all.push(row);
    previous = row;
  };
  for (const { message, replies } of threads(messages)) {
    add(message, false);
    if (!replies.length) continue;
    const { ts } = message;
    const open = openThreads.has(ts);
    const thread = {
      ts,
      open,
      count: replies.length,
      writers: [...new Set(replies.map((one) => one.user))],
      last: replies.at(-1).ts,
      news: !open && newFrom !== null && replies.some((one) => one.ts >= newFrom),
    };
    all.push({ id: `thread-${ts}`, kind: "thread", thread });
    if (!open) continue;
    for (const reply of replies) add(reply, true);
    all.push({ id: `reply-${ts}`, kind: "reply", ts });
  }
  return all;
}

/** Makes the conversation view in `root`; returns `{render, focus}`. */
export function createMessages(ctx, { head, scroller, list, jump }) {
  let shownChannel = null;
  let shownFor = null;
  let newFrom = null;
  let shown = null; // the conversation as it was drawn last
  const openThreads = new Set(); // by the timestamp of their first message
  let atEnd = true;
  let fresh = true; // the conversation was just opened: nothing in it is "new" to the eye

  const scope = (message) => ({
    ctx,
    name: `message-${message.ts}`,
    act: (block, element, payload) =>
      ctx.attempt(() =>
        api.action(
          ctx.me,
          { channel: ctx.channel, ts: message.ts },
          { block_id: block.block_id, action_id: element.action_id, ...payload },
        ),
      ),
    options: (block, element, query) =>
      suggestions(
        api.options(ctx.me, { channel: ctx.channel, ts: message.ts }, block.block_id, element.action_id, query),
      ),
    saved: () => undefined,
    register: () => undefined,
  });

  const body = (message) => {
    const nodes = message.blocks?.length
      ? blockNodes(message.blocks, scope(message))
      : [h("div", { class: "text" }, mrkdwn(message.text ?? "", ctx))];
    const edited = message.edited ? h("span", { class: "edited" }, "(edited)") : null;
    if (edited && !message.blocks?.length) nodes[0].lastElementChild?.append(" ", edited);
    else if (edited) nodes.push(edited);
    return nodes;
  };

  const drawMessage = ({ message, reply, follows }, previous) => {
    const author = ctx.person(message.user);
    const ms = fromTs(message.ts);
    const name = author?.real_name ?? message.user;
    const time = h("time", { class: "time", datetime: new Date(ms).toISOString(), title: fullTime(ms) }, clock(ms));
    const classes = ["message", follows && "follows", reply && "is-reply", message.ephemeral && "is-ephemeral"]
      .filter(Boolean)
      .join(" ");
    const element = h(
      "article",
      {
        class: classes,
        tabIndex: -1,
        "aria-label": `${name}, ${clock(ms)}`,
        dataset: { home: message.ts, ts: message.ts },
      },
      message.ephemeral ? h("p", { class: "only-you" }, icon("eye"), "Only visible to you") : null,
      h("div", { class: "gutter" }, follows ? time : avatar(author)),
      h(
        "div",
        { class: "message-main" },
        follows
          ? null
          : h(
              "p",
              { class: "byline" },
              h("b", { class: "author" }, name),
              message.bot ? h("span", { class: "app-badge" }, "App") : null,
              time,
            ),
        h("div", { class: "message-body" }, body(message)),
      ),
    );
    if (previous && !fresh) element.classList.add("is-changed");
    else if (!previous && !fresh) element.classList.add("is-new");
    return element;
  };

  const build = (row, previous) => {
    if (row.kind === "day")
      return h(
        "div",
        { class: "day", role: "separator", "aria-label": dayLabel(row.ms) },
        h("span", {}, dayLabel(row.ms)),
      );
    if (row.kind === "new")
      return h("div", { class: "new-line", role: "separator", "aria-label": "New messages" }, h("span", {}, "New"));
    if (row.kind === "thread") {
      const element = threadLine(row.thread, ctx, toggleThread);
      if (!fresh && previous?.firstElementChild.getAttribute("aria-expanded") === String(row.thread.open))
        element.classList.add("is-changed");
      return element;
    }
    if (row.kind === "reply") return replyField(row.ts, ctx);
    return drawMessage(row, previous);
  };

  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
    atEnd = true;
    jump.hidden = true;
  };
  scroller.addEventListener(
    "scroll",
    () => {
      atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX;
      if (atEnd) jump.hidden = true;
    },
    { passive: true },
  );
  jump.addEventListener("click", () => {
    toEnd();
    list.lastElementChild?.focus({ preventScroll: true });
  });
  new ResizeObserver(() => atEnd && toEnd()).observe(list);

  const drawHead = (conversation) => {
    const other = conversation.kind === "im" ? ctx.person(conversation.with) : null;
    head.replaceChildren(
      h(
        "div",
        { class: "head-line" },
        other ? avatar(other, "avatar-small") : icon("hash"),
        h("h1", {}, conversationTitle(conversation, ctx)),
        other?.role === "bot" ? h("span", { class: "app-badge" }, "App") : null,
        h("span", { class: "topic" }, conversation.topic || other?.about),
      ),
    );
  };

  const intro = (conversation) => {
    const title = conversationTitle(conversation, ctx);
    const direct = conversation.kind === "im";
    const suggestion = (text) =>
      h("button", { type: "button", class: "button", onclick: () => ctx.compose(text) }, h("code", {}, text));
    return h(
      "div",
      { class: "intro" },
      h("h2", {}, direct ? title : `#${title}`),
      h("p", {}, direct ? `This is where ${title} writes to you alone.` : `This is the very beginning of #${title}.`),
      h("p", { class: "intro-tries" }, "Try", suggestion("/request-aws"), suggestion("/my-access")),
    );
  };

  const draw = (conversation) => {
    const all = conversation.messages.length
      ? rows(conversation.messages, newFrom, openThreads)
      : [{ id: `intro-${conversation.id}`, kind: "intro" }];
    keepFocus(list, () =>
      reconcile(list, all, {
        key: ({ id }) => `${ctx.me}/${conversation.id}/${id}`,
        sign: JSON.stringify,
        build: (row, previous) => (row.kind === "intro" ? intro(conversation) : build(row, previous)),
      }),
    );
  };

  function toggleThread(ts) {
    if (!openThreads.delete(ts)) openThreads.add(ts);
    atEnd = false; // what was pressed stays where it is
    fresh = true;
    draw(shown);
    fresh = false;
  }

  return {
    focus: () => (list.lastElementChild ?? scroller).focus(),
    toEnd,
    render(conversation) {
      if (!conversation) return;
      const moved = conversation.id !== shownChannel || ctx.me !== shownFor;
      if (moved) {
        [shownChannel, shownFor, newFrom] = [conversation.id, ctx.me, conversation.first_unread];
        fresh = true;
      }
      shown = conversation;
      drawHead(conversation);
      const before = list.lastElementChild;
      draw(conversation);
      fresh = false;
      if (moved || atEnd) toEnd();
      else if (before !== list.lastElementChild) jump.hidden = false;
    },
  };
}
