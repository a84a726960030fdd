"""How much the load generator could drive: a server that only answers, so that the figures are known not to be the generator's own."""

from __future__ import annotations

from statistics import median

from bench.load import Call, load, request
from bench.machine import SERVER_CORE, free_port, python, running
from bench.report import Figure, noise, rate
from bench.run import Run
from bench.wrk import wrk


def cases(run: Run) -> list[Figure]:
    """The generator, and wrk, against the responder."""
    port = free_port()
    path = "/sample/v1/orders/00000000-0000-7000-8000-000000000001"
    calls = [Call(request("GET", path, token="x" * 300), b"200", lambda body: body.startswith(b'{"success":true'))] * 1000
    with running(python("bench.responder", port), ready="responder: ready", cores=[SERVER_CORE]):
        rounds = [load([port], calls, run.seconds) for _ in range(run.rounds)]
        witness = wrk(port, calls, run.seconds)
    rates = [figures.per_second for figures in rounds]
    busy = median(figures.cpu for figures in rounds)
    note = f"{noise(rates)}; it took {busy:.0%} of its core" + (f"; wrk {rate(witness)}" if witness else "")
    return [Figure("load generator's ceiling", rate(median(rates)), note=note)]
