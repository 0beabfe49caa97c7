"""What tests of several rooms share and cannot be a fixture."""

import numpy as np


def numerical_gradient(function, point, step=1e-6):
    """Central differences of a number that depends on an array, of the array's shape."""
    gradient = np.zeros_like(point)
    for place in np.ndindex(point.shape):
        up, down = point.copy(), point.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient


class StopAfter:
    """Says that Ctrl-C was pressed after a number of steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0
