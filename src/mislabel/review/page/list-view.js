// The list of rows: asked for, shown, and gone through by keys.
import { isRefusal, getList, messageOf } from './api.js';
import { endTrouble, reportRefusal, reportTrouble } from './banner.js';
import { display } from './display.js';
import { byId, setBusy } from './elements.js';
import { formatNumber } from './format.js';
import { showGrid, toggleGrid } from './list-grid.js';
import { createItem } from './list-item.js';
import { fieldOf, listFilter, listHash, listQuery, PAGE_SIZE, readQuery, showPair, takePair } from './list-filters.js';
import { chooseAll, chooseNone, choosePage, markList } from './list-marks.js';
import { list } from './list-state.js';
import { saveSession, session } from './session.js';

const WAITING_AFTER = 150; // milliseconds after which rows go that need not be what is asked for
const RETRY_AFTER = 1500;
const TYPING_TIME = 200; // between what is typed

/** @param {string | undefined} query Of the address. */
export function openList(query) {
  const before = listHash(0);
  readQuery(query);
  if (listHash(0) !== before) chooseNone();
  fillList(display.shown?.row.row);
}

/** @param {number} [focusRow] The row that gets the focus. */
export async function fillList(focusRow) {
  const request = ++list.request;
  const isLate = () => request !== list.request;
  byId('all-match').hidden = true;
  setBusy('list', true);
  showPair();
  const query = listQuery();
  const filter = listFilter();
  const clearOld = () => {
    if (!isLate() && list.answer.query !== query) showNoList();
  };
  setTimeout(clearOld, WAITING_AFTER);
  try {
    const answer = await getList(query);
    if (isLate()) return;
    endTrouble('list');
    if (!answer.rows.length && answer.offset) {
      list.offset = Math.max(0, Math.floor((answer.total - 1) / PAGE_SIZE) * PAGE_SIZE);
      return fillList(focusRow);
    }
    list.answered = request;
    list.answer = { ...answer, query, filter };
    showList(focusRow);
  } catch (error) {
    if (isLate()) return;
    clearOld();
    setBusy('list', !isRefusal(error));
    if (isRefusal(error)) return reportRefusal(messageOf(error));
    reportTrouble(error, 'list');
    setTimeout(() => isLate() || fillList(focusRow), RETRY_AFTER);
  }
}

function showNoList() {
  list.answer = { ...list.answer, query: null, rows: [] };
  byId('list').replaceChildren();
  byId('list-waiting').hidden = false;
  byId('empty').hidden = true;
  byId('count').textContent = '';
  markList();
}

/**
 * Rows that stand there stay, so that no click on one of them is lost.
 * @param {number} [focusRow]
 * @param {boolean} [anew] Whether they look otherwise now.
 */
function showList(focusRow, anew = false) {
  const { offset, rows, total } = list.answer;
  const focus = findFocus(focusRow);
  const there = /** @type {HTMLElement[]} */ ([...byId('list').children]);
  const isSame = there.length === rows.length && rows.every(({ row }, at) => there[at].dataset.row === `${row}`);
  if (!isSame || anew) byId('list').replaceChildren(...rows.map(createItem));
  setBusy('list', false);
  showGrid();
  byId('list-waiting').hidden = true;
  byId('empty').hidden = rows.length > 0;
  const end = offset + rows.length;
  const part = `${formatNumber(offset + 1)}–${formatNumber(end)} of ${formatNumber(total)}, as the audit orders them`;
  byId('count').textContent = total ? part : '0 rows';
  const [page, pages] = [offset / PAGE_SIZE + 1, Math.ceil(total / PAGE_SIZE)];
  byId('page-number').textContent = `page ${formatNumber(page)} of ${formatNumber(pages)}`;
  byId('page-before').disabled = !offset;
  byId('page-after').disabled = end >= total;
  byId('pages').hidden = total <= PAGE_SIZE;
  if (focus) /** @type {HTMLElement | null} */ (byId('list').querySelector(focus))?.focus();
  markList();
}

/**
 * What gets the focus in the new list; null where somebody types or presses elsewhere.
 * @param {number} [row]
 */
function findFocus(row) {
  const focused = document.activeElement;
  if (focused !== document.body && !focused?.closest('#list, #row-view, #to-list')) return null;
  const item = /** @type {HTMLElement | null | undefined} */ (focused?.closest('#list li'));
  const tag = item && focused?.matches('input') ? 'input' : 'a';
  return `[data-row="${row ?? item?.dataset.row}"] ${tag}`;
}

/**
 * @param {KeyboardEvent} event
 * @param {number} step
 */
export function moveInList(event, step) {
  const focused = /** @type {Element} */ (event.target);
  const items = [...byId('list').children];
  const item = focused.closest('#list li');
  const next = item && items[items.indexOf(item) + step];
  if (!next) return;
  event.preventDefault();
  /** @type {HTMLElement} */ (next.querySelector(focused.matches('input') ? 'input' : 'a')).focus();
}

/** A grid of pictures, or a list again. */
export function changeGrid() {
  toggleGrid();
  if (list.answer.query) showList(undefined, true);
}

function onFiltersChanged() {
  chooseNone();
  if (display.view !== 'list') return; // L comes back to what was typed last
  list.offset = 0;
  history.replaceState(null, '', `#${session.listHash}`);
  saveSession();
  fillList();
}

export function listenToList() {
  let typing = 0;
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('filters').addEventListener('input', (event) => {
    if (event.target === fieldOf('pair')) takePair();
    session.listHash = listHash(0);
    clearTimeout(typing);
    typing = setTimeout(onFiltersChanged, event.target === fieldOf('search') ? TYPING_TIME : 0);
  });
  byId('all-page').addEventListener('click', () => choosePage(byId('all-page').checked));
  byId('all-match').addEventListener('click', chooseAll);
  byId('as-grid').addEventListener('click', changeGrid);
  byId('clear').addEventListener('click', chooseNone);
  byId('no-filters').addEventListener('click', () => (location.hash = 'list?status=any'));
  byId('no-area').addEventListener('click', () => {
    fieldOf('area').value = '';
    location.hash = listHash(0);
  });
  const goTo = (/** @type {number} */ offset) => (location.hash = listHash(offset));
  byId('page-before').addEventListener('click', () => goTo(Math.max(0, list.offset - PAGE_SIZE)));
  byId('page-after').addEventListener('click', () => goTo(list.offset + PAGE_SIZE));
}
