// Which rows of the list are decided or chosen.
import { showButtons } from './buttons.js';
import { byId } from './elements.js';
import { formatNumber } from './format.js';
import { decisionOf } from './known.js';
import { countChosen, list, selection } from './list-state.js';
import { decisionName } from './run.js';

/**
 * @param {Element} item
 * @returns {HTMLInputElement}
 */
export const tickOf = (item) => /** @type {HTMLInputElement} */ (item.querySelector('input'));

export function markList() {
  const { rows, total } = list.answer;
  for (const [index, item] of [...byId('list').children].entries()) markItem(item, index);
  const chosen = rows.filter(isChosen).length;
  const allPage = byId('all-page');
  allPage.checked = chosen > 0 && chosen === rows.length;
  allPage.indeterminate = chosen > 0 && chosen < rows.length;
  const isLate = list.request !== list.answered;
  byId('all-match').hidden = selection.all || isLate || !allPage.checked || total <= rows.length;
  byId('all-match').textContent = `choose all ${formatNumber(total)} that match`;
  byId('clear').hidden = !countChosen();
  byId('clear').textContent = `${formatNumber(countChosen())} chosen: clear`;
  showButtons();
}

/**
 * @param {Element} item
 * @param {number} index
 */
function markItem(item, index) {
  const row = list.answer.rows[index];
  const decision = decisionOf(row);
  item.classList.toggle('chosen', isChosen(row));
  tickOf(item).checked = isChosen(row);
  const words = decision && `✓ ${decisionName(decision.kind, decision.label)}${decision.waiting ? ' …' : ''}`;
  /** @type {Element} */ (item.querySelector('.decided')).textContent = words || '';
}

/** @param {{ row: number }} row */
const isChosen = ({ row }) => selection.all || selection.ids.has(row);

/**
 * @param {boolean} chosen
 * @param {number} [first]
 * @param {number} [last] Of the rows on the screen.
 */
export function chooseRange(chosen, first = 0, last = list.answer.rows.length - 1) {
  for (const { row, id } of list.answer.rows.slice(first, last + 1)) {
    if (chosen) selection.ids.set(row, id);
    else selection.ids.delete(row);
  }
}

export function chooseNone() {
  selection.ids.clear();
  selection.all = false;
  selection.lastTicked = null;
  markList();
}

export function chooseAll() {
  selection.all = true;
  markList();
}

/** @param {boolean} chosen */
export function choosePage(chosen) {
  if (selection.all) chooseNone();
  chooseRange(chosen);
  markList();
}

/**
 * @param {number} index Of the row on the screen.
 * @param {boolean} chosen
 * @param {boolean} isRange Whether all from the one ticked before are meant.
 */
export function chooseRow(index, chosen, isRange) {
  const { rows } = list.answer;
  if (selection.all) chooseNone();
  const last = isRange ? rows.findIndex(({ row }) => row === selection.lastTicked) : -1; // it may be on another page
  const from = last < 0 ? index : last;
  chooseRange(chosen, Math.min(from, index), Math.max(from, index));
  selection.lastTicked = rows[index].row;
  markList();
}
