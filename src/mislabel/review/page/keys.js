// Keys, and clicks on the buttons below the page.
import { ACTIONS, chooseClass, isDeciding } from './actions.js';
import { decide } from './decide.js';
import { display, isUnexpected, isUnread } from './display.js';
import { currentDialog } from './elements.js';
import { keyFor, USUAL_KEYS } from './key-names.js';
import { stepOf } from './list-grid.js';
import { moveInList } from './list-view.js';
import { hasDigits, run } from './run.js';
import { panByKey } from './viewer.js';

/** @type {Record<string, string>} */
const FIXED = {
  ' ': 'next',
  arrowright: 'next',
  arrowleft: 'back',
  '+': 'larger',
  '=': 'larger',
  '-': 'smaller',
  0: 'fit',
  '?': 'help',
};

/**
 * What a key does.
 * @param {string} key
 */
const actionOf = (key) => FIXED[key] ?? Object.keys(USUAL_KEYS).find((name) => keyFor(name) === key);

/** Those that go on while their key is held down. */
const REPEATED = ['next', 'back', 'larger', 'smaller'];

/** @param {KeyboardEvent} event */
function keyOf(event) {
  const key = event.key.toLowerCase();
  if (key.length > 1 || key.charCodeAt(0) < 128) return key;
  return /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : key; // a keyboard that is not Latin
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const other = event.ctrlKey || event.altKey || event.metaKey || event.getModifierState('AltGraph');
  if (other || event.isComposing || currentDialog()) return;
  const target = /** @type {Element} */ (event.target);
  if (target.matches('select, textarea, input:not([type=checkbox])')) return;
  const key = keyOf(event);
  const action = actionOf(key);
  const inList = display.view === 'list';
  if (display.view === 'row' && panByKey(event)) return;
  if (key === ' ' && (inList || target.matches('button, a, input'))) return;
  if (inList && stepOf(key)) return moveInList(event, stepOf(key));
  if (beginsName(event, key)) {
    event.preventDefault();
    chooseClass(event.key);
  } else if (action) {
    event.preventDefault();
    onAction(action, event);
  } else if (/^[1-9]$/.test(key) && !event.repeat) onDigit(Number(key), event);
}

/**
 * Whether a key begins the name of a class, where there are more of them than digits: with Shift, or without where the
 * key means nothing else.
 * @param {KeyboardEvent} event
 * @param {string} key
 */
const beginsName = (event, key) =>
  !hasDigits() && !event.repeat && /^[\p{L}\p{N}]$/u.test(event.key) && (event.shiftKey || !actionOf(key));

/**
 * @param {string} name
 * @param {KeyboardEvent} event
 */
function onAction(name, event) {
  if (display.view === 'row' && isDeciding(name) && isUnexpected(event, display.shown)) return;
  if (!event.repeat || REPEATED.includes(name)) ACTIONS[name](); // a key held down decides one row
}

/**
 * @param {number} digit
 * @param {KeyboardEvent} event
 */
function onDigit(digit, event) {
  if (!hasDigits() || digit > run.classes.length) return;
  if (display.view === 'row' && isUnexpected(event, display.shown)) return;
  decide('label', digit - 1);
}

/** @param {MouseEvent} event */
function onClick(event) {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest('[data-do]'));
  if (!button) return;
  const { shown, view } = display;
  if (shown && view === 'row' && button.closest('.decide')) {
    if (event.detail && (event.detail > 1 || isUnread(event, shown))) return; // a double click
    if (isUnexpected(event, shown)) return;
  }
  ACTIONS[button.dataset.do ?? '']();
}

/**
 * Enter held down presses what has the focus again and again, be that another row's button by now.
 * @param {KeyboardEvent} event
 */
function ignoreHeldEnter(event) {
  if (!event.repeat || event.key !== 'Enter') return;
  event.preventDefault();
  event.stopPropagation();
}

export function listenToKeys() {
  document.addEventListener('keydown', ignoreHeldEnter, true);
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', onClick);
}
