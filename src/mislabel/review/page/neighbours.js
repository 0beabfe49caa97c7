// The rows nearest to the one on the screen.
/** @import { Neighbour } from './types.js' */
import { statusOf } from './api.js';
import { display } from './display.js';
import { fillNearest } from './feature-table.js';
import { byId, createButton, createElement, createText } from './elements.js';
import { decisionOf, fetchNeighbours, known } from './known.js';
import { createPicture } from './picture.js';
import { className, decisionName } from './run.js';

/** @param {(row: number) => void} open Shows a row. */
export async function showNeighbours(open) {
  const { shown } = display;
  if (!shown) return;
  const { row } = shown.row;
  if (!known.neighbours.has(row)) byId('neighbours').replaceChildren();
  let answer;
  try {
    answer = known.neighbours.get(row) ?? (await fetchNeighbours(row));
  } catch (error) {
    // The next poll says what is wrong.
    if (!statusOf(error)) setTimeout(() => shown === display.shown && showNeighbours(open), 1500);
    return;
  }
  if (shown !== display.shown) return;
  byId('near-note').textContent = answer.note || 'None was found.';
  byId('near-note').hidden = answer.neighbours.length > 0;
  const cards = answer.neighbours.map((neighbour) => createElement('li', {}, createCard(neighbour, open)));
  byId('neighbours').replaceChildren(...cards);
  fillNearest(answer.values);
}

/**
 * @param {Neighbour} neighbour
 * @param {(row: number) => void} open
 */
function createCard(neighbour, open) {
  const decision = decisionOf(neighbour);
  const differs = neighbour.suggested !== neighbour.given && neighbour.suggested !== null;
  const card = createButton('', 'card', () => open(neighbour.row));
  card.title = `Open ${neighbour.id}`;
  const about = `${neighbour.id} · similarity ${neighbour.similarity.toFixed(2)}`;
  const head = createElement(
    'span',
    { className: 'head' },
    createText('b', className(neighbour.given)),
    createText('small', about),
  );
  card.append(
    head,
    differs ? createText('small', `suggested: ${className(neighbour.suggested)}`) : '',
    neighbour.image ? createPicture(neighbour, 96) : createText('span', neighbour.text || neighbour.id, 'text'),
    decision ? createText('small', `✓ ${decisionName(decision.kind, decision.label)}`, 'decided') : '',
  );
  return card;
}
