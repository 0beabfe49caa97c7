// How far the review is, class by class and pair by pair: tables above the list, asked for while they are open.
/** @import { Part } from './types.js' */
import { getProgress } from './api.js';
import { byId, createElement, createText } from './elements.js';
import { formatNumber } from './format.js';
import { className } from './run.js';

export async function fillParts() {
  if (!byId('parts').open) return;
  const progress = await getProgress().catch(() => null); // the next poll says what is wrong
  if (!progress) return;
  byId('class-parts').replaceChildren(...progress.classes.map(createLine));
  byId('pair-parts').replaceChildren(...progress.pairs.map(createLine));
  const { seconds } = progress;
  byId('parts-pace').textContent = seconds === null ? '' : `One decision takes ${seconds.toFixed(0)} seconds (median).`;
}

/** @param {Part} part */
function createLine(part) {
  const { given, suggested, rows, decided, wrong } = part;
  const name = suggested === null ? className(given) : `${className(given)} → ${className(suggested)}`;
  const wanted = suggested === null ? { given } : { given, suggested };
  const query = new URLSearchParams(Object.entries(wanted).map(([key, code]) => [key, `${code}`]));
  const link = createElement('a', { href: `#list?${query}` }, createText('bdi', name));
  return createElement(
    'tr',
    {},
    createElement('th', { scope: 'row' }, link),
    createText('td', `${formatNumber(decided)} of ${formatNumber(rows)}`),
    createText('td', formatNumber(wrong)),
  );
}

export function listenToParts() {
  byId('parts').addEventListener('toggle', fillParts);
}
