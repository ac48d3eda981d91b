// The one place that talks to the sandbox server.

/** A refusal or a failure, with a sentence for the person. */
export class ApiError extends Error {}

async function call(path, options) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch {
    throw new ApiError("The sandbox does not answer. Is it still running?");
  }
  let body;
  try {
    body = await answer.json();
  } catch {
    throw new ApiError(`The sandbox answered ${answer.status} without a message.`);
  }
  if (!answer.ok || body.error) throw new ApiError(body.error || `The sandbox answered ${answer.status}.`);
  return body;
}

const get = (path, query = {}) => {
  const search = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value !== null && value !== undefined),
  );
  return call(`/sandbox/${path}${search.size ? `?${search}` : ""}`);
};
const post = (path, body) =>
  call(`/sandbox/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const api = {
  state: (as) => get("state", { as }),
  command: (as, channel, text) => post("command", { as, channel, text }),
  message: (as, channel, text) => post("message", { as, channel, text }),
  reply: (as, channel, thread, text) => post("message", { as, channel, text, thread_ts: thread }),
  action: (as, where, what) => post("action", { as, ...where, ...what }),
  submit: (as, viewId, values) => post("submit", { as, view_id: viewId, values }),
  close: (as, viewId) => post("close", { as, view_id: viewId }),
  options: (as, where, blockId, actionId, query) =>
    get("options", { as, ...where, block_id: blockId, action_id: actionId, query }),
  seen: (as, channel) => post("seen", { as, channel }),
  fault: (id, on) => post("fault", { id, on }),
  onCall: (schedule, person) => post("oncall", { schedule, person }),
  redeliver: () => post("redeliver", {}),
  guide: (change) => post("guide", change),
};

/** Calls `changed` whenever something changed, and `status(true | false)` as the live connection comes and goes. */
export function listen(changed, status) {
  const source = new EventSource("/sandbox/events");
  source.addEventListener("open", () => {
    status(true);
    changed(); // whatever happened while nobody listened
  });
  source.addEventListener("message", () => changed());
  source.addEventListener("error", () => {
    status(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(changed, status), 2000);
  });
}
