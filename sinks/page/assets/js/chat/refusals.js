/** Why a message was refused, in words. */

const WORDS = {
  banned: 'You are banned from this chat.',
  timed_out: 'You are timed out.',
  rate: 'That was too fast.',
  slow_mode: 'Slow mode is on.',
  user_rate: 'Too many messages in the last 30 seconds.',
  subscribers_only: 'Only subscribers may write here now.',
  followers_only: 'Only followers may write here now.',
  emote_only: 'Only emotes may be written here now.',
  duplicate: 'This was said here within the last hour: say it in other words.',
  blocked_term: 'This channel does not allow a term in your message.',
  global_term: 'A term in your message is not allowed here.',
  spam: 'This looks like spam.',
  empty: 'There is nothing in this message.',
  too_long: 'This message is too long.',
};

/** `answer`: a frame with `reason`, and `text` of the platform for what this page does not know. */
export const refusal = ({ reason, text }) => WORDS[reason] ?? (text || 'The message was not accepted.');

/** `0:42` from a minute on, else `12 s`. */
export function wait(milliseconds) {
  const whole = Math.ceil(milliseconds / 1000);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
