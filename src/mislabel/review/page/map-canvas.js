// The canvas of the map: all points, pixel by pixel. What moves with the pointer is drawn on a second one above it.
/** @import { Points } from './map-state.js' */
import { colourPoints } from './map-colours.js';
import { drawAbove } from './map-above.js';
import { map, SIDE } from './map-state.js';
import { contextOf, fitCanvas, pointsCanvas, ratio, scale, toMap, view } from './map-transform.js';

const MOST_ZOOM = 400;
const MANY = [2000, 20_000]; // rows above which a point is smaller

/** @typedef {ReturnType<typeof colourPoints>} Colours */

const canvas = {
  /** @type {ImageData | null} */
  image: null,
  pixels: new Uint32Array(0),
  /** @type {Colours | null} */
  colours: null,
};

/**
 * @param {number} factor
 * @param {number} [x] What stays where it is on the canvas; its middle.
 * @param {number} [y]
 */
export function zoomMap(factor, x = pointsCanvas().clientWidth / 2, y = pointsCanvas().clientHeight / 2) {
  const before = toMap(x, y);
  view.zoom = Math.max(1, Math.min(MOST_ZOOM, view.zoom * factor));
  const after = toMap(x, y);
  moveTo(view.x + before.x - after.x, view.y + before.y - after.y);
}

/**
 * @param {number} x
 * @param {number} y
 */
function moveTo(x, y) {
  view.x = Math.max(0, Math.min(SIDE, x));
  view.y = Math.max(0, Math.min(SIDE, y));
  drawSoon();
}

/**
 * @param {number} x Pixels.
 * @param {number} y
 */
export const panMap = (x, y) => moveTo(view.x - x / scale(), view.y - y / scale());

export function fitMap() {
  view.zoom = 1;
  moveTo(SIDE / 2, SIDE / 2);
}

/** The colours of the points, which change with what they tell and with the page's own. */
export function recolour() {
  canvas.colours = map.points && colourPoints(map.points);
  drawSoon();
  return canvas.colours;
}

let isDrawing = false;

export function drawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw();
    drawAbove();
  });
}

function draw() {
  const element = pointsCanvas();
  if (!element.clientWidth || !map.points || !canvas.colours) return;
  const began = performance.now();
  if (fitCanvas(element) || !canvas.image) {
    canvas.image = contextOf(element).createImageData(element.width, element.height);
    canvas.pixels = new Uint32Array(canvas.image.data.buffer);
  }
  canvas.pixels.fill(0);
  paint(map.points, canvas.colours, element.width, element.height);
  contextOf(element).putImageData(canvas.image, 0, 0);
  element.dataset.milliseconds = (performance.now() - began).toFixed(2);
  element.dataset.draws = `${Number(element.dataset.draws ?? 0) + 1}`;
}

/** @param {number} count */
function radius(count) {
  const small = MANY.filter((many) => count > many).length;
  return Math.min(7, ([3.6, 2.4, 1.1][small] + Math.log2(view.zoom) * 0.55) * ratio());
}

/**
 * The pixels of a point round its middle, as steps in the image.
 * @param {number} reach
 * @param {number} width
 */
function discOf(reach, width) {
  const whole = Math.ceil(reach);
  /** @type {number[]} */
  const steps = [];
  for (let y = -whole; y <= whole; y++) {
    for (let x = -whole; x <= whole; x++) if (x * x + y * y <= reach * reach + 0.3) steps.push(y * width + x);
  }
  return { whole, steps: Int32Array.from(steps) };
}

/**
 * The most suspicious rows come last, so that they are seen; rows that stand out come after all others.
 * @param {Points} rows
 * @param {Colours} colours
 * @param {number} width
 * @param {number} height
 */
function paint(rows, colours, width, height) {
  const { whole, steps } = discOf(radius(rows.count), width);
  const factor = scale() * ratio();
  const [left, top] = [width / 2 - view.x * factor + 0.5, height / 2 - view.y * factor + 0.5];
  const { pixels } = canvas;
  const { entryOf, bright, faded } = colours;
  const [inside, focus] = [map.chosen?.inside ?? null, map.focus];
  const { x, y } = rows;
  /**
   * @param {boolean} standsOut
   * @param {Uint32Array} palette
   */
  const pass = (standsOut, palette) => {
    for (let row = rows.count - 1; row >= 0; row--) {
      const entry = entryOf[row];
      if (((!inside || inside[row] === 1) && (focus < 0 || entry === focus)) !== standsOut) continue;
      const across = (x[row] * factor + left) | 0;
      const down = (y[row] * factor + top) | 0;
      if (across < whole || down < whole || across >= width - whole || down >= height - whole) continue;
      const [middle, colour] = [down * width + across, palette[entry]];
      for (let step = 0; step < steps.length; step++) pixels[middle + steps[step]] = colour;
    }
  };
  if (inside || focus >= 0) pass(false, faded);
  pass(true, bright);
}
