// The side panel: who has access right now, on both sides, counted down; and the switches that break things.

import { api } from "./api.js";
import { h, icon, reconcile, uid } from "./dom.js";
import { follow } from "./guide.js";
import { toast } from "./menu.js";
import { avatar } from "./people.js";
import { countdown, fullTime, now } from "./time.js";

const LEAVE_MS = 1800;
const SOON_MS = 60_000;

/** Makes the panel in `root`; returns its render function. */
export function createPanel(ctx, root) {
  const groups = h("div", { class: "groups" });
  const empty = h("div", { class: "quiet-groups" });
  const faults = h("div", { class: "faults" });
  const scenes = h("div", { class: "scenes" });
  const toTry = h(
    "details",
    { class: "panel-section fold", hidden: true },
    h("summary", {}, icon("key"), h("span", {}, "Things to try"), icon("caret")),
    scenes,
  );
  const onCall = h("div", { class: "oncall-list" });
  const onCallSection = h(
    "section",
    { class: "panel-section", "aria-labelledby": "oncall-title", hidden: true },
    h("h2", { id: "oncall-title", class: "panel-title" }, "On call, right now"),
    onCall,
  );
  const replay = h(
    "button",
    { type: "button", class: "button is-wide", onclick: () => redeliver() },
    icon("replay"),
    "Deliver the last click again (replay)",
  );
  root.append(
    h(
      "section",
      { class: "panel-section", "aria-labelledby": "panel-title" },
      h(
        "header",
        { class: "panel-head" },
        h("h2", { id: "panel-title" }, "Who has access, right now"),
        h("span", { class: "live" }, h("i", { "aria-hidden": "true" }), "live"),
      ),
      groups,
      empty,
    ),
    onCallSection,
    h(
      "div",
      { class: "folds" },
      toTry,
      h(
        "details",
        { class: "panel-section fold break" },
        h("summary", {}, icon("bolt"), h("span", {}, "Break things"), h("span", { class: "break-on" }), icon("caret")),
        h("p", { class: "panel-note" }, "Make a vendor fail and see what people are told."),
        faults,
        replay,
      ),
    ),
  );
  const breakOn = root.querySelector(".break-on");
  let spoken = null; // "group/side/member" of the last render, to say what came and went

  async function redeliver() {
    replay.setAttribute("aria-busy", "true");
    const done = await ctx.attempt(() => api.redeliver());
    replay.removeAttribute("aria-busy");
    if (done) toast("The last click was delivered again, byte for byte. Nothing should have happened twice.");
  }

  const personOf = (name) =>
    ctx.state.people.find((person) => person.email && person.email.toLowerCase() === name.toLowerCase());

  const drawMember = ({ name, member }) => {
    const person = personOf(name);
    const ends = member.ends_at ? Date.parse(member.ends_at) : null;
    const starts = Date.parse(member.since);
    const left =
      ends === null
        ? h(
            "span",
            { class: "standing", title: "Was there before, and is not accessbot's to remove" },
            member.standing ? "standing" : "no end",
          )
        : h("span", {
            class: "left",
            dataset: { ends: String(ends), length: String(ends - starts) },
            title: `Ends ${fullTime(ends)}`,
          });
    return h(
      "li",
      { class: "member", title: name },
      person
        ? avatar(person, "avatar-tiny")
        : h("span", { class: "avatar avatar-tiny avatar-unknown", "aria-hidden": "true" }, name[0].toUpperCase()),
      h("span", { class: "member-name" }, person?.real_name ?? name.split("@")[0]),
      left,
      ends === null
        ? null
        : h(
            "span",
            { class: "meter", "aria-hidden": "true" },
            h("i", { dataset: { ends: String(ends), starts: String(starts) } }),
          ),
    );
  };

  const leave = (element, done) => {
    element.classList.add("is-gone");
    const left = element.querySelector(".left, .standing");
    left?.replaceChildren("gone");
    left?.removeAttribute("data-ends");
    setTimeout(done, LEAVE_MS);
  };

  const fill = (list, members) =>
    reconcile(list, members, {
      key: ({ name }) => name,
      sign: ({ name, member }) => JSON.stringify([personOf(name)?.id ?? name, member]),
      build: (item, previous) => {
        const element = drawMember(item);
        if (!previous && spoken) element.classList.add("is-new");
        return element;
      },
      leave,
    });

  const SIDES = [
    ["google", "Google group", "email"],
    ["identity_center", "Identity Center", "user_name"],
  ];

  const drawGroup = (group) =>
    h(
      "section",
      { class: "group", "aria-label": group.entitlement, dataset: { group: group.group } },
      h(
        "header",
        { class: "group-head" },
        h("h3", {}, group.entitlement),
        h("p", {}, `${group.permission_set} in ${group.account}`),
        h("p", { class: "group-mail" }, group.group),
      ),
      h(
        "div",
        { class: "sides" },
        SIDES.map(([side, title]) =>
          h(
            "div",
            { class: "side" },
            h("h4", {}, icon(side === "google" ? "group" : "cloud"), title),
            h("ul", { class: "members", dataset: { side }, "aria-label": `${title}, ${group.entitlement}` }),
            h("p", { class: "nobody" }, "nobody"),
          ),
        ),
      ),
    );

  const membersOf = (group, side, key) => (group[side] ?? []).map((member) => ({ name: member[key], member }));

  const say = (access) => {
    const current = new Map();
    for (const group of access.groups) {
      for (const [side, title, key] of SIDES) {
        for (const { name } of membersOf(group, side, key)) {
          current.set(
            `${group.group}/${side}/${name}`,
            `${personOf(name)?.real_name ?? name}|${title} ${group.entitlement}`,
          );
        }
      }
    }
    if (spoken) {
      for (const [id, text] of current) if (!spoken.has(id)) ctx.announce(text.replace("|", " was added to "));
      for (const [id, text] of spoken) if (!current.has(id)) ctx.announce(text.replace("|", " was removed from "));
    }
    spoken = current;
  };

  const drawFault = (fault) =>
    h(
      "button",
      {
        type: "button",
        class: "switch",
        role: "switch",
        "aria-checked": String(fault.on),
        "aria-label": fault.label,
        "aria-describedby": fault.description ? `fault-${fault.id}` : null,
        dataset: { focus: `fault-${fault.id}` },
        onclick: ({ currentTarget }) => {
          const on = currentTarget.getAttribute("aria-checked") !== "true";
          ctx.attempt(() => api.fault(fault.id, on));
        },
      },
      h("span", { class: "switch-track", "aria-hidden": "true" }),
      h("span", {}, fault.label, fault.description ? h("small", { id: `fault-${fault.id}` }, fault.description) : null),
    );

  const drawScene = ({ title, text, do: todo }) =>
    h(
      "section",
      { class: "scene", "aria-label": title },
      h("h3", {}, title),
      h("p", {}, text),
      h("button", { type: "button", class: "button", onclick: () => follow(ctx, todo) }, todo.label),
    );

  const drawSchedule = ({ schedule, name, person, people }) => {
    const id = uid("oncall");
    const options = ["", ...people].map((email) =>
      h("option", { value: email }, email ? (personOf(email)?.real_name ?? email) : "Nobody"),
    );
    const select = h(
      "select",
      {
        id,
        class: "input oncall-person",
        dataset: { focus: `oncall-${schedule}` },
        onchange: () => ctx.attempt(() => api.onCall(schedule, select.value || null)),
      },
      options,
    );
    select.value = person ?? "";
    return h("div", { class: "oncall" }, h("label", { htmlFor: id }, name, h("small", {}, schedule)), select);
  };

  function tick() {
    for (const element of root.querySelectorAll(".left[data-ends]")) {
      const left = Number(element.dataset.ends) - now();
      element.textContent = left > 0 ? countdown(left) : "ending…";
      element.classList.toggle("is-soon", left < Math.min(SOON_MS, Number(element.dataset.length) / 5));
    }
    for (const bar of root.querySelectorAll(".meter i")) {
      const [starts, ends] = [Number(bar.dataset.starts), Number(bar.dataset.ends)];
      bar.style.transform = `scaleX(${Math.max(0, Math.min(1, (ends - now()) / Math.max(1, ends - starts)))})`;
    }
  }
  setInterval(tick, 250);

  return (access) => {
    const busy = (group) =>
      (group.google?.length ?? 0) + (group.identity_center?.length ?? 0) > 0 ||
      groups.querySelector(`[data-group="${CSS.escape(group.group)}"] .is-gone`) !== null;
    const wasOpen = (group) => groups.querySelector(`[data-group="${CSS.escape(group.group)}"]`) !== null;
    const few = access.groups.length <= 4;
    const cards = access.groups.filter((group) => few || busy(group) || wasOpen(group));
    reconcile(groups, cards, {
      key: (group) => group.group,
      sign: ({ group, entitlement, account, permission_set: set }) =>
        JSON.stringify([group, entitlement, account, set]),
      build: drawGroup,
    });
    for (const group of cards) {
      const card = groups.querySelector(`[data-group="${CSS.escape(group.group)}"]`);
      for (const [side, , key] of SIDES) fill(card.querySelector(`[data-side="${side}"]`), membersOf(group, side, key));
    }
    const others = access.groups.filter((group) => !cards.includes(group)).map((group) => group.entitlement);
    const more = others.length > 12 ? ` and ${others.length - 12} more` : "";
    empty.textContent = others.length ? `Nobody has ${others.slice(0, 12).join(", ")}${more}.` : "";
    say(access);
    toTry.hidden = !access.scenarios?.length;
    reconcile(scenes, access.scenarios ?? [], { key: ({ id }) => id, sign: JSON.stringify, build: drawScene });
    onCallSection.hidden = !access.oncall?.length;
    reconcile(onCall, access.oncall ?? [], {
      key: ({ schedule }) => schedule,
      sign: JSON.stringify,
      build: drawSchedule,
      update: (row, { person }) => {
        row.querySelector("select").value = person ?? "";
      },
    });
    reconcile(faults, access.faults ?? [], {
      key: ({ id }) => id,
      sign: JSON.stringify,
      build: drawFault,
      update: (control, fault) => control.setAttribute("aria-checked", String(fault.on)),
    });
    const on = (access.faults ?? []).filter((fault) => fault.on).length;
    breakOn.textContent = on ? `${on} on` : "";
    tick();
  };
}
