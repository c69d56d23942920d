/** A room's modes in words, for the log, the composer and the panel. */

const MINUTES = [[10_080, 'week'], [1440, 'day'], [60, 'hour'], [1, 'minute']];

/** `10 minutes`, `1 week`. */
export function minutes(count) {
  const [size, unit] = MINUTES.find(([length]) => count >= length && count % length === 0) ?? MINUTES.at(-1);
  const number = count / size;
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

/** `45 s`, `10 min`, `2 h`, `1 d`. */
export function shortly(seconds) {
  const [size, unit] = [[86_400, 'd'], [3600, 'h'], [60, 'min']].find(([length]) => seconds >= length && seconds % length === 0) ?? [1, 's'];
  return `${Math.ceil(seconds / size)} ${unit}`;
}

const CHANGES = {
  slow_seconds: (on, { automatic }) =>
    on ? `${automatic ? 'Chat is busy: slow' : 'Slow'} mode is on, ${on} s between two messages.` : 'Slow mode is off.',
  followers_only_minutes: (on) => (on < 0 ? 'Followers-only mode is off.' : `Only followers${on ? ` of at least ${minutes(on)}` : ''} may write.`),
  subscribers_only: (on) => (on ? 'Only subscribers may write.' : 'Subscribers-only mode is off.'),
  emote_only: (on) => (on ? 'Only emotes may be written.' : 'Emote-only mode is off.'),
  unique_chat: (on) => (on ? 'A text may be said once an hour only.' : 'Unique-chat mode is off.'),
};

/** Sentences on what a `mode` event changed. */
export const describeMode = (event) => Object.entries(CHANGES).flatMap(([name, say]) => (name in event && event[name] !== null ? [say(event[name], event)] : []));

/** Short names of the modes that are on: `[label, explanation]`. */
export function modeTags(mode) {
  const tags = [];
  if (mode.slow_seconds > 0) tags.push([`Slow ${shortly(mode.slow_seconds)}`, CHANGES.slow_seconds(mode.slow_seconds, { automatic: mode.auto_slow })]);
  if (mode.followers_only_minutes >= 0) {
    const wait = mode.followers_only_minutes;
    tags.push([wait ? `Followers ${shortly(wait * 60)}` : 'Followers', CHANGES.followers_only_minutes(wait)]);
  }
  if (mode.subscribers_only) tags.push(['Subscribers', CHANGES.subscribers_only(true)]);
  if (mode.emote_only) tags.push(['Emotes', CHANGES.emote_only(true)]);
  if (mode.unique_chat) tags.push(['Unique', CHANGES.unique_chat(true)]);
  return tags;
}
