/** What can be typed after a slash, and what it asks of the platform. */

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const TIMEOUT_S = 600;
const SLOW_S = 30;

/** Seconds in `90`, `90s`, `10m`, `1d`; NaN where it is none. */
function seconds(text, unit = 's') {
  const found = /^(\d{1,7})([smhdw]?)$/.exec(text);
  return found ? Number(found[1]) * UNITS[found[2] || unit] : NaN;
}

const login = (text) => text?.replace(/^@/, '').toLowerCase() || null;
const rest = (words) => words.join(' ') || undefined;
const about = (what, values = {}) => (words) => login(words[0]) && { moderate: what, values: { user: login(words[0]), ...values } };
const mode = (values) => () => ({ moderate: 'mode', values });
const term = (what) => (words) => rest(words) && { moderate: what, values: { term: rest(words) } };

function timeout([who, length, ...words]) {
  const given = length === undefined ? TIMEOUT_S : seconds(length);
  const named = Number.isNaN(given); // the reason begins where no length was given
  const reason = rest(named ? [length, ...words] : words);
  return login(who) && { moderate: 'timeout', values: { user: login(who), seconds: named ? TIMEOUT_S : given, reason } };
}

function slow([length]) {
  const every = length === undefined ? SLOW_S : seconds(length);
  return every >= 0 && { moderate: 'mode', values: { slow_seconds: every } };
}

function followers([length]) {
  const least = length === undefined ? 0 : seconds(length, 'm') / 60;
  return least >= 0 && { moderate: 'mode', values: { followers_only_minutes: Math.floor(least) } };
}

const everybody = () => true;
const moderators = (room) => room.moderates;
const broadcaster = (room) => Boolean(room.you?.broadcaster);

/** name → [what follows it, what it does, who may, (words) → what is asked, or nothing where it is used wrongly]. */
const COMMANDS = {
  me: ['what you do', 'Say it as an action', everybody, (words) => rest(words) && { say: rest(words) }],
  color: ['#RRGGBB', 'Colour of your name', everybody, ([color]) => /^#[0-9a-f]{6}$/i.test(color ?? '') && { color }],
  help: ['', 'All commands', everybody, () => ({ help: true })],
  timeout: ['name [10m] [reason]', 'Nothing from them for a while', moderators, timeout],
  untimeout: ['name', 'End a time-out', moderators, about('unban')],
  ban: ['name [reason]', 'Nothing from them any more', moderators, ([who, ...words]) => login(who) && { moderate: 'ban', values: { user: login(who), reason: rest(words) } }],
  unban: ['name', 'End a ban', moderators, about('unban')],
  clear: ['', 'Take all messages away', moderators, () => ({ moderate: 'clear', values: {} })],
  announce: ['text', 'Say it set apart', moderators, (words) => rest(words) && { moderate: 'announce', values: { text: rest(words), accent: 'primary' } }],
  slow: ['[30s]', 'Wait between two messages', moderators, slow],
  slowoff: ['', 'Slow mode off', moderators, mode({ slow_seconds: 0 })],
  followers: ['[10m]', 'Only followers may write', moderators, followers],
  followersoff: ['', 'Followers-only mode off', moderators, mode({ followers_only_minutes: -1 })],
  subscribers: ['', 'Only subscribers may write', moderators, mode({ subscribers_only: true })],
  subscribersoff: ['', 'Subscribers-only mode off', moderators, mode({ subscribers_only: false })],
  emoteonly: ['', 'Only emotes may be written', moderators, mode({ emote_only: true })],
  emoteonlyoff: ['', 'Emote-only mode off', moderators, mode({ emote_only: false })],
  uniquechat: ['', 'A text once an hour only', moderators, mode({ unique_chat: true })],
  uniquechatoff: ['', 'Unique-chat mode off', moderators, mode({ unique_chat: false })],
  automod: ['0 to 4', 'How much waits for review', moderators, ([level]) => /^[0-4]$/.test(level ?? '') && { moderate: 'mode', values: { automod_level: Number(level) } }],
  blockterm: ['term', 'Refuse messages with it', moderators, term('block')],
  unblockterm: ['term', 'Allow it again', moderators, term('unblock')],
  mod: ['name', 'Make a moderator', broadcaster, about('grant', { role: 'moderator' })],
  unmod: ['name', 'Not a moderator any more', broadcaster, about('revoke', { role: 'moderator' })],
  vip: ['name', 'Make a VIP', broadcaster, about('grant', { role: 'vip' })],
  unvip: ['name', 'Not a VIP any more', broadcaster, about('revoke', { role: 'vip' })],
};

/** What this viewer may type that begins so: `[{ name, usage, what }]`. */
export const commands = (room, beginning = '') =>
  Object.entries(COMMANDS)
    .filter(([name, [, , may]]) => name.startsWith(beginning) && may(room))
    .map(([name, [usage, what]]) => ({ name, usage, what }));

/** What a typed line asks: `{ say }`, `{ moderate, values }`, `{ color }`, `{ help }`, or `{ wrong }` with words on what to type. */
export function parse(line, room) {
  const [name, ...words] = line.slice(1).trim().split(/\s+/);
  const known = Object.hasOwn(COMMANDS, name.toLowerCase()) ? COMMANDS[name.toLowerCase()] : null;
  if (!known) return { wrong: `There is no command /${name}. /help lists them.` };
  const [usage, , may, ask] = known;
  if (!may(room)) return { wrong: `/${name} is for ${may === broadcaster ? 'the broadcaster' : 'moderators'}.` };
  return ask(words) || { wrong: `Type /${name} ${usage}` };
}
