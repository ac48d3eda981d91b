// The page's heart: keeps the state, who one is and what is open, and draws everything from them.

import { api, listen } from "./api.js";
import { createComposer } from "./composer.js";
import { h } from "./dom.js";
import { createGuide } from "./guide.js";
import { toast } from "./menu.js";
import { createMessages } from "./messages.js";
import { createModal } from "./modal.js";
import { spoken } from "./mrkdwn.js";
import { createPanel } from "./panel.js";
import { actors, createPersonMenu, createRail } from "./people.js";
import { listenForShortcuts, showShortcuts } from "./shortcuts.js";
import { conversationTitle, createSidebar } from "./sidebar.js";
import { fromTs, now, syncClock } from "./time.js";

const byId = (id) => document.getElementById(id);
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

const ctx = {
  state: null,
  me: null,
  channel: null,
  modifier: isMac ? "⌘" : "Ctrl ",
  person: (id) => ctx.state?.people.find((one) => one.id === id),
  conversation: (id) => ctx.state?.conversations.find((one) => one.id === id),
  announce,
  attempt,
  refresh,
  switchTo,
  open,
  step,
  togglePanel,
  compose: (text) => composer.set(text),
  focusComposer: () => composer.focus(),
  appConversation,
  showEnd: () => messages.toEnd(),
};

const remembered = new Map(); // person → the conversation they had open
const heard = new Set(); // messages already read out
let running = null;
let again = false;

const rail = createRail(ctx, byId("rail"));
const whoami = createPersonMenu(ctx, byId("sidebar-head"));
const sidebar = createSidebar(ctx, byId("sidebar-lists"));
const messages = createMessages(ctx, {
  head: byId("head"),
  scroller: byId("scroller"),
  list: byId("messages"),
  jump: byId("jump"),
});
const composer = createComposer(ctx, byId("composer-area"));
const panel = createPanel(ctx, byId("panel"));
const guide = createGuide(ctx, byId("coach"), byId("guide-show"));
const modal = createModal(ctx);

/** Says something to people who listen rather than look; several sayings in a row are all said. */
function announce(text) {
  const line = h("p", {}, text);
  byId("announcer").append(line);
  setTimeout(() => line.remove(), 6000);
}

/** Does a call to the server; a failure is shown, and the answer is then undefined. */
async function attempt(call) {
  try {
    const answer = await call();
    await refresh();
    return answer;
  } catch (error) {
    toast(error.message, "error");
    return undefined;
  }
}

/** Fetches the state and draws it. Calls while a fetch is under way share one more fetch after it. */
function refresh() {
  if (running) again = true;
  else
    running = fetchUntilSettled().finally(() => {
      running = null;
    });
  return running;
}

async function fetchUntilSettled() {
  do {
    again = false;
    await fetchOnce();
  } while (again);
}

async function fetchOnce() {
  const as = ctx.me;
  let state;
  try {
    state = await api.state(as);
  } catch (error) {
    if (ctx.state) return; // the page keeps what it shows; the notice of a lost connection says the rest
    byId("loading").textContent = error.message;
    if (!as) return;
    ctx.me = null; // the address named somebody this workspace does not know
    again = true;
    return;
  }
  if (as === ctx.me) draw(state);
}

function draw(state) {
  ctx.state = state;
  if (!ctx.me) ctx.me = actors(state).some((person) => person.id === state.me) ? state.me : actors(state)[0].id;
  syncClock(state.access.now);
  if (!ctx.conversation(ctx.channel))
    ctx.channel = remembered.get(ctx.me) ?? appConversation() ?? state.conversations[0].id;
  remembered.set(ctx.me, ctx.channel);
  history.replaceState(null, "", `#as=${encodeURIComponent(ctx.me)}&c=${encodeURIComponent(ctx.channel)}`);
  const conversation = ctx.conversation(ctx.channel);
  const title = conversationTitle(conversation, ctx);
  const unread = ctx.person(ctx.me).unread;
  const place = `${conversation.kind === "channel" ? "#" : ""}${title}`;
  document.title = `${unread ? `(${unread}) ` : ""}${place} · ${ctx.person(ctx.me).real_name} · accessbot sandbox`;
  byId("workspace").textContent = state.team.name;
  byId("loading").hidden = true;
  byId("shell").hidden = false;
  rail(state);
  whoami();
  sidebar(state);
  messages.render(conversation);
  composer.render(conversation, title);
  panel(state.access);
  guide(state.guide);
  modal.render(state.views);
  sayNew(state);
  markSeen(conversation);
}

/** The direct messages with the app, or undefined for people it does not write to. */
function appConversation() {
  return ctx.state.conversations.find((one) => one.kind === "im" && ctx.person(one.with)?.role === "bot")?.id;
}

function sayNew(state) {
  const first = heard.size === 0;
  for (const conversation of state.conversations) {
    for (const message of conversation.messages) {
      const id = `${ctx.me}/${conversation.id}/${message.ts}`;
      if (heard.has(id)) continue;
      heard.add(id);
      const recent = now() - fromTs(message.ts) < 20_000;
      if (first || !recent || message.user === ctx.me) continue;
      const author = ctx.person(message.user)?.real_name ?? "Somebody";
      announce(`${author} in ${conversationTitle(conversation, ctx)}: ${spoken(message.text, ctx)}`);
    }
  }
}

// What is on the screen of a person who looks at it has been seen.
function markSeen(conversation) {
  if (conversation.unread && document.visibilityState === "visible") {
    api.seen(ctx.me, conversation.id).catch(() => undefined); // tried again at the next change
  }
}

async function switchTo(person, channel = null) {
  const before = document.activeElement;
  if (ctx.me) remembered.set(ctx.me, ctx.channel);
  ctx.me = person;
  ctx.channel = channel ?? remembered.get(person) ?? null;
  await refresh();
  const me = ctx.person(person);
  announce(`You are now ${me?.real_name ?? person}.`);
  if (!byId("rail").contains(document.activeElement)) focusComposerFrom(before);
}

// Gives the composer the keyboard, unless the person has gone somewhere else in the meantime.
function focusComposerFrom(before) {
  const active = document.activeElement;
  if (!modal.open && (active === before || active === document.body)) composer.focus();
}

function open(channel) {
  if (!ctx.conversation(channel)) {
    toast(`${ctx.person(ctx.me).real_name} is not in that conversation.`, "error");
    return;
  }
  ctx.channel = channel;
  draw(ctx.state);
  if (!byId("sidebar").contains(document.activeElement)) composer.focus();
}

function step(by) {
  const all = ["channel", "im"].flatMap((kind) => ctx.state.conversations.filter((one) => one.kind === kind));
  const at = all.findIndex((one) => one.id === ctx.channel);
  open(all[(at + by + all.length) % all.length].id);
}

function togglePanel(on = !byId("shell").classList.contains("has-panel")) {
  byId("shell").classList.toggle("has-panel", on);
  byId("panel").hidden = !on;
  byId("panel-toggle").setAttribute("aria-expanded", String(on));
  try {
    sessionStorage.setItem("panel", on ? "open" : "closed");
  } catch {
    // storage may be turned off; the choice then lasts as long as the page
  }
}

function startPanel() {
  let stored = null;
  try {
    stored = sessionStorage.getItem("panel");
  } catch {
    stored = null;
  }
  togglePanel(stored ? stored === "open" : window.innerWidth >= 1100);
}

function start() {
  const place = new URLSearchParams(location.hash.slice(1));
  ctx.me = place.get("as");
  ctx.channel = place.get("c");
  startPanel();
  byId("panel-toggle").addEventListener("click", () => togglePanel());
  byId("shortcuts").addEventListener("click", () => showShortcuts(ctx));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    composer.focus();
  });
  document.addEventListener("visibilitychange", refresh);
  listenForShortcuts(ctx);
  let offline = null;
  listen(refresh, (up) => {
    clearTimeout(offline);
    if (up) byId("offline").hidden = true;
    else
      offline = setTimeout(() => {
        byId("offline").hidden = false;
      }, 1500);
  });
  refresh().then(() => ctx.state && focusComposerFrom(document.body));
}

start();
