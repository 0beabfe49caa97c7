// What the keys and the buttons do.
/** @import { Kind } from './types.js' */
import { hasTrouble } from './banner.js';
import { openChooser } from './chooser.js';
import { decide, undo } from './decide.js';
import { display } from './display.js';
import { byId } from './elements.js';
import { formatRows } from './format.js';
import { countChosen } from './list-state.js';
import { goBack, goForward, isAtEnd } from './row-view.js';
import { run } from './run.js';
import { session } from './session.js';
import { currentTarget } from './target.js';

/** @type {Record<string, () => void>} */
export const ACTIONS = {
  keep: () => decide('keep'),
  suggestion: () => decide('suggestion'),
  label: () => chooseClass(),
  unsure: () => decide('unsure'),
  none: () => decide('none'),
  undo,
  back: () => {
    if (display.view === 'row') goBack();
  },
  next: () => {
    if (display.view === 'row' && (display.shown || isAtEnd() || hasTrouble('row'))) goForward();
  },
  list: () => (location.hash = session.listHash),
  row: () => (location.hash = 'row'),
  note: () => {
    if (display.view === 'row' && display.shown) byId('note').focus();
  },
  help: () => byId('help').showModal(),
};

/** Those that decide what is on the screen as soon as they are pressed. */
const DECIDING = ['keep', 'suggestion', 'unsure', 'none'];

/** @param {string} name */
export const isDeciding = (name) => DECIDING.includes(name);

/** @param {string} [typed] The beginning of its name. */
export function chooseClass(typed) {
  const inList = display.view === 'list';
  if (!run.may_decide || (inList ? !countChosen() : isAtEnd())) return;
  const several = inList ? ` for ${formatRows(countChosen())}` : '';
  /** @type {import('./chooser.js').Take} */
  const take = (code, target) => decide('label', code, target);
  openChooser(currentTarget(), `Which class is right${several}?`, take, typed);
}
