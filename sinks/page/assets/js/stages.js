/** Where the time goes between camera and screen: each stage's measure beside its budget. */

import { el } from './dom.js';
import { seconds } from './format.js';

const NAMES = {
  package: 'Cut', encode_network: 'Encoder and network', upload: 'Ingest', log: 'Log', transcode: 'Transcode', announce: 'Announce', deliver: 'Origin', player: 'Viewers’ buffer',
};
const MODES = { low: 'Low latency', normal: 'Normal' };

function bar(row) {
  const most = Math.max(row.p95_ms, row.budget_ms);
  const node = el(
    'span',
    { class: row.breached ? 'stage__bar stage__bar--late' : 'stage__bar', 'aria-hidden': 'true' },
    el('span', { class: 'stage__p95' }),
    el('span', { class: 'stage__p50' }),
    el('span', { class: 'stage__budget' }),
  );
  for (const [name, value] of Object.entries({ p50: row.p50_ms, p95: row.p95_ms, budget: row.budget_ms })) {
    node.style.setProperty(`--${name}`, `${Math.max(0, Math.min(100, (100 * value) / most))}%`);
  }
  return node;
}

const line = (row) =>
  el(
    'tr',
    { title: row.meaning },
    el('th', { scope: 'row' }, NAMES[row.stage] ?? row.stage),
    el('td', {}, bar(row)),
    el('td', { class: 'number' }, seconds(row.p50_ms / 1000, 2)),
    el('td', { class: row.breached ? 'number number--late' : 'number' }, seconds(row.p95_ms / 1000, 2), row.breached && el('span', { class: 'visually-hidden' }, ' over its budget')),
    el('td', { class: 'number' }, seconds(row.budget_ms / 1000, 1)),
  );

/** Seconds from camera to the origin in a mode, by medians; NaN where nothing was measured. */
export function total(rows, mode) {
  const found = rows.filter((row) => row.mode === mode && row.stage !== 'player');
  return found.length ? found.reduce((sum, row) => sum + row.p50_ms, 0) / 1000 : NaN;
}

/** Tables of both modes. */
export const stageTables = (rows) =>
  Object.entries(MODES)
    .map(([mode, label]) => [label, rows.filter((row) => row.mode === mode)])
    .filter(([, found]) => found.length)
    .map(([label, found]) =>
      el(
        'table',
        { class: 'stages' },
        el('caption', {}, label),
        el('thead', {}, el('tr', {}, ['Stage', '', 'Median', '95 %', 'Budget'].map((name) => el('th', { scope: 'col' }, name)))),
        el('tbody', {}, found.map(line)),
      ),
    );
