"""What both files of browser tests begin with: a browser, and a review of a run that is opened in it."""

import re
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from review.browser import COLOURS, browser, served, settled, watch, write_run


@pytest.fixture(scope="module")
def chrome():
    with browser() as opened:
        yield opened


@pytest.fixture
def review(chrome, tmp_path):
    """Opens a review of a run: `with review(run, "--probe", 0.5) as it`; at the end nothing must have gone wrong.

    What was pressed is on disk then: the last words that a test waits for may be those of an earlier decision.

    `script` runs in each of its pages before anything else.
    """

    @contextmanager
    def opened(run, *options, width=1280, height=900, problems_allowed="", process=False, script=""):
        with served(run, *options, process=process) as server:
            context = chrome.new_context(viewport={"width": width, "height": height})
            context.set_default_timeout(60_000)
            # A browser that is told to hand requests over lets the next one pass now and then: it is told at the start.
            context.route("**/nothing-asks-for-this", lambda route: route.abort())
            if script:
                context.add_init_script(script)
            page = context.new_page()
            servers = []  # others that the page may ask as well
            problems = watch(page, server, servers)
            yield SimpleNamespace(
                page=page, server=server, servers=servers, context=context, problems=problems, run=run
            )
            settled(page)
            context.close()
        wrong = [one for one in problems if not problems_allowed or not re.search(problems_allowed, one)]
        assert wrong == []

    return opened


@pytest.fixture
def colours(tmp_path):
    """Twelve texts, m0 to m11; all but every fourth have another label suggested than the given one."""
    texts = [f"This is text number {k}, about apples and pears" if k % 2 else f"Boats, number {k}" for k in range(12)]
    given = [k % 4 for k in range(12)]
    suggested = [code if k % 4 == 3 else (code + 1) % 4 for k, code in enumerate(given)]
    return write_run(tmp_path / "colours", texts, given, suggested, COLOURS)
