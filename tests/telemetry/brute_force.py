"""The answers the slow and obvious way, to hold the rollups against. Written without looking at the fold."""

from collections import defaultdict
from itertools import pairwise
from math import fsum


def sorted_samples(rows, metric):
    """(time, value) of one metric of {time: data}."""
    return [(at, rows[at][metric]) for at in sorted(rows) if metric in rows[at]]


def integral_of(rows, metric, lo, hi, *, holds=False, max_gap_ms=900_000):
    """(integral in unit x seconds, covered ms) of one device's metric in [lo, hi)."""
    area, covered = [], 0
    samples = sorted_samples(rows, metric)
    for (t0, v0), (t1, v1) in pairwise(samples):
        a, b = max(t0, lo), min(t1, hi)
        if a >= b or t1 - t0 > max_gap_ms:
            continue

        def line(t, t0=t0, v0=v0, t1=t1, v1=v1):
            return v0 if holds else v0 + (v1 - v0) * (t - t0) / (t1 - t0)

        area.append((line(a) + line(b)) / 2 * (b - a) / 1000)
        covered += b - a
    return fsum(area), covered


def increase_of(rows, metric, lo, hi):
    """How much a counter grew in [lo, hi): resets count from 0, intervals are shared out evenly."""
    parts = []
    samples = sorted_samples(rows, metric)
    for (t0, v0), (t1, v1) in pairwise(samples):
        a, b = max(t0, lo), min(t1, hi)
        if a < b:
            fell = v1 < v0 and v0 - v1 >= abs(v0) * 0.01
            parts.append((v1 if fell else v1 - v0) * (b - a) / (t1 - t0))
    return fsum(parts) if parts else None


def buckets_of(plant, metric, start, end, bucket_of):
    """{bucket: dict} over {device: {time: data}}: what is counted where the samples lie."""
    members = defaultdict(list)
    for device, rows in plant.items():
        for at, value in sorted_samples(rows, metric):
            if start <= at < end:
                members[bucket_of(at)].append((at, device, value))
    return {
        bucket: {
            "count": len(samples),
            "sum": fsum(value for _, _, value in samples),
            "min": min(value for _, _, value in samples),
            "max": max(value for _, _, value in samples),
            "last": max(samples)[2],
        }
        for bucket, samples in members.items()
    }
