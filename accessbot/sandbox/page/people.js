// Who one acts as: the rail on the left edge, avatars, and the menu of people.

import { h, icon, reconcile, roving } from "./dom.js";
import { openMenu } from "./menu.js";

const COLOURS = 8;
const colours = new Map(); // person → colour, dealt in the order people are first shown

/** The picture of a person: initials on a colour of their own, or the app's key. */
export function avatar(person, size = "") {
  if (!person || person.role === "bot") {
    return h("span", { class: `avatar avatar-bot ${size}`, "aria-hidden": "true" }, icon("key"));
  }
  const initials = person.real_name
    .split(/\s+/)
    .map((word) => word[0])
    .slice(0, 2)
    .join("")
    .toUpperCase();
  if (!colours.has(person.id)) colours.set(person.id, colours.size % COLOURS);
  return h("span", { class: `avatar avatar-${colours.get(person.id)} ${size}`, "aria-hidden": "true" }, initials);
}

/** The small number of messages that are for somebody, else, quietly, of those that are merely unread; or nothing. */
export function badge({ unread, pings }) {
  const count = pings || unread;
  const look = pings ? "badge" : "badge is-quiet";
  return count ? h("span", { class: look, "aria-hidden": "true" }, count > 99 ? "99+" : String(count)) : null;
}

/** The same in words, to end the name of a control: ", 3 unread, 1 for them", or nothing. */
export const unreadWords = ({ unread, pings }, whom) =>
  unread ? `, ${unread} unread${pings ? `, ${pings} for ${whom}` : ""}` : "";

/** The people one can be: everybody but the app. */
export const actors = (state) => state.people.filter((person) => person.role !== "bot");

/** The rail with everybody on it. */
export function createRail(ctx, root) {
  const caption = h("p", { class: "rail-caption", id: "rail-caption" }, "Act as");
  const list = h("div", {
    class: "rail-list",
    role: "toolbar",
    "aria-orientation": "vertical",
    "aria-labelledby": "rail-caption",
  });
  root.append(caption, list);
  const settle = roving(list, "button");
  const update = (button, { person, current }) => {
    button.setAttribute("aria-pressed", String(current));
    button.setAttribute(
      "aria-label",
      `Act as ${person.real_name}, ${person.role}${unreadWords(person, "them")}`,
    );
    button.querySelector(".rail-badge").replaceChildren(...[badge(person)].filter(Boolean));
  };
  return (state) => {
    const people = actors(state).map((person, index) => ({ person, index, current: person.id === ctx.me }));
    reconcile(list, people, {
      key: ({ person }) => person.id,
      sign: JSON.stringify,
      build: (item) => {
        const { person, index } = item;
        const button = h(
          "button",
          {
            type: "button",
            class: "rail-person",
            title: `${person.real_name} — ${person.about}`,
            "aria-keyshortcuts": index < 9 ? `Control+${index + 1}` : null,
            dataset: { person: person.id },
            onclick: () => ctx.switchTo(person.id),
          },
          h("span", { class: "rail-face" }, avatar(person), h("span", { class: "rail-badge" })),
          h("span", { class: "rail-name" }, person.real_name.split(" ")[0]),
          h("span", { class: "rail-role" }, person.role),
        );
        update(button, item);
        return button;
      },
      update,
    });
    settle((button) => button.dataset.person === ctx.me);
  };
}

/** The button at the head of the sidebar that says who one is and opens the menu of people. */
export function createPersonMenu(ctx, root) {
  const button = h("button", {
    type: "button",
    class: "whoami",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    dataset: { focus: "whoami" },
  });
  root.append(button);
  const show = () =>
    openMenu(
      button,
      actors(ctx.state).map((person, index) => ({
        nodes: [
          avatar(person, "avatar-small"),
          h(
            "span",
            { class: "menu-person" },
            h("b", {}, person.real_name),
            h("small", {}, `${person.role} · ${person.about}`),
          ),
          badge(person),
        ],
        checked: person.id === ctx.me,
        hint: index < 9 ? `${ctx.modifier}${index + 1}` : "",
        run: () => ctx.switchTo(person.id),
      })),
      { label: "Act as" },
    );
  button.addEventListener("click", show);
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    show();
  });
  let last = "";
  return () => {
    const me = ctx.person(ctx.me);
    if (!me || last === me.id) return;
    last = me.id;
    button.replaceChildren(
      h("span", { class: "visually-hidden" }, "Acting as "),
      avatar(me, "avatar-small"),
      h("span", { class: "whoami-text" }, h("b", {}, me.real_name), h("small", {}, me.about)),
      icon("caret"),
    );
  };
}
