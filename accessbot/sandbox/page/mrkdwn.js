// Slack's mrkdwn, as document nodes. Everything a person or a bot wrote ends up in text nodes; links are http, https or mailto only.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { fullTime, slackDate } from "./time.js";

const MARKS = { "*": "strong", _: "em", "~": "s" };
const EMOJI = /:([a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?/y;
const BARE_URL = /https?:\/\/[^\s<>|`]+[^\s<>|`.,;:!?)*_~]/y;
const WORD = /[\p{L}\p{N}]/u;

/** Slack escapes exactly three characters; this undoes it. */
export const unescape = (text) => text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);

/** The address when it is one people may follow, else null. */
export function safeUrl(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const link = (address, label) => h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);

function emojiNode(name, hidden) {
  const character = emoji(name);
  if (!character) return null;
  return h(
    "span",
    {
      class: "emoji",
      ...(hidden ? { "aria-hidden": "true" } : { role: "img", "aria-label": name.replaceAll("_", " ") }),
    },
    character,
  );
}

/** A `plain_text` object's text: emoji shortcodes are shown (hidden from names of controls), nothing else is interpreted. */
export function plainNodes(object, { control = false } = {}) {
  const text = unescape(object?.text ?? "");
  if (object?.emoji === false) return [text];
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(/:([a-z0-9_+'-]+):/g)) {
    const node = emojiNode(match[1], control);
    if (!node) continue;
    nodes.push(text.slice(last, match.index), node);
    last = match.index + match[0].length;
  }
  nodes.push(text.slice(last));
  return nodes.filter((node) => node !== "");
}

/** The same as bare characters, for placeholders and accessible names. */
export const plainString = (object) =>
  unescape(object?.text ?? "").replace(/:([a-z0-9_+'-]+):/g, (whole, name) => emoji(name) ?? whole);

/** What a mrkdwn text says without its markup, for announcements. */
export function spoken(text, ctx) {
  const box = h("div", {}, mrkdwn(text ?? "", ctx));
  return box.textContent.replace(/\s+/g, " ").trim();
}

// `<…>`: a mention, a channel, a date or a link. Returns null when it is none of them, and the text is then shown as typed.
function angle(inner, ctx) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? "" : unescape(inner.slice(bar + 1));
  if (/^@[UWB]\w+$/.test(target)) {
    const id = target.slice(1);
    const person = ctx.person(id);
    const mine = id === ctx.me;
    return h(
      "span",
      { class: mine ? "mention mention-me" : "mention", title: person?.about },
      `@${person?.real_name ?? (label || id)}`,
    );
  }
  if (/^#[CG]\w+$/.test(target)) {
    const id = target.slice(1);
    const name = ctx.conversation(id)?.name ?? (label || id);
    return h("button", { type: "button", class: "mention", onclick: () => ctx.open(id) }, `#${name}`);
  }
  if (target.startsWith("!date^")) {
    const [, seconds, pattern, address] = target.split("^");
    const text = slackDate(seconds, pattern, label);
    const url = address && safeUrl(unescape(address));
    return url ? link(url, text) : h("time", { class: "date", title: fullTime(Number(seconds) * 1000 || 0) }, text);
  }
  if (/^!(here|channel|everyone)$/.test(target))
    return h("span", { class: "mention mention-me" }, `@${target.slice(1)}`);
  if (/^!subteam\^\w+$/.test(target)) {
    const group = ctx.state?.user_groups.find((one) => one.id === target.slice("!subteam^".length));
    const mine = group?.members.includes(ctx.me);
    const name = group ? `@${group.handle}` : label || "@group";
    return h("span", { class: mine ? "mention mention-me" : "mention", title: group?.name }, name);
  }
  const address = safeUrl(unescape(target));
  return address ? link(address, label || unescape(target).replace(/^mailto:/, "")) : null;
}

// Where the mark opened before `start` closes on this line, or -1; code and `<…>` in between are jumped over.
function closing(text, start, mark) {
  for (let at = start; at < text.length && text[at] !== "\n"; at += 1) {
    if (text[at] === "`" || text[at] === "<") {
      const end = text.indexOf(text[at] === "<" ? ">" : "`", at + 1);
      if (end > 0) at = end;
    } else if (text[at] === mark && at > start && !/\s/.test(text[at - 1]) && !WORD.test(text[at + 1] ?? " "))
      return at;
  }
  return -1;
}

function sticky(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

// One piece of markup that starts exactly at `at`: its node and where it ends, or null.
function piece(text, at, ctx, verbatim) {
  const char = text[at];
  const before = text[at - 1] ?? " ";
  if (char === "\n") return [h("br"), at + 1];
  if (char === "<") {
    const end = text.indexOf(">", at);
    const node = end > 0 ? angle(text.slice(at + 1, end), ctx) : null;
    return node && [node, end + 1];
  }
  if (char === "`") {
    const end = text.indexOf("`", at + 1);
    const inner = text.slice(at + 1, end);
    return end > at + 1 && !inner.includes("\n") ? [h("code", {}, bare(inner)), end + 1] : null;
  }
  if (Object.hasOwn(MARKS, char) && !WORD.test(before) && /\S/.test(text[at + 1] ?? " ")) {
    const end = closing(text, at + 1, char);
    return end > 0 ? [h(MARKS[char], {}, inline(text.slice(at + 1, end), ctx, verbatim)), end + 1] : null;
  }
  if (char === ":") {
    const match = sticky(EMOJI, text, at);
    const node = match && emojiNode(match[1], false);
    return node && [node, at + match[0].length];
  }
  if (char === "h" && !verbatim && !WORD.test(before)) {
    const match = sticky(BARE_URL, text, at);
    const address = match && safeUrl(unescape(match[0]));
    return address && [link(address, unescape(match[0])), at + match[0].length];
  }
  return null;
}

// Code shows links by their label or address and nothing else.
const bare = (text) =>
  unescape(
    text.replace(/<([^>|]*)(?:\|([^>]*))?>/g, (whole, target, label) => (safeUrl(target) ? (label ?? target) : whole)),
  );

function inline(text, ctx, verbatim) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    const found = piece(text, at, ctx, verbatim);
    if (found) {
      if (plain) nodes.push(unescape(plain));
      plain = "";
      nodes.push(found[0]);
      at = found[1];
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain) nodes.push(unescape(plain));
  return nodes;
}

function paragraphs(text, ctx, verbatim) {
  const nodes = [];
  let quoted = null;
  let run = [];
  let rest = false; // after ">>>" all that follows is quoted
  const flush = () => {
    if (!run.length) return;
    const body = inline(run.join("\n"), ctx, verbatim);
    nodes.push(quoted ? h("blockquote", {}, body) : h("span", { class: "para" }, body));
    run = [];
  };
  for (const line of text.split("\n")) {
    const quote = rest ? ["", line] : /^(?:&gt;|>)((?:&gt;&gt;|>>)?) ?(.*)$/.exec(line)?.slice(1);
    if (Boolean(quote) !== Boolean(quoted)) flush();
    quoted = quote;
    if (quote?.[0]) rest = true;
    run.push(quote ? quote[1] : line);
  }
  flush();
  return nodes;
}

/** The nodes of a mrkdwn text. `ctx` knows people and conversations; `verbatim` leaves bare addresses alone. */
export function mrkdwn(text, ctx, verbatim = false) {
  return text.split("```").flatMap((part, index, all) => {
    const code = index % 2 === 1 && index < all.length - 1;
    if (code) return h("pre", { tabIndex: 0 }, bare(part.replace(/^\n/, "").replace(/\n$/, "")));
    const open = index % 2 === 1 ? "```" : "";
    const trimmed = index > 0 && !open ? part.replace(/^\n/, "") : part;
    return trimmed || open ? paragraphs(open + trimmed, ctx, verbatim) : [];
  });
}

/** The nodes of a Block Kit text object of either type. */
export const textNodes = (object, ctx) =>
  object?.type === "mrkdwn" ? mrkdwn(object.text ?? "", ctx, object.verbatim === true) : plainNodes(object);
