// The row under the pointer, or under the cross that the keys move: what it is, and which rows are nearest to it.
/** @import { Neighbour, Row } from './types.js' */
import { byId, createButton, createElement, createText } from './elements.js';
import { formatPercent } from './format.js';
import { decisionOf, fetchNeighbours, fetchRow } from './known.js';
import { drawAbove } from './map-above.js';
import { map } from './map-state.js';
import { createPicture } from './picture.js';
import { className, decisionName } from './run.js';

const REST = 120; // milliseconds on one row after which the server is asked about it
const EXCERPT = 220; // characters
const PICTURE = 150; // pixels of its longer side

let asking = 0;

/** @param {number | null} row */
export function hover(row) {
  if (row === map.hovered) return drawAbove();
  map.hovered = row;
  map.near = [];
  clearTimeout(asking);
  if (row !== null) asking = setTimeout(() => describe(row), REST);
  drawAbove();
}

/** @param {number} row */
async function describe(row) {
  const isLate = () => map.hovered !== row;
  try {
    const about = await fetchRow(row);
    if (isLate()) return;
    showHovered(about, []);
    const { neighbours } = await fetchNeighbours(row);
    if (isLate()) return;
    map.near = neighbours.map((neighbour) => neighbour.row);
    showHovered(about, neighbours);
    drawAbove();
  } catch {
    // The next poll says what is wrong.
  }
}

/** @param {number} row */
export const openRow = (row) => (location.hash = `row/${row}`);

/**
 * @param {Row} row
 * @param {Neighbour[]} neighbours
 */
function showHovered(row, neighbours) {
  const pair = createElement('p', { className: 'pair' }, createText('span', className(row.given)), ' → ');
  pair.append(createText('b', className(row.suggested)));
  const text =
    row.text ??
    row.columns
      .slice(0, 4)
      .map(({ name, value }) => `${name}: ${value}`)
      .join(', ');
  const excerpt = text.length > EXCERPT ? `${text.slice(0, EXCERPT)} …` : text;
  const decision = decisionOf(row);
  const wrong = row.p_mislabeled === null ? 'not judged' : `${formatPercent(row.p_mislabeled)} likely wrong`;
  const near = neighbours.map((one) => createElement('li', {}, createNear(one)));
  byId('map-row').replaceChildren(
    pair,
    createText('p', `${row.id} · ${wrong}`, 'muted'),
    row.image ? createPicture(row, PICTURE) : createText('p', excerpt, 'text'),
    decision ? createText('p', `✓ ${decisionName(decision.kind, decision.label)}`, 'decided') : '',
    createButton('Open this row', '', () => openRow(row.row)),
    near.length ? createText('h3', 'Nearest rows') : '',
    createElement('ul', {}, ...near),
  );
}

/** @param {Neighbour} row */
function createNear(row) {
  const line = createButton('', 'plain', () => openRow(row.row));
  line.append(createText('b', className(row.given)), createText('span', row.text ?? row.id));
  return line;
}
