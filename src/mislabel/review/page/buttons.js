// The buttons below the page: which can be pressed, and what they say.
/** @import { Kind } from './types.js' */
import { hasTrouble } from './banner.js';
import { display, isAtEnd } from './display.js';
import { byId } from './elements.js';
import { className, run } from './run.js';
import { countSeveral, isPossible } from './target.js';
import { hasBefore } from './trail.js';

/** @param {string} selector */
const buttons = (selector) => /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll(selector));

export function showButtons() {
  const { shown, view } = display;
  const several = view !== 'row';
  if (several || shown || isAtEnd()) nameButtons();
  for (const button of buttons('.decide button')) {
    const kind = /** @type {Kind} */ (button.dataset.do);
    button.disabled = !run.may_decide || (several ? !countSeveral() : !canDecide(kind));
  }
  for (const button of buttons('[data-do=back], [data-do=next]')) button.hidden = several;
  for (const button of buttons('[data-do=back]')) button.disabled = !hasBefore();
  for (const button of buttons('[data-do=next]')) button.disabled = !shown && !hasTrouble('row');
  for (const button of buttons('[data-do=undo]')) button.disabled = !run.may_decide;
  byId('bar').classList.toggle('several', several);
}

/** While a row is fetched, the names of the one before stay. */
function nameButtons() {
  const { shown, view } = display;
  const several = view !== 'row';
  byId('keep-label').textContent = several ? 'as given' : shown ? className(shown.row.given) : '';
  byId('suggestion-label').textContent = several ? 'of each' : shown ? className(shown.row.suggested) : '';
}

/**
 * Whether a row can be decided so; the chooser may be opened before its row is there.
 * @param {Kind} kind
 */
const canDecide = (kind) => (kind === 'label' ? !isAtEnd() : display.shown && isPossible(kind, display.shown.row));
