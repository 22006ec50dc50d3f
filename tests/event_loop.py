"""Runs a coroutine in an event loop of its own. Playwright keeps one going in the main thread, so it needs a thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def run_coroutine(coroutine):
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
