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
