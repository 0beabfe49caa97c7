// What the keys and the buttons do.
/** @import { Kind } from './types.js' */
import { hasTrouble } from './banner.js';
import { openChooser } from './chooser.js';
import { decide, undo } from './decide.js';
import { display, isAtEnd } from './display.js';
import { byId, openFromTop } from './elements.js';
import { formatRows } from './format.js';
import { changeGrid } from './list-view.js';
import { fitMap } from './map-canvas.js';
import { zoomIn, zoomOut } from './map-input.js';
import { openMeanings } from './meanings.js';
import { goBack, goForward } from './row-view.js';
import { run } from './run.js';
import { session } from './session.js';
import { countSeveral, currentTarget } from './target.js';
import { actualSize, fit, larger, smaller } from './viewer.js';
import { switchWords } from './words.js';

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
  map: () => (location.hash = 'map'),
  larger: () => (display.view === 'map' ? zoomIn() : larger()),
  smaller: () => (display.view === 'map' ? zoomOut() : smaller()),
  fit: () => (display.view === 'map' ? fitMap() : fit()),
  actual: actualSize,
  grid: () => {
    if (display.view === 'list') changeGrid();
  },
  words: () => {
    if (display.view === 'row') switchWords();
  },
  meanings: openMeanings,
  help: () => openFromTop('help'),
};

/** Those that decide what is on the screen as soon as they are pressed. */
const DECIDING = ['keep', 'suggestion', 'unsure', 'none'];

/** @param {string} name */
export const isDeciding = (name) => DECIDING.includes(name);

/** @param {string} [typed] The beginning of its name. */
export function chooseClass(typed) {
  const ofSeveral = display.view !== 'row';
  if (!run.may_decide || (ofSeveral ? !countSeveral() : isAtEnd())) return;
  const several = ofSeveral ? ` for ${formatRows(countSeveral())}` : '';
  /** @type {import('./chooser.js').Take} */
  const take = (code, target) => decide('label', code, target);
  openChooser(currentTarget(), `Which class is right${several}?`, take, typed);
}
