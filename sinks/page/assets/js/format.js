/** Numbers and names as viewers read them. */

/** `1:05:09`, `5:09`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `2 hours ago`, in the viewer's language. */
export function ago(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  const steps = [['day', 86_400], ['hour', 3600], ['minute', 60]];
  const [unit, size] = steps.find(([, length]) => seconds >= length) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' }).format(-Math.floor(seconds / size), unit);
}

/** `1.2K`, in the viewer's language. */
export const count = (number) => new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 }).format(number);

/** `1.2 s`; a dash where nothing is known. */
export const seconds = (value, digits = 1) => (Number.isFinite(value) ? `${value.toFixed(digits)} s` : '–');

/** `2.4 Mb/s`. */
export const bitrate = (bits) => (bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1000)} kb/s`);

/** One or two letters to stand for a channel that has no picture. */
export function initials(name) {
  const words = name.split(/[\s_]+/).filter(Boolean);
  const letters = words.length > 1 ? words[0][0] + words[1][0] : name.slice(0, 2);
  return letters.toUpperCase();
}

/** A hue in degrees, the same for the same name. */
export function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}

/** `English` for `en`, in the viewer's language. */
export function language(tag) {
  try {
    return new Intl.DisplayNames(undefined, { type: 'language' }).of(tag);
  } catch {
    return tag;
  }
}
