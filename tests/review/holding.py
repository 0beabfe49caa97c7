"""Requests of a page, or answers to it, that wait until a test lets them go."""

import time

from patience import PATIENCE


class Hold:
    """Requests that wait, or answers: then the server has heard of what was asked, and the page of no answer.

    Once it is let go, by any of the last three, later requests pass.
    """

    def __init__(self, page, pattern, answers=False):
        self.page, self.answers, self.held, self.passing = page, answers, [], False
        page.route(pattern, self._take)

    def _take(self, route):
        if self.passing:
            route.continue_()
        else:
            self.held.append((route, route.fetch() if self.answers else None))

    def wait(self):
        until(self.page, lambda: self.held, "nothing was asked")

    def release(self):
        self.wait()
        self.passing = True
        for route, answer in self.held:
            route.fulfill(response=answer) if answer else route.continue_()

    def refuse(self, status=400, error="this cannot be"):
        self.wait()
        self.passing = True
        for route, _ in self.held:
            route.fulfill(status=status, json={"error": error})

    def lose(self):
        self.wait()
        self.passing = True


AHEAD = "import(new URL('look-ahead.js', location)).then(({ AHEAD, queue }) => queue.ahead.looks.length === AHEAD)"


def looked_ahead(page):
    """Wait until the page has fetched what it fetches before it is asked for."""
    until(page, lambda: page.evaluate(AHEAD), "the page does not look ahead")


def until(page, holds, otherwise):
    """Wait until something holds, while the page goes on."""
    begin = time.monotonic()
    while not holds():
        assert time.monotonic() - begin < PATIENCE, otherwise
        page.wait_for_timeout(10)
