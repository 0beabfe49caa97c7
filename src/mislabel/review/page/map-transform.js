// Where the points of the map are on the screen.
import { byId } from './elements.js';
import { map, SIDE } from './map-state.js';

const MARGIN = 14; // pixels round the points

export const view = { zoom: 1, x: SIDE / 2, y: SIDE / 2 }; // the point in the middle

export const pointsCanvas = () => /** @type {HTMLCanvasElement} */ (byId('map-points'));
export const aboveCanvas = () => /** @type {HTMLCanvasElement} */ (byId('map-above'));

/** @param {HTMLCanvasElement} element */
export const contextOf = (element) => /** @type {CanvasRenderingContext2D} */ (element.getContext('2d'));

export const ratio = () => Math.min(2, devicePixelRatio || 1);

/** Pixels of the page for one step of the map. */
export function scale() {
  const { clientWidth, clientHeight } = pointsCanvas();
  return ((Math.max(50, Math.min(clientWidth, clientHeight)) - 2 * MARGIN) / SIDE) * view.zoom;
}

/**
 * Where a place of the canvas lies on the map.
 * @param {number} x
 * @param {number} y
 */
export function toMap(x, y) {
  const { clientWidth, clientHeight } = pointsCanvas();
  return { x: (x - clientWidth / 2) / scale() + view.x, y: (y - clientHeight / 2) / scale() + view.y };
}

/**
 * @param {number} x
 * @param {number} y
 */
export function toCanvas(x, y) {
  const { clientWidth, clientHeight } = pointsCanvas();
  return { x: (x - view.x) * scale() + clientWidth / 2, y: (y - view.y) * scale() + clientHeight / 2 };
}

/** @param {number} row */
export const placeOf = (row) => (map.points ? toCanvas(map.points.x[row], map.points.y[row]) : { x: 0, y: 0 });

/** @param {number} pixels */
export const reachOf = (pixels) => pixels / scale();

/** @param {HTMLCanvasElement} element */
export function fitCanvas(element) {
  const [width, height] = [element.clientWidth, element.clientHeight].map((one) =>
    Math.max(1, Math.round(one * ratio())),
  );
  if (element.width === width && element.height === height) return false;
  Object.assign(element, { width, height });
  return true;
}
