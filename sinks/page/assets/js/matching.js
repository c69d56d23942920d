/** Finds channels by what is typed: words that begin so, or would with one typing error (Damerau and Levenshtein's distance). */

/** In shorter words one error would find everything. */
const FORGIVEN = 4;

const words = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);

/** Whether a word begins with `typed` but for one letter more, less, other, or two that changed places. */
function alike(typed, word) {
  for (let length = typed.length - 1; length <= typed.length + 1; length += 1) {
    if (length <= word.length && oneError(typed, word.slice(0, length))) return true;
  }
  return false;
}

function oneError(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const [left, right] = [a.slice(at), b.slice(at)];
  if (left.slice(1) === right.slice(1) || left.slice(1) === right || left === right.slice(1)) return true;
  return left.length > 1 && left[0] === right[1] && left[1] === right[0] && left.slice(2) === right.slice(2);
}

/** 0 where the word begins so, 1 with an error, Infinity else. */
function distance(typed, word) {
  if (word.startsWith(typed)) return 0;
  return typed.length >= FORGIVEN && alike(typed, word) ? 1 : Infinity;
}

/** Those of the channels that match all words of a text: names before titles and categories, exact before alike, then by viewers. */
export function matching(channels, text) {
  const asked = words(text);
  if (asked.length === 0) return [];
  const worst = (found) => Math.max(...asked.map((typed) => Math.min(Infinity, ...found.map((word) => distance(typed, word)))));
  const rated = channels.map((channel) => {
    const name = worst([channel.login, ...words(channel.display_name), ...words(channel.login)]);
    const other = 2 + worst([...words(channel.display_name), ...words(channel.login), ...words(channel.category), ...words(channel.title)]);
    return { channel, rate: Math.min(name, other) };
  });
  const found = rated.filter(({ rate }) => rate < Infinity);
  return found.sort((a, b) => a.rate - b.rate || b.channel.viewers - a.channel.viewers).map(({ channel }) => channel);
}
