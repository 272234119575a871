"""What shifting could have saved on real grids, worked out by trying every start: nightly jobs over whole years, and batch traces as job runs.

In: published intensity files (Electricity Maps CSV), batch traces (`arrival_time,length,cpus`, in hours) and a JSON file of settings. Out: on stdout, JSON with
every run's figures.

This is what an auditor would write after reading the method, §7, and only that: Python's standard library, whole numbers and fractions, one start at a time, none
of the product's code and no running sums. Intensities are whole millionths of a gram, energies millijoules, times seconds; a figure is rounded once, where the
method rounds it. Each run draws the same power from its start to its end, so its energy at any start is that power under the intensity of those seconds.
"""

import argparse
import csv
import json
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

HOUR = 3600
DAY = 24 * HOUR
HALF_HOUR = 1800
MJ_PER_KWH = 3_600_000_000


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("scenario", choices=["nightly", "traces"])
    arguments.add_argument("--settings", type=Path, required=True)
    options = arguments.parse_args()
    settings = json.loads(options.settings.read_text())
    print(json.dumps({"nightly": nightly, "traces": traces}[options.scenario](settings)))


# --- intensity (§6) -----------------------------------------------------------------------------------------------------------------


class Grid:
    """Hourly values of one zone in millionths of g/kWh; hours are counted from the epoch."""

    def __init__(self, paths, column):
        by_hour = {}
        for path in paths:
            with Path(path).open(encoding="utf-8-sig", newline="") as lines:
                rows = csv.reader(lines)
                header = [name.lower() for name in next(rows)]
                time = header.index("datetime (utc)")
                value = next(at for at, name in enumerate(header) if "carbon intensity" in name and f"({column})" in name)
                for row in rows:
                    instant = datetime.strptime(row[time], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
                    by_hour[int(instant.timestamp()) // HOUR] = whole(Fraction(row[value]) * 10**6)
        self.first, self.end = min(by_hour), max(by_hour) + 1
        self.values = [by_hour[hour] for hour in range(self.first, self.end)]

    def under(self, begin, stop):
        """Seconds times millionths over [begin, stop): each hour by the seconds of it that are in there. None where an hour is not known."""
        first, last = begin // HOUR, (stop - 1) // HOUR
        if first < self.first or last >= self.end:
            return None
        values = self.values[first - self.first:last + 1 - self.first]
        if len(values) == 1:
            return (stop - begin) * values[0]
        return (HOUR - begin % HOUR) * values[0] + HOUR * sum(values[1:-1]) + (stop - last * HOUR) * values[-1]

    def at(self, instant):
        hour = instant // HOUR
        return self.values[hour - self.first] if self.first <= hour < self.end else None


def whole(fraction):
    assert fraction.denominator == 1, fraction
    return fraction.numerator


def rounded(value):
    """To a whole number, halves away from zero."""
    value = Fraction(value)
    nearest = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return nearest if value >= 0 else -nearest


# --- a candidate and the bounds (§7) ------------------------------------------------------------------------------------------------


class Bounds:
    """Best, worst and mean of all candidates [(start, zone, value)], of which the first is the baseline, around its counterfactual. A value times `unit` is in
    micrograms."""

    def __init__(self, candidates, unit, counterfactual):
        _, home, baseline = candidates[0]
        # The earlier start among equals; at home rather than away.
        best = min(candidates, key=lambda candidate: (candidate[2], candidate[0], candidate[1] != home))
        self.best = counterfactual + rounded((best[2] - baseline) * unit)
        self.worst = counterfactual + rounded((max(value for _, _, value in candidates) - baseline) * unit)
        self.mean = counterfactual + rounded(sum(value - baseline for _, _, value in candidates) * unit / len(candidates))
        self.best_start, self.best_zone = best[0], best[1]
        self.candidates = len(candidates)


# --- nightly jobs over a year -------------------------------------------------------------------------------------------------------


def nightly(settings):
    """Of each zone-year: one job a night, and what each window around it had to offer; with what simple rules of thumb would have had."""
    return [zone_year(year, settings["windows_half_hours"]) for year in settings["zone_years"]]


def zone_year(year, windows):
    grid = Grid([year["file"]], year["column"])
    widest = max(windows) * HALF_HOUR
    nights = [start for start in nights_of(year["year"], year["time_zone"]) if grid.under(start - widest, start + widest + HALF_HOUR) is not None]

    def micrograms(start):
        """1 kWh in half an hour."""
        return Fraction(MJ_PER_KWH * grid.under(start, start + HALF_HOUR), HALF_HOUR * 3600 * 10**6)

    values = {}
    for start in nights:
        for half_hours in range(-max(windows), max(windows) + 1):
            values[start + half_hours * HALF_HOUR] = micrograms(start + half_hours * HALF_HOUR)
    return {
        "nights": nights,
        "at_one_ugco2e": [rounded(values[start]) for start in nights],
        "windows": [window(nights, values, half_hours) for half_hours in windows],
        "rules": rules(nights, values, grid, max(windows), year["time_zone"]),
    }


def nights_of(year, time_zone):
    """01:00 by the clock on the wall, every day of the year; where clocks skip it, an hour later; where it comes twice, the first."""
    day, zone = date(year, 1, 1), ZoneInfo(time_zone)
    while day.year == year:
        yield int(datetime(day.year, day.month, day.day, 1, tzinfo=zone, fold=0).timestamp())
        day += timedelta(days=1)


def window(nights, values, half_hours):
    """The earliest start is the baseline of the candidates, because the method's windows run forward from it."""
    found = {"half_hours": half_hours, "best_ugco2e": [], "mean_ugco2e": [], "worst_ugco2e": [], "best_start": []}
    for start in nights:
        starts = [start + step * HALF_HOUR for step in range(-half_hours, half_hours + 1)]
        bounds = Bounds([(at, "", values[at]) for at in starts], Fraction(1), rounded(values[starts[0]]))
        for name in ("best", "mean", "worst"):
            found[f"{name}_ugco2e"].append(getattr(bounds, name))
        found["best_start"].append(bounds.best_start)
    return found


def rules(nights, values, grid, half_hours, time_zone):
    """Sums over the year of what rules of thumb come to in the widest window, exactly, then rounded."""
    steps = range(-half_hours, half_hours + 1)
    by_delay = {step: sum(values[start + step * HALF_HOUR] for start in nights) for step in steps}
    best_step = min(steps, key=lambda step: (by_delay[step], step))
    yesterdays, unknown = Fraction(0), 0
    for start in nights:
        starts = [start + step * HALF_HOUR for step in steps]
        before = [grid.at(at - DAY) for at in starts]
        if None in before:
            unknown += 1
            yesterdays += values[start]
        else:
            yesterdays += values[starts[before.index(min(before))]]
    return {
        "at_two_ugco2e": rounded(by_delay[2]),
        "one_time_all_year_ugco2e": rounded(by_delay[best_step]),
        "one_time_all_year_half_hours": best_step,
        "yesterdays_lowest_ugco2e": rounded(yesterdays),
        "nights_without_yesterday": unknown,
    }


# --- batch traces as job runs -------------------------------------------------------------------------------------------------------


def traces(settings):
    """Of each story: every run that ended in the month, as it was, as it would have been, and at every start that was open to it."""
    grids = {zone: Grid(files, "direct") for zone, files in settings["grids"].items()}
    jobs = {cluster: list(trace(site, settings)) for cluster, site in settings["clusters"].items()}
    return {story["name"]: story_of(story, jobs, grids, settings) for story in settings["stories"]}


def trace(site, settings):
    """(name, arrival, seconds, mJ a second) of each row; Kubernetes tells times in whole seconds."""
    with Path(site["file"]).open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            arrival = settings["from"] + rounded(Fraction(row["arrival_time"]) * HOUR)
            seconds = max(rounded(Fraction(row["length"]) * HOUR), 1)
            yield f"job-{number:05}", arrival, seconds, whole(Fraction(row["cpus"])) * settings["watts_per_core"] * 1000


def story_of(story, jobs, grids, settings):
    runs, later = [], 0
    for cluster, of_cluster in jobs.items():
        site = settings["clusters"][cluster]
        zones = [site["zone"], *(zone for zone in story["zones"].get(cluster, []) if zone != site["zone"])]
        for name, arrival, seconds, power in of_cluster:
            start = start_by(story["rule"], arrival, story["max_delay_s"], grids[site["zone"]], settings)
            if start + seconds > settings["to"]:
                later += 1
            else:
                runs.append({"cluster": cluster, "job": name, **run(arrival, start, seconds, power, zones, story, grids, settings)})
    return {"runs": runs, "ended_later": later}


def start_by(rule, arrival, max_delay, grid, settings):
    """When a job that arrives then starts: at once, at the next 02:00, or at the start whose hour was the cleanest a day before."""
    if rule == "at-two":
        next_two = arrival - (arrival - 2 * HOUR) % DAY
        next_two += DAY if next_two < arrival else 0
        return next_two if next_two <= arrival + max_delay else arrival
    if rule == "yesterdays-lowest":
        starts = range(arrival, arrival + max_delay + 1, settings["step_s"])
        before = [grid.at(start - DAY) for start in starts]
        return arrival if None in before else starts[before.index(min(before))]
    assert rule == "at-once", rule
    return arrival


def run(arrival, start, seconds, power, zones, story, grids, settings):
    # Micrograms for each second and millionth of g/kWh: mJ × g/kWh / 3600.
    unit = Fraction(settings["pue"]) * power / (3600 * 10**6)
    end, later, home = start + seconds, start - arrival, grids[zones[0]]
    actual, counterfactual = Rows(), Rows()
    begin = start
    while begin < end:
        stop = min((begin // settings["step_s"] + 1) * settings["step_s"], end)
        actual.add(unit * home.under(begin, stop))
        counterfactual.add(unit * home.under(begin - later, stop - later))
        begin = stop
    starts = range(arrival, arrival + story["max_delay_s"] + 1, settings["step_s"])
    candidates = [(at, zone, grids[zone].under(at, at + seconds)) for zone in zones for at in starts]
    bounds = Bounds(candidates, unit, counterfactual.total)
    return {
        "start": start,
        "end": end,
        "baseline_start": arrival,
        "active_mj": power * seconds,
        "actual_ugco2e": actual.total,
        "counterfactual_ugco2e": counterfactual.total,
        "_halves": {"actual": actual.halves, "counterfactual": counterfactual.halves},
        "best_ugco2e": bounds.best,
        "mean_ugco2e": bounds.mean,
        "worst_ugco2e": bounds.worst,
        "best_start": bounds.best_start,
        "best_zone": bounds.best_zone,
        "candidates": bounds.candidates,
    }


class Rows:
    """A sum of the ledger's rows: a pod's step each, rounded by itself, floor(x + 0.5), §2. There that is done in doubles, in which a row that lies exactly between
    two micrograms may come out as the lower one; `halves` counts these."""

    def __init__(self):
        self.total = self.halves = 0

    def add(self, value):
        self.total += (2 * value.numerator + value.denominator) // (2 * value.denominator)
        self.halves += value.denominator == 2


if __name__ == "__main__":
    main()
