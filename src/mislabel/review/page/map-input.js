// Pointer and keys on the map: a line round rows, moving, zooming, and the row under the pointer.
import { byId } from './elements.js';
import { drawAbove } from './map-above.js';
import { panMap, zoomMap } from './map-canvas.js';
import { hover, openRow } from './map-hover.js';
import { choose, map } from './map-state.js';
import { placeOf, reachOf, toMap } from './map-transform.js';

const REACH = 12; // pixels round the pointer in which a row is found
const KEY_REACH = 30;
const [STEP, LONG_STEP] = [14, 70]; // pixels that an arrow key moves the cross; with Shift
const ZOOM = 1.3;
const SPACING = 5; // pixels between two corners of a line
const DRAWN = 12; // pixels that a line has to go, or it was a click

/**
 * What the view does with a line that is closed, and how it finds a row.
 * @typedef {object} Listener
 * @property {() => void} enclose
 * @property {(x: number, y: number, reach: number) => number | null} find On the map.
 */

/** @type {Listener} */
let listener = { enclose: () => {}, find: () => null };

let last = { x: 0, y: 0 };
let isPanning = false;

const stage = () => /** @type {HTMLCanvasElement} */ (byId('map-above'));

/** @param {PointerEvent | WheelEvent | MouseEvent} event */
const placeIn = (event) => ({ x: event.offsetX, y: event.offsetY });

/**
 * @param {{ x: number, y: number }} at
 * @param {number} reach
 */
function rowAt(at, reach) {
  const { x, y } = toMap(at.x, at.y);
  return listener.find(x, y, reachOf(reach));
}

/** @param {{ x: number, y: number }} at */
function addCorner(at) {
  const { x, y } = toMap(at.x, at.y);
  map.corners.push(x, y);
  last = at;
}

/** @param {PointerEvent} event */
function onDown(event) {
  if (event.button > 1) return;
  stage().setPointerCapture(event.pointerId);
  isPanning = !map.lasso || event.shiftKey || event.button === 1;
  map.cross = null;
  map.corners = [];
  if (isPanning) last = placeIn(event);
  else addCorner(placeIn(event));
}

/** @param {PointerEvent} event */
function onMove(event) {
  const at = placeIn(event);
  if (!stage().hasPointerCapture(event.pointerId)) return hover(rowAt(at, REACH));
  if (isPanning) {
    panMap(at.x - last.x, at.y - last.y);
    last = at;
  } else if (Math.hypot(at.x - last.x, at.y - last.y) >= SPACING) {
    addCorner(at);
    drawAbove();
  }
}

/** @param {PointerEvent} event */
function onUp(event) {
  if (!stage().hasPointerCapture(event.pointerId)) return;
  stage().releasePointerCapture(event.pointerId);
  if (isPanning) return;
  if (map.corners.length >= 6 && length(map.corners) > reachOf(DRAWN)) listener.enclose();
  else {
    map.corners = [];
    hover(rowAt(placeIn(event), REACH)); // a click, as by touch
  }
}

/** @param {number[]} corners */
function length(corners) {
  let sum = 0;
  for (let at = 2; at < corners.length; at += 2) {
    sum += Math.hypot(corners[at] - corners[at - 2], corners[at + 1] - corners[at - 1]);
  }
  return sum;
}

/** @param {WheelEvent} event */
function onWheel(event) {
  event.preventDefault();
  const notches = event.deltaMode ? -event.deltaY / 3 : -event.deltaY / 100;
  const { x, y } = placeIn(event);
  zoomMap(ZOOM ** Math.max(-3, Math.min(3, notches)), x, y);
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const acts = { ' ': onSpace, Enter: onEnter, Escape: onEscape, ...arrowsOf(event) };
  const act = /** @type {Record<string, () => void>} */ (acts)[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

/** @param {KeyboardEvent} event */
function arrowsOf(event) {
  const arrow = ARROWS[event.key];
  return arrow ? { [event.key]: () => moveCross(arrow, event.shiftKey ? LONG_STEP : STEP) } : {};
}

/**
 * The cross goes on; at an edge the map moves below it.
 * @param {[number, number]} arrow
 * @param {number} step
 */
function moveCross([x, y], step) {
  const { clientWidth, clientHeight } = stage();
  const from = map.cross ?? (map.hovered === null ? { x: clientWidth / 2, y: clientHeight / 2 } : placeOf(map.hovered));
  const to = { x: from.x + x * step, y: from.y + y * step };
  map.cross = { x: Math.max(0, Math.min(clientWidth, to.x)), y: Math.max(0, Math.min(clientHeight, to.y)) };
  if (map.cross.x !== to.x || map.cross.y !== to.y) panMap(map.cross.x - to.x, map.cross.y - to.y);
  hover(rowAt(map.cross, KEY_REACH));
}

function onSpace() {
  if (!map.cross) moveCross([0, 0], 0);
  if (map.cross) addCorner(map.cross);
  drawAbove();
}

function onEnter() {
  if (map.corners.length >= 6) listener.enclose();
  else if (map.hovered !== null) openRow(map.hovered);
}

function onEscape() {
  if (map.corners.length) map.corners = [];
  else if (map.chosen) choose(null);
  else map.cross = null;
  drawAbove();
}

/** @param {Listener} given */
export function listenToMap(given) {
  listener = given;
  const element = stage();
  element.addEventListener('pointerdown', onDown);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp);
  element.addEventListener('wheel', onWheel, { passive: false });
  element.addEventListener('keydown', onKey);
  element.addEventListener('dblclick', () => map.hovered !== null && openRow(map.hovered));
  new ResizeObserver(() => zoomMap(1)).observe(element);
}

export const zoomIn = () => zoomMap(ZOOM);

export const zoomOut = () => zoomMap(1 / ZOOM);
