// A date and a time of day as one field, which is a moment: seconds since the epoch, in the reader's own time zone.

import { h } from "./dom.js";

const two = (number) => String(number).padStart(2, "0");
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Makes the field. `initial` is in seconds, or null. Returns `{element, control, seconds(), empty(), problem()}`. */
export function createMoment({ initial, describedby, focusName, change }) {
  const first = initial ? new Date(initial * 1000) : null;
  const part = (type, label, value) =>
    h("input", {
      type,
      class: "input",
      value,
      "aria-label": label,
      "aria-describedby": describedby,
      dataset: { focus: `${focusName}/${type}` },
      onchange: () => change(),
    });
  const day = part(
    "date",
    "Date",
    first ? `${first.getFullYear()}-${two(first.getMonth() + 1)}-${two(first.getDate())}` : "",
  );
  const time = part("time", "Time", first ? `${two(first.getHours())}:${two(first.getMinutes())}` : "");
  return {
    element: h("div", { class: "moment" }, day, time, h("span", { class: "moment-zone" }, zone())),
    control: day,
    seconds: () =>
      day.value && time.value ? Math.floor(new Date(`${day.value}T${time.value}`).getTime() / 1000) : null,
    empty: () => !day.value && !time.value,
    problem: () => (Boolean(day.value) === Boolean(time.value) ? null : "Please enter a date and a time."),
  };
}
