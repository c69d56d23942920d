/** A small plot of the last minutes. */

import { el, setText } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 64;
/** Kept and shown. */
export const SPAN_MS = 5 * 60_000;
/** Air above the highest value, so that a steady line is not the frame. */
const AIR = 1.15;

function shape(tag, name) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute('class', name);
  return node;
}

/**
 * A figure with `push(value)` and `clear()`. `format(value)` gives words for a value.
 * The axis begins at zero; without values the line is absent and the readout is a dash.
 */
export function plot(label, format, note = '') {
  const readout = el('span', { class: 'plot__value' }, '–');
  const most = el('span', { class: 'plot__most' });
  const svg = shape('svg', 'plot__drawing');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  const [area, line] = [shape('path', 'plot__area'), shape('path', 'plot__line')];
  svg.append(area, line);
  const figure = el(
    'figure',
    { class: 'plot' },
    el('figcaption', { class: 'plot__head' }, el('span', { class: 'plot__label' }, label), readout),
    svg,
    el('div', { class: 'plot__foot' }, el('span', {}, note || '5 minutes'), most),
  );
  let points = [];

  function draw() {
    const now = performance.now();
    points = points.filter(({ at }) => now - at <= SPAN_MS);
    const top = Math.max(...points.map(({ value }) => value), 0) * AIR || 1;
    const x = (at) => (WIDTH * (1 - (now - at) / SPAN_MS)).toFixed(1);
    const y = (value) => (HEIGHT * (1 - value / top)).toFixed(1);
    const path = points.map(({ at, value }, n) => `${n ? 'L' : 'M'}${x(at)} ${y(value)}`).join('');
    line.setAttribute('d', path);
    area.setAttribute('d', points.length ? `${path}L${x(points.at(-1).at)} ${HEIGHT}L${x(points[0].at)} ${HEIGHT}Z` : '');
    const last = points.at(-1)?.value;
    const highest = Math.max(...points.map(({ value }) => value));
    setText(readout, last === undefined ? '–' : format(last));
    setText(most, last === undefined ? '' : `most ${format(highest)}`);
    svg.setAttribute('aria-label', last === undefined ? `${label}: nothing yet` : `${label}: now ${format(last)}, at most ${format(highest)} within 5 minutes`);
  }

  figure.push = (value) => {
    if (Number.isFinite(value)) points.push({ at: performance.now(), value });
    draw();
  };
  figure.clear = () => {
    points = [];
    draw();
  };
  draw();
  return figure;
}
