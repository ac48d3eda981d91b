// Times: Slack's ts strings, RFC 3339, the server's clock, countdowns, and Slack's date tokens.

let offset = 0;

/** Tells the page what time the server has, so that countdowns do not depend on this machine's clock. */
export function syncClock(iso) {
  const server = Date.parse(iso);
  if (Number.isFinite(server)) offset = server - Date.now();
}

/** The server's time now, in milliseconds. */
export const now = () => Date.now() + offset;

/** A Slack ts ("1732449999.000100") in milliseconds. */
export const fromTs = (ts) => Number.parseFloat(ts) * 1000;

const format = (options) => {
  const formatter = new Intl.DateTimeFormat(undefined, options);
  return (ms) => formatter.format(ms);
};

export const clock = format({ hour: "2-digit", minute: "2-digit" });
export const clockSeconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const fullTime = format({ dateStyle: "full", timeStyle: "medium" });
const longDate = format({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
const shortDate = format({ month: "short", day: "numeric", year: "numeric" });
const plainDate = format({ month: "long", day: "numeric", year: "numeric" });
const numericDate = format({ year: "numeric", month: "2-digit", day: "2-digit" });

const dayNumber = (ms) => {
  const day = new Date(ms);
  return Math.round(Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()) / 86_400_000);
};

/** True when both moments are on the same local day. */
export const sameDay = (a, b) => dayNumber(a) === dayNumber(b);

const pretty = (ms, otherwise, capital) => {
  const word = { 0: "today", "-1": "yesterday", 1: "tomorrow" }[dayNumber(ms) - dayNumber(now())];
  if (!word) return otherwise(ms);
  return capital ? word[0].toUpperCase() + word.slice(1) : word;
};

/** "Today", "Yesterday" or the date, for the line between days. */
export const dayLabel = (ms) => pretty(ms, longDate, true);

/** The time left as people read it: "1d 4h", "2h 05m", "4:09"; never negative. */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const two = (value) => String(value).padStart(2, "0");
  if (days) return `${days}d ${hours}h`;
  if (hours) return `${hours}h ${two(minutes)}m`;
  return `${minutes}:${two(seconds % 60)}`;
}

function ago(ms) {
  const seconds = Math.round((ms - now()) / 1000);
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, size] of [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return words.format(seconds, "second");
}

const DATE_TOKENS = {
  date_num: numericDate,
  date: plainDate,
  date_short: shortDate,
  date_long: longDate,
  date_pretty: (ms) => pretty(ms, plainDate),
  date_short_pretty: (ms) => pretty(ms, shortDate),
  date_long_pretty: (ms) => pretty(ms, longDate),
  time: clock,
  time_secs: clockSeconds,
  ago,
};

/** Slack's `<!date^seconds^format|fallback>`: the filled-in format, or the fallback when either part is not understood. */
export function slackDate(seconds, pattern, fallback) {
  const ms = Number(seconds) * 1000;
  if (!Number.isFinite(ms) || !pattern) return fallback;
  let known = true;
  const text = pattern.replace(/\{([a-z_]+)\}/g, (whole, token) => {
    if (Object.hasOwn(DATE_TOKENS, token)) return DATE_TOKENS[token](ms);
    known = false;
    return whole;
  });
  return known ? text : fallback;
}
