// One row in the list.
/** @import { Brief } from './types.js' */
import { createElement, createText } from './elements.js';
import { formatPercent } from './format.js';
import { pictureSide } from './list-grid.js';
import { chooseRow } from './list-marks.js';
import { list } from './list-state.js';
import { createPicture } from './picture.js';
import { className } from './run.js';
import { session } from './session.js';

/**
 * @param {Brief} row
 * @param {number} index
 */
export function createItem(row, index) {
  const tick = createElement('label', { className: 'tick' }, createTick(row, index));
  const pair = createElement('span', { className: 'pair' });
  pair.append(createText('span', className(row.given), 'given'), ' → ', createText('b', className(row.suggested)));
  const decided = createText('span', '', 'decided');
  const item = createElement('li', {}, tick, createChance(row), pair, createLink(row, index), decided);
  item.dataset.row = `${row.row}`;
  return item;
}

/**
 * @param {Brief} row
 * @param {number} index
 */
function createTick(row, index) {
  const tick = createElement('input', { type: 'checkbox' });
  tick.setAttribute('aria-label', `Choose ${row.id}`);
  tick.addEventListener('click', (event) => chooseRow(index, tick.checked, event.shiftKey));
  return tick;
}

/** @param {Brief} row */
function createChance(row) {
  const bar = createElement('i');
  bar.style.width = `${(row.p_mislabeled ?? 0) * 100}%`;
  const track = createElement('span', { className: 'track' }, bar);
  const title = 'Probability that the given label is wrong';
  return createElement('span', { className: 'chance', title }, track, formatPercent(row.p_mislabeled));
}

/**
 * @param {Brief} row
 * @param {number} index
 */
function createLink(row, index) {
  const content = row.image ? createPicture(row, pictureSide()) : createText('span', row.text ?? '', 'text');
  const id = createText('small', row.id);
  const link = createElement('a', { href: `#row/${row.row}`, className: 'open' }, content, id);
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { offset, total, rows } = list.answer;
    const trail = rows.map((other, at) => ({ row: other.row, place: null, nth: offset + at + 1, of: total }));
    Object.assign(session, { trail, position: index, detours: [] });
    location.hash = 'row';
  });
  return link;
}
