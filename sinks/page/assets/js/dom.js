/** Makes elements: what every view is built from. Text is always set as text, never parsed as HTML. */

/**
 * An element with attributes, listeners (`onClick`) and children.
 * `null`, `undefined` and `false` leave an attribute or child out; `true` sets an empty attribute.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2).toLowerCase(), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Sets text only where it changed, so that a readout refreshed each second does not disturb selection or assistive technology. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Outlines on a 24 x 24 grid, drawn with the current colour. */
const ICONS = {
  clip: 'M3 5h18v14H3zm2 2v2h2V7zm12 0v2h2V7zM5 11v2h2v-2zm12 0v2h2v-2zM5 15v2h2v-2zm12 0v2h2v-2zM9 7v10h6V7z',
  play: 'M7 4.5v15l12.5-7.5z',
  pause: 'M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z',
  volume: 'M4 9v6h4l5 4.5v-15L8 9zM16 8.2a5 5 0 0 1 0 7.6l1.2 1.6a7 7 0 0 0 0-10.8z',
  muted: 'M4 9v6h4l5 4.5v-15L8 9zM15.4 9.9l1.4-1.4 2.1 2.1 2.1-2.1 1.4 1.4-2.1 2.1 2.1 2.1-1.4 1.4-2.1-2.1-2.1 2.1-1.4-1.4 2.1-2.1z',
  bolt: 'M13.5 2 4.5 13.5h6L9.5 22l9.5-12h-6.5z',
  settings: 'M10.3 2h3.4l.5 2.7 1.9 1.1 2.6-.9 1.7 2.9-2.1 1.8v2.8l2.1 1.8-1.7 2.9-2.6-.9-1.9 1.1-.5 2.7h-3.4l-.5-2.7-1.9-1.1-2.6.9-1.7-2.9 2.1-1.8V9.6L3.6 7.8l1.7-2.9 2.6.9 1.9-1.1zM12 8.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z',
  theatre: 'M3 6h18v12H3zm2 2v8h9V8zm11 0v8h3V8z',
  pip: 'M3 5h18v14H3zm2 2v10h14V7zm6 5h7v4h-7z',
  fullscreen: 'M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z',
  shrink: 'M8 4h2v6H4V8h4zm6 0h2v4h4v2h-6zM4 14h6v6H8v-4H4zm10 0h6v2h-4v4h-2z',
  stats: 'M4 12h3.5v8H4zm6.25-8h3.5v16h-3.5zm6.25 5H20v11h-3.5z',
  sun: 'M12 7.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM11 2h2v3h-2zm0 17h2v3h-2zM2 11h3v2H2zm17 0h3v2h-3zM4.2 5.6l1.4-1.4 2.1 2.1-1.4 1.4zm12.1 12.1 1.4-1.4 2.1 2.1-1.4 1.4zM4.2 18.4l2.1-2.1 1.4 1.4-2.1 2.1zM16.3 6.3l2.1-2.1 1.4 1.4-2.1 2.1z',
  moon: 'M14.5 2.6A9.6 9.6 0 1 0 21.6 15 8 8 0 0 1 14.5 2.6z',
  check: 'M9.6 17.4 4.2 12l1.7-1.7 3.7 3.7 8.5-8.5 1.7 1.7z',
  keyboard: 'M2.5 6h19v12h-19zm2 2v8h15V8zm1.5 1.5h2v2H6zm3.5 0h2v2h-2zm3.5 0h2v2h-2zm3.5 0h2v2h-2zM8 13h8v1.8H8z',
  reply: 'M10 5v4.2c6 .3 9.4 3.6 10.5 9.8-2.5-3.6-5.6-5-10.5-5V18l-7-6.5z',
  down: 'M11 4h2v11.2l4.6-4.6L19 12l-7 7-7-7 1.4-1.4 4.6 4.6z',
  star: 'M12 2.6l2.9 6.1 6.6.9-4.8 4.6 1.2 6.6-5.9-3.2-5.9 3.2 1.2-6.6-4.8-4.6 6.6-.9z',
  gift: 'M3 8h18v5h-1.5v8h-15v-8H3zm8 2H5v1h6zm2 0v1h6v-1zm-6.5 3v6H11v-6zm6.5 0v6h4.5v-6zM12 7C9 7 7 6.2 7 4.7 7 2 11 2 12 5c1-3 5-3 5-.3C17 6.2 15 7 12 7z',
  raid: 'M3 5l8 7-8 7zm9 0l9 7-9 7z',
  megaphone: 'M3 9.5h4L17 4v16L7 14.5v5H5v-5H3zm16-.9a4 4 0 0 1 0 6.8z',
  chat: 'M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm0 2v10h5v1.8l2.3-1.8H20V6z',
  send: 'M3 4l18.5 8L3 20l2.5-8zm3.9 9l-1.2 3.8L16.5 12 5.7 7.2 6.9 11H13v2z',
  emote: 'M12 2.5a9.5 9.5 0 1 1 0 19 9.5 9.5 0 0 1 0-19zm0 2a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM8 8.7h2v3H8zm6 0h2v3h-2zM7.5 14h9a4.6 4.6 0 0 1-9 0z',
  shield: 'M12 2l8 3v6.5c0 5-3.3 8.7-8 10.5-4.7-1.8-8-5.5-8-10.5V5zm0 2.2L6 6.4v5.1c0 3.8 2.4 6.7 6 8.3 3.6-1.6 6-4.5 6-8.3V6.4z',
  more: 'M5 10a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  person: 'M12 3a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM3.5 21c.3-4.8 3.7-7.5 8.5-7.5s8.2 2.7 8.5 7.5z',
  trash: 'M9 3h6l1 2h4v2H4V5h4zM5.5 8.5h13l-1 12.5h-11zm4 2.5v7h1.6v-7zm3.4 0v7h1.6v-7z',
  clock: 'M12 2.5a9.5 9.5 0 1 1 0 19 9.5 9.5 0 0 1 0-19zm0 2a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM11 7h2v4.6l3.3 2-1 1.7-4.3-2.6z',
  ban: 'M12 2.5a9.5 9.5 0 1 1 0 19 9.5 9.5 0 0 1 0-19zm0 2a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM8 6.9l9.1 9.1-1.1 1.1L6.9 8z',
  copy: 'M8 3h12v14H8zm2 2v10h8V5zM4 7h2v12h10v2H4z',
  collapse: 'M18 5h2v14h-2zM4 11h7.2l-3-3L9.6 6.6 15 12l-5.4 5.4L8.2 16l3-3H4z',
  search: 'M10.5 3a7.5 7.5 0 0 1 6 12l4.5 4.5-1.5 1.5L15 16.5A7.5 7.5 0 1 1 10.5 3zm0 2a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z',
  browse: 'M3.5 4h7.5v7.5H3.5zm9.5 0h7.5v7.5H13zm-9.5 9.5H11V21H3.5zm9.5 0h7.5V21H13z',
  dashboard: 'M3 4h18v13h-7.5v2.5H17v2H7v-2h3.5V17H3zm2 2v9h14V6zm1.5 6.5 3-4 2.5 2.5l3.5-3.5 2.5 3-1.3 1-1.3-1.6-3.2 3.7-2.5-2.5-1.7 2.3z',
  close: 'M5 6.6 6.6 5 12 10.4 17.4 5 19 6.6 13.6 12l5.4 5.4-1.6 1.6-5.4-5.4L6.6 19 5 17.4l5.4-5.4z',
};

/** An icon for the eye only: what it stands for is said by its button. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('fill-rule', 'evenodd');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with an icon and a spoken name. */
export function iconButton(name, label, onClick, attributes = {}) {
  const button = el('button', { type: 'button', class: 'icon-button', onClick, ...attributes }, icon(name));
  relabel(button, name, label);
  return button;
}

/** Changes what an icon button shows and says. */
export function relabel(button, name, label) {
  if (button.dataset.icon !== name) {
    button.replaceChildren(icon(name));
    button.dataset.icon = name;
  }
  button.setAttribute('aria-label', label);
  button.title = label;
}
