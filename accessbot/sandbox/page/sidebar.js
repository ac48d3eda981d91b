// The workspace's sidebar: channels and direct messages with their unread counts.

import { h, icon, reconcile, roving } from "./dom.js";
import { avatar, badge, unreadWords } from "./people.js";

/** What a conversation is called: "#approvals" without the sign, or the other person's name. */
export function conversationTitle(conversation, ctx) {
  if (conversation.kind === "channel") return conversation.name;
  return ctx.person(conversation.with)?.real_name ?? conversation.name;
}

/** Fills the sidebar's lists; returns its render function. */
export function createSidebar(ctx, root) {
  const section = (title, id) => {
    const list = h("ul", { class: "side-list" });
    root.append(
      h(
        "section",
        { class: "side-section", "aria-labelledby": id },
        h("h2", { class: "side-heading", id }, title),
        list,
      ),
    );
    return list;
  };
  const channels = section("Channels", "side-channels");
  const direct = section("Direct messages", "side-direct");
  const settle = roving(root, ".side-item");

  const update = (row, { conversation, current }) => {
    const button = row.firstElementChild;
    const unread = unreadWords(conversation, "you");
    button.classList.toggle("is-unread", conversation.unread > 0);
    if (current) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    button.setAttribute(
      "aria-label",
      `${conversation.kind === "im" ? "" : "Channel "}${conversationTitle(conversation, ctx)}${unread}`,
    );
    button.lastElementChild.replaceChildren(...[badge(conversation)].filter(Boolean));
  };

  const build = (item) => {
    const { conversation } = item;
    const other = conversation.kind === "im" ? ctx.person(conversation.with) : null;
    const row = h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: "side-item",
          dataset: { conversation: conversation.id },
          onclick: () => ctx.open(conversation.id),
        },
        other ? avatar(other, "avatar-tiny") : icon("hash"),
        h("span", { class: "side-name" }, conversationTitle(conversation, ctx)),
        other?.role === "bot" ? h("span", { class: "app-badge" }, "App") : null,
        h("span", { class: "side-badge" }),
      ),
    );
    update(row, item);
    return row;
  };

  return (state) => {
    for (const [list, kind] of [
      [channels, "channel"],
      [direct, "im"],
    ]) {
      const items = state.conversations
        .filter((one) => one.kind === kind)
        .map((conversation) => ({ conversation, current: conversation.id === ctx.channel }));
      list.parentElement.hidden = !items.length;
      reconcile(list, items, {
        key: ({ conversation }) => conversation.id,
        sign: ({ conversation: { id, name, unread, pings }, current }) =>
          JSON.stringify([id, name, unread, pings, current]),
        build,
        update,
      });
    }
    settle((button) => button.dataset.conversation === ctx.channel);
  };
}
