// Shortcodes of the emoji a bot or a colleague is likely to use; anything else stays as it was typed.

const EMOJI = new Map(Object.entries({
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎", no_entry: "⛔",
  no_entry_sign: "🚫", octagonal_sign: "🛑", warning: "⚠️", rotating_light: "🚨", exclamation: "❗", question: "❓", bangbang: "‼️",
  information_source: "ℹ️", bell: "🔔", no_bell: "🔕", loudspeaker: "📢", mega: "📣", lock: "🔒", unlock: "🔓", closed_lock_with_key: "🔐",
  lock_with_ink_pen: "🔏", key: "🔑", old_key: "🗝️", shield: "🛡️", hourglass: "⌛", hourglass_flowing_sand: "⏳", watch: "⌚",
  alarm_clock: "⏰", stopwatch: "⏱️", timer_clock: "⏲️", clock1: "🕐", clock3: "🕒", clock9: "🕘", calendar: "📆", date: "📅",
  arrows_counterclockwise: "🔄", repeat: "🔁", leftwards_arrow_with_hook: "↩️", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️",
  arrow_down: "⬇️", rocket: "🚀", fire: "🔥", zap: "⚡", sparkles: "✨", tada: "🎉", wave: "👋", eyes: "👀", pray: "🙏", clap: "👏",
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", ok_hand: "👌", raised_hand: "✋", raised_hands: "🙌", muscle: "💪",
  point_right: "👉", point_left: "👈", point_up: "☝️", point_down: "👇", robot_face: "🤖", slightly_smiling_face: "🙂", smile: "😄",
  smiley: "😃", grin: "😁", joy: "😂", wink: "😉", thinking_face: "🤔", sweat_smile: "😅", sob: "😭", scream: "😱", sunglasses: "😎",
  heart: "❤️", broken_heart: "💔", star: "⭐", bulb: "💡", memo: "📝", pencil: "📝", pencil2: "✏️", clipboard: "📋", page_facing_up: "📄",
  scroll: "📜", books: "📚", mag: "🔍", link: "🔗", paperclip: "📎", pushpin: "📌", round_pushpin: "📍", wrench: "🔧", hammer: "🔨",
  gear: "⚙️", hammer_and_wrench: "🛠️", toolbox: "🧰", package: "📦", inbox_tray: "📥", outbox_tray: "📤", email: "✉️", envelope: "✉️",
  computer: "💻", desktop_computer: "🖥️", cloud: "☁️", bug: "🐛", test_tube: "🧪", construction: "🚧", chart_with_upwards_trend: "📈",
  bar_chart: "📊", bust_in_silhouette: "👤", busts_in_silhouette: "👥", office: "🏢", house: "🏠", door: "🚪", ticket: "🎫",
  red_circle: "🔴", large_blue_circle: "🔵", large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠",
  white_circle: "⚪", black_circle: "⚫", large_green_square: "🟩", large_red_square: "🟥", small_blue_diamond: "🔹",
  small_orange_diamond: "🔸", one: "1️⃣", two: "2️⃣", three: "3️⃣", heavy_plus_sign: "➕", heavy_minus_sign: "➖", new: "🆕", sos: "🆘",
  fast_forward: "⏩", double_vertical_bar: "⏸️", black_square_for_stop: "⏹️", arrow_forward: "▶️", end: "🔚", soon: "🔜", ghost: "👻",
  skull: "💀", coffee: "☕", beers: "🍻", snowflake: "❄️", sunny: "☀️", moon: "🌙", zzz: "💤", ambulance: "🚑", fire_engine: "🚒",
  police_car: "🚓", detective: "🕵️", ninja: "🥷", man_technologist: "👨‍💻", woman_technologist: "👩‍💻", technologist: "🧑‍💻",
}));

/** The character of a shortcode (without colons), or undefined. */
export const emoji = (name) => EMOJI.get(name);
