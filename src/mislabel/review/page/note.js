// The note beside a row, which is kept with its decision.
import { decide } from './decide.js';
import { display } from './display.js';
import { byId } from './elements.js';
import { decisionOf } from './known.js';

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
  event.preventDefault();
  byId('content').focus({ preventScroll: true });
  const decision = display.shown && decisionOf(display.shown.row);
  if (!decision) return;
  if (event.key === 'Escape') byId('note').value = decision.note ?? '';
  else if (byId('note').value.trim() !== (decision.note ?? '')) decide(decision.kind, decision.label);
}

export function listenToNote() {
  byId('note').addEventListener('keydown', onKey);
}
