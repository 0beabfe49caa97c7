// A row of a table, column by column, the most unusual ones first.
/** @import { FeatureValue, Row } from './types.js' */
import { createElement, createText } from './elements.js';
import { formatPercent } from './format.js';
import { className } from './run.js';

const FAR = 3; // standard deviations that are marked
const RARE = 0.05; // of the rows of a class

/** @param {Row} row */
export function createTable(row) {
  const agree = row.given === row.suggested || row.suggested === null;
  const heads = ['Column', 'Value', `In “${className(row.given)}”`];
  if (!agree) heads.push(`In “${className(row.suggested)}”`);
  const cells = [...heads, 'Nearest rows'].map((words) =>
    createElement('th', { scope: 'col' }, createText('bdi', words)),
  );
  const lines = row.columns.map((value) => createLine(value, agree ? [value.given] : [value.given, value.suggested]));
  const words =
    'How far a value is from the rows of a class, in robust standard deviations; of a word, how many of them have it.';
  return createElement(
    'div',
    { className: 'features-table' },
    createElement(
      'table',
      {},
      createElement('thead', {}, createElement('tr', {}, ...cells)),
      createElement('tbody', {}, ...lines),
    ),
    createText('p', words, 'muted'),
  );
}

/**
 * @param {FeatureValue} value
 * @param {(number | null)[]} distances
 */
function createLine(value, distances) {
  const name = createElement('th', { scope: 'row' }, createText('bdi', value.name));
  const cells = distances.map((distance) => createText('td', describe(value, distance), markOf(value, distance)));
  const near = createText('td', '', 'near');
  near.dataset.column = `${value.index}`;
  return createElement('tr', {}, name, createElement('td', {}, createText('bdi', value.value)), ...cells, near);
}

/**
 * @param {FeatureValue} value
 * @param {number | null} distance
 */
function describe(value, distance) {
  if (distance === null) return '–';
  if (value.is_share) return formatPercent(distance);
  return `${distance < 0 ? '−' : '+'}${Math.abs(distance).toFixed(1)}`;
}

/**
 * @param {FeatureValue} value
 * @param {number | null} distance
 */
const markOf = (value, distance) =>
  distance !== null && (value.is_share ? distance < RARE : Math.abs(distance) > FAR) ? 'far' : '';

/** @param {string[]} values What the nearest rows have, by column. */
export function fillNearest(values) {
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#content .near'))) {
    cell.textContent = values[Number(cell.dataset.column)] ?? '';
  }
}
