/** Colours of names, made readable on both themes: WCAG 2.2 asks for a contrast of 4.5. */

const CONTRAST = 4.5;
/** Share of white or black that is mixed in at each try. */
const STEP = 0.06;
/** --surface of base.css, on which chat stands. */
const GROUNDS = { dark: [21, 23, 29], light: [255, 255, 255] };
const TOWARDS = { dark: 255, light: 0 };

/** Relative luminance of sRGB, 0 to 1 (WCAG 2.2). */
function luminance(rgb) {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast of two colours, 1 to 21. */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function corrected(rgb, theme) {
  let mixed = rgb;
  for (let share = STEP; contrast(mixed, GROUNDS[theme]) < CONTRAST; share += STEP) {
    mixed = rgb.map((value) => Math.round(value + (TOWARDS[theme] - value) * share));
  }
  return `rgb(${mixed.join(' ')})`;
}

const known = new Map(); // people choose among few colours

/** Sets a name's colour for both themes; `color` is `#RRGGBB`, anything else leaves the default. */
export function paint(node, color) {
  if (!/^#[0-9a-f]{6}$/i.test(color ?? '')) return;
  if (!known.has(color)) {
    const rgb = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    known.set(color, [corrected(rgb, 'dark'), corrected(rgb, 'light')]);
  }
  const [dark, light] = known.get(color);
  node.style.setProperty('--on-dark', dark);
  node.style.setProperty('--on-light', light);
}
