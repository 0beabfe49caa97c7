// The buttons below the page: which can be pressed, and what they say.
/** @import { Kind } from './types.js' */
import { display } from './display.js';
import { byId } from './elements.js';
import { className, run } from './run.js';
import { countSeveral, isPossible } from './target.js';

export function showButtons() {
  const { shown, view } = display;
  const several = view !== 'row';
  byId('keep-label').textContent = several ? 'as given' : shown ? className(shown.row.given) : '';
  byId('suggestion-label').textContent = several ? 'of each' : shown ? className(shown.row.suggested) : '';
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('.decide button'))) {
    const kind = /** @type {Kind} */ (button.dataset.do);
    button.disabled = !run.may_decide || (several ? !countSeveral() : !shown || !isPossible(kind, shown.row));
  }
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll('[data-do=back], [data-do=next]')
  )) {
    button.hidden = several;
  }
  byId('bar').classList.toggle('several', several);
}
