"""Works out a month's report by hand, from the truth that the sample's meters were made from.

In: `truth.json` of the sample generator, the intensity CSV files, and a JSON file of settings (month, time zone, clusters, annual factors,
grid losses, idle policy, tails, which work may wait, prices, and which figures beside the counterfactual are wanted). Out: on stdout, the figures of `report.json` that follow from them, in the same shape.

This is what an auditor would write after reading the method, and only that: Python's standard library, whole numbers and fractions, one row
at a time, none of the product's code. Paragraph numbers are those of the method. Where the method prescribes doubles (a row's emissions, the
whole of facility energy) there are doubles, operation for operation.

Fields that begin with `_` are notes for the comparison: `_tolerance_ug` is how far emissions of a counterfactual may be off,
because the method does not say where a run's sum is rounded (one microgram for each piece of it); `_tolerance_micro_eur` and
`_tolerance_<field>` say the same of costs and of one field.
"""

import argparse
import csv
import fnmatch
import json
import math
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

HOUR = 3600
IDLE, SYSTEM, GAP = "(idle)", "(system)", "(gap)"
HALF = Fraction(1, 2)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--truth", type=Path, required=True)
    arguments.add_argument("--intensity", type=Path, required=True, help="folder of CSV files")
    arguments.add_argument("--settings", type=Path, required=True)
    options = arguments.parse_args()
    truth = json.loads(options.truth.read_text())
    settings = json.loads(options.settings.read_text())
    settings["prices"] = read_prices(settings)
    period = Period(settings["month"], settings["time_zone"])
    grids = read_intensities(options.intensity, period)
    print(json.dumps(report(truth, settings, period, grids), indent=1))


# --- time ---------------------------------------------------------------------------------------------------------------------------


class Period:
    """A calendar month in the organisation's time zone, [start, end), as UTC instants (§1)."""

    def __init__(self, month, time_zone):
        self.month, self.time_zone = month, time_zone
        year, number = int(month[:4]), int(month[5:])
        following = (year + 1, 1) if number == 12 else (year, number + 1)
        zone = ZoneInfo(time_zone)
        self.start = int(datetime(year, number, 1, tzinfo=zone).timestamp())
        self.end = int(datetime(*following, 1, tzinfo=zone).timestamp())


def text_of(instant):
    return datetime.fromtimestamp(instant, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def hour_of_day(instant):
    return instant // HOUR % 24


# --- intensity (§6) -----------------------------------------------------------------------------------------------------------------


class Hours:
    """Values of one grid zone by hour, as exact fractions, with what is missing filled by the rule of §6."""

    def __init__(self, by_hour, period):
        self.given = by_hour
        self.filled = {}
        first, last = min(by_hour), max(by_hour)
        same_hour = defaultdict(list)
        for instant, value in by_hour.items():
            if period.start <= instant < period.end:
                same_hour[hour_of_day(instant)].append(value)
        hour = first
        while hour <= last:
            if hour in by_hour:
                hour += HOUR
                continue
            gap = []
            while hour not in by_hour:
                gap.append(hour)
                hour += HOUR
            before, after = by_hour[gap[0] - HOUR], by_hour[hour]
            for place, missing in enumerate(gap, start=1):
                if len(gap) <= 2:
                    self.filled[missing] = before + (after - before) * Fraction(place, len(gap) + 1)
                else:
                    values = same_hour[hour_of_day(missing)]
                    self.filled[missing] = sum(values, Fraction(0)) / len(values)

    def at(self, instant):
        """The value of the hour that an instant lies in, or None outside the data."""
        hour = instant // HOUR * HOUR
        return self.given.get(hour, self.filled.get(hour))


class Grid:
    """A grid zone: direct intensity, and upstream as life-cycle less direct, never below 0 (§4, Scope 3 category 3)."""

    def __init__(self, direct, lifecycle, period):
        self.direct = Hours(direct, period)
        self.upstream = Hours({hour: max(value - direct[hour], Fraction(0)) for hour, value in lifecycle.items()}, period) if lifecycle else None

    def at(self, instant):
        """Direct gCO2e/kWh of the hour that an instant lies in, or None outside the data."""
        return self.direct.at(instant)

    def upstream_at(self, instant):
        """Upstream gCO2e/kWh, in whole millionths; None where the series has none."""
        return millionths(self.upstream.at(instant)) if self.upstream else None


def read_intensities(folder, period):
    direct, lifecycle = defaultdict(dict), defaultdict(dict)
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                row = {key.lower(): value for key, value in row.items()}
                instant = datetime.strptime(row["datetime (utc)"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
                zone, hour = row["zone id"], int(instant.timestamp())
                direct[zone][hour] = Fraction(row["carbon intensity gco₂eq/kwh (direct)"])
                with_upstream = row.get("carbon intensity gco₂eq/kwh (life cycle)") or row.get("carbon intensity gco₂eq/kwh (lca)")
                if with_upstream:
                    lifecycle[zone][hour] = Fraction(with_upstream)
    return {zone: Grid(by_hour, lifecycle[zone], period) for zone, by_hour in direct.items()}


# --- arithmetic (§2) ----------------------------------------------------------------------------------------------------------------


def emissions_of(millijoules, grams_per_kilowatt_hour):
    """A row's micrograms, rounded once: floor(mJ × g / 3600 + 0.5), in doubles."""
    return math.floor(float(millijoules) * float(grams_per_kilowatt_hour) / 3600.0 + 0.5)


def rounded(fraction):
    return math.floor(fraction + HALF)


def millionths(grams):
    """Factors that are worked out are whole millionths of a gram."""
    return Fraction(rounded(grams * 10**6), 10**6)


def split(whole, weights):
    """Shares a whole by weights, by largest remainder; ties go to the smaller key. The shares add up to the whole."""
    total = sum(weights.values())
    if total == 0:
        return {}
    shares = {key: whole * weight // total for key, weight in weights.items()}
    left = whole - sum(shares.values())
    by_remainder = sorted(weights, key=lambda key: (-(whole * weights[key] % total), key))
    for key in by_remainder[:left]:
        shares[key] += 1
    return shares


# --- the ledger (§3, §4) ------------------------------------------------------------------------------------------------------------


class Row:
    """One row of the ledger: cluster, node, namespace, workload, pod, step."""

    __slots__ = ("namespace", "workload", "node", "step", "tier", "active", "moved", "tail", "idle", "system", "gap", "facility", "hourly",
                 "annual", "upstream", "losses")

    def __init__(self, namespace, workload, node, step, tier):
        self.namespace, self.workload, self.node, self.step, self.tier = namespace, workload, node, step, tier
        self.active = self.moved = self.tail = self.idle = self.system = self.gap = self.facility = self.hourly = self.annual = 0
        # Of what is not in Scope 2 category 3 is nothing; of the rest None is unknown.
        self.upstream, self.losses = 0, None

    def energy(self):
        return self.active + self.idle + self.system + self.gap

    def energy_of(self, tier):
        """What of its energy is of a tier (§3): all of it, but for the tail that was moved to it, which is never metered."""
        if self.tier == "metered":
            return {"metered": self.energy() - self.moved, "allocated": self.moved}.get(tier, 0)
        return self.energy() if self.tier == tier else 0


def usage_by_node_step(cluster):
    used = defaultdict(list)
    for pod in cluster["pods"]:
        for step, active, cpu, tail in pod["steps"]:
            used[pod["node"], step].append((pod_key(pod), active, cpu, tail))
    return used


def pod_key(pod):
    return pod["namespace"], pod["workload"], pod["pod"], pod["uid"]


def tails(cluster, used, policy):
    """Of every node and step the size of its tails, at most what (system) holds, and what of it is moved to which pod (§3, Tail)."""
    found = {}
    for node in cluster["nodes"]:
        for step, energy, idle, _ in node["steps"]:
            here = used[node["node"], step]
            claimed = {key: tail for key, _, _, tail in here if tail}
            size = min(sum(claimed.values()), energy - idle - sum(mj for _, mj, _, _ in here if mj is not None))
            found[node["node"], step] = size, split(size, claimed) if policy == "last-rate" else {}
    return found


def ledger(cluster, settings, period, grids, step_s, used, tails_of):
    """All rows of a cluster's month."""
    site = settings["clusters"][cluster["cluster"]]
    grid, annual, pue = grids[site["grid_zone"]], settings["annual_direct_gco2e_per_kwh"][site["grid_zone"]], float(site["pue"])
    within = range(period.start // step_s, period.end // step_s)
    rows = []
    for node in cluster["nodes"]:
        metered = {step: (energy, idle, tier) for step, energy, idle, tier in node["steps"] if step in within}
        for step, meter in metered.items():
            place = node["node"], step
            rows += share_node_step(place, meter, used[place], tails_of[place], settings["idle"], pue)
        rows += fill_gaps(node, metered, within, pue, step_s)
    for row in rows:
        row.hourly = emissions_of(row.facility, grid.at(row.step * step_s))
        row.annual = emissions_of(row.facility, annual)
        if site["placement"] == "scope2":
            upstream, losses = category_3(grid, row.step * step_s, settings, site["grid_zone"])
            row.upstream = None if upstream is None else emissions_of(row.facility, upstream)
            row.losses = None if losses is None else emissions_of(row.facility, losses)
    return rows


def category_3(grid, instant, settings, zone):
    """Factors of Scope 3 category 3 (§4): upstream of what is used, and generation and upstream of what is lost, L / (1 - L) of it."""
    upstream, share = grid.upstream_at(instant), settings["losses"].get(zone)
    if upstream is None or share is None:
        return upstream, None
    hourly = settings["location_based"] == "hourly"
    direct = grid.at(instant) if hourly else Fraction(str(settings["annual_direct_gco2e_per_kwh"][zone]))
    share = Fraction(share)
    return upstream, millionths((direct + upstream) * share / (1 - share))


def share_node_step(place, meter, used, tails_here, policy, pue):
    """The rows of one node and step: E = idle + ΣA + other processes (§3, 3), idle by policy (§3, 4), facility energy (§3, 7)."""
    (node, step), (energy, idle, tier), (tail_size, moved) = place, meter, tails_here
    active = {key: mj for key, mj, _, _ in used if mj is not None}
    system = energy - idle - sum(active.values())
    assert system >= 0, f"{node} {step}: the sample has no node whose pods used more than its meter shows"
    seconds = {key: cpu for key, _, cpu, _ in used if cpu}
    given = split(idle, seconds) if policy == "by-usage" else {}
    rows = {}
    for key in active.keys() | given.keys() | moved.keys():
        rows[key] = row = Row(key[0], key[1], node, step, tier)
        row.moved = moved.get(key, 0)
        row.active, row.idle = active.get(key, 0) + row.moved, given.get(key, 0)
    rows[(IDLE,)] = row = Row(IDLE, IDLE, node, step, tier)
    row.idle = idle - sum(given.values())
    rows[(SYSTEM,)] = row = Row(SYSTEM, SYSTEM, node, step, tier)
    row.system, row.tail = system - sum(moved.values()), tail_size
    assert sum(row.energy() for row in rows.values()) == energy, "the balance identity holds for each node and step"
    for key, facility in split(math.floor(energy * pue + 0.5), {key: row.energy() for key, row in rows.items()}).items():
        rows[key].facility = facility
    return list(rows.values())


def fill_gaps(node, metered, within, pue, step_s):
    """Steps of a node's existence that nothing was measured in: its mean of the same hour of day that month, else of the month (§3)."""
    by_hour = defaultdict(list)
    for step, (energy, _, _) in metered.items():
        by_hour[hour_of_day(step * step_s)].append(energy)
    everything = [energy for energy, _, _ in metered.values()]
    rows = []
    for step in range(-(-node["exists_from"] // step_s), node["exists_to"] // step_s):
        if step in within and step not in metered:
            known = by_hour[hour_of_day(step * step_s)] or everything
            row = Row(GAP, GAP, node["node"], step, "filled")
            row.gap = rounded(Fraction(sum(known), len(known)))
            row.facility = math.floor(row.gap * pue + 0.5)
            rows.append(row)
    return rows


# --- sums ---------------------------------------------------------------------------------------------------------------------------


def figures(rows_by_placement):
    """The figures of a list of rows; rows come with the placement of their cluster."""
    sums = defaultdict(int)
    for placement, rows in rows_by_placement:
        for row in rows:
            sums["active_mj"] += row.active
            sums["idle_mj"] += row.idle
            sums["system_mj"] += row.system
            sums["gap_mj"] += row.gap
            sums["facility_mj"] += row.facility
            sums["operational_hourly_ugco2e"] += row.hourly
            sums["operational_annual_ugco2e"] += row.annual
            sums[f"{placement}/hourly"] += row.hourly
            sums[f"{placement}/annual"] += row.annual
            assert row.upstream is not None, "the sample's series have life-cycle values"
            sums["upstream"] += row.upstream
            sums["losses"] += row.losses or 0
    named = {key: sums[key] for key in ("active_mj", "idle_mj", "system_mj", "gap_mj", "facility_mj")}
    named["metered_mj"] = sums["active_mj"] + sums["idle_mj"] + sums["system_mj"]
    named["operational_hourly_ugco2e"] = sums["operational_hourly_ugco2e"]
    named["operational_annual_ugco2e"] = sums["operational_annual_ugco2e"]
    return sums, named


def with_scopes(rows_by_placement, location_based):
    """Figures with their place in the inventory (§4, scope): Scope 2 shows both methods, the categories of Scope 3 the declared one."""
    sums, named = figures(rows_by_placement)
    named["scope2_location_based_ugco2e"] = sums["scope2/hourly"]
    named["scope2_location_based_annual_ugco2e"] = sums["scope2/annual"]
    named["scope3_category_1_ugco2e"] = sums[f"scope3-category1/{location_based}"]
    named["scope3_category_3_ugco2e"] = sums["upstream"] + sums["losses"]
    named["scope3_category_8_ugco2e"] = sums[f"scope3-category8/{location_based}"]
    return named


def grouped(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return sorted(groups.items())


def tier_share(rows):
    """Shares of energy before PUE by quality tier (§3)."""
    whole = sum(row.energy() for row in rows)
    tiers = ("metered", "allocated", "modelled", "filled")
    return {tier: float(Fraction(sum(row.energy_of(tier) for row in rows), whole)) if whole else None for tier in tiers}


def emissions_tier_share(rows_by_cluster, step_s):
    """Shares of hourly emissions by quality tier (§3): those of a workload's hour by energy, what is up to each tier rounded."""
    sums = defaultdict(int)
    for rows in rows_by_cluster:
        for _, group in grouped(rows, lambda row: (row.namespace, row.workload, row.step * step_s // HOUR)):
            emissions, energy = sum(row.hourly for row in group), sum(row.energy() for row in group)
            reached = before = 0
            for tier in ("filled", "modelled", "allocated", "metered"):
                reached += sum(row.energy_of(tier) for row in group)
                part = rounded(Fraction(emissions * reached, energy)) if energy else emissions
                sums[tier] += part - before
                before = part
    whole = sum(sums.values())
    return {tier: float(Fraction(part, whole)) for tier, part in sums.items()}


def reconciliation(cluster, rows, step_s):
    """Metered = attributed + idle + system, per node and UTC day (§3)."""
    lines = []
    for (node, day), group in grouped(rows, lambda row: (row.node, text_of(row.step * step_s)[:10])):
        pods = [row for row in group if row.namespace not in (IDLE, SYSTEM, GAP)]
        line = {
            "cluster": cluster,
            "node": node,
            "day": day,
            "metered_mj": sum(row.active + row.idle + row.system for row in group),
            "attributed_mj": sum(row.active + row.idle for row in pods),
            "idle_mj": sum(row.idle for row in group if row.namespace == IDLE),
            "system_mj": sum(row.system for row in group),
            "gap_mj": sum(row.gap for row in group),
            "correction_mj": 0,
            "tail_mj": sum(row.tail for row in group),
            "difference_mj": 0,
        }
        assert line["metered_mj"] == line["attributed_mj"] + line["idle_mj"] + line["system_mj"]
        lines.append(line)
    return lines


def hours(cluster, rows, step_s):
    lines = []
    for hour, group in grouped(rows, lambda row: row.step * step_s // HOUR):
        lines.append({
            "cluster": cluster,
            "hour": text_of(hour * HOUR),
            "facility_mj": sum(row.facility for row in group),
            "operational_hourly_ugco2e": sum(row.hourly for row in group),
        })
    return lines


# --- the counterfactual (§7) --------------------------------------------------------------------------------------------------------


def job_runs(cluster, settings, period, grids, step_s, tails_of):
    """Every job run that ended in the month, with actual and counterfactual."""
    name = cluster["cluster"]
    pods_of = defaultdict(list)
    for pod in cluster["pods"]:
        if pod["job"]:
            pods_of[pod["namespace"], pod["job"]].append(pod)
    runs = []
    for job in cluster["jobs"]:
        pods = pods_of[job["namespace"], job["job"]]
        end = job["completed"] if job["completed"] is not None else max(pod["last_sample"] for pod in pods)
        if not period.start < end <= period.end:
            continue
        by_step = defaultdict(int)
        for pod in pods:
            for step, active, _, _ in pod["steps"]:
                _, moved = tails_of.get((pod["node"], step), (0, {}))
                by_step[step] += active + moved.get(pod_key(pod), 0)
        runs.append(place(name, job, end, by_step, settings, period, grids, step_s))
    return runs


def place(cluster, job, end, by_step, settings, period, grids, step_s):
    zone = settings["clusters"][cluster]["grid_zone"]
    start = job["started"]
    run = {
        "cluster": cluster,
        "namespace": job["namespace"],
        "job": job["job"],
        "workload": job["workload"],
        "start": text_of(start),
        "end": text_of(end),
        "active_mj": sum(by_step.values()),
        "grid_zone": zone,
        "outside_mj": sum(mj for step, mj in by_step.items() if not period.start <= step * step_s < period.end),
    }
    rule, baseline = baseline_start(job)
    home = job["home_zone"] or settings["clusters"][cluster].get("home_zone") or zone
    if baseline is None or baseline > start:
        run["_unplaced"] = True
        return run
    steps = []
    for step, millijoules in by_step.items():
        begin, stop = max(step * step_s, start), min((step + 1) * step_s, end)
        assert begin < stop, f"{job['job']}: energy outside the run"
        steps.append((begin, stop, millijoules))
    pue = {place: pue_of_zone(place, cluster, settings) for place in grids}
    actual, pieces_as_it_was = valued(steps, 0, grids[zone].at, pue[zone])
    counterfactual, pieces_at_home = valued(steps, baseline - start, grids[home].at, pue[home])
    is_shifted = baseline != start or home != zone
    run.update({
        "baseline_start": text_of(baseline),
        "baseline_rule": rule,
        "baseline_zone": home,
        "cause": ("carbon" if job["is_carbon_aware"] else "other") if is_shifted else "none",
        "actual_ugco2e": rounded(actual),
        "counterfactual_ugco2e": rounded(counterfactual),
        "avoided_ugco2e": rounded(counterfactual) - rounded(actual),
        "unplaced_reason": None,
        "_tolerance_ug": pieces_as_it_was + pieces_at_home,
        "_is_shifted": is_shifted,
    })
    work = Work(steps, start, baseline, zone, home, pue)
    run.update(beside(run, work, counterfactual, job, settings, grids, step_s))
    return run


class Work:
    """A run's energy as [begin, stop, mJ), when it was and would have been, where it was and would have been, and the PUE of each zone."""

    def __init__(self, steps, start, baseline, zone, home, pue):
        self.steps, self.start, self.baseline, self.zone, self.home, self.pue = steps, start, baseline, zone, home, pue

    def at(self, start, zone, value_at):
        """What the work comes to if it starts at an instant in a zone; None where something is not known."""
        found = valued(self.steps, start - self.start, value_at, self.pue[zone])
        return found and found[0]


def valued(steps, later, value_at, pue):
    """What energy comes to if it is used so many seconds later: mJ times value per kWh in µg or µEUR, and in how many pieces."""
    whole, pieces = Fraction(0), 0
    for begin, stop, millijoules in steps:
        per_second = Fraction(0)
        for piece_begin, piece_stop in cut(begin, stop, -later):
            value = value_at(piece_begin + later)
            if value is None:
                return None
            per_second += (piece_stop - piece_begin) * value
            pieces += 1
        whole += per_second * millijoules / (stop - begin)
    return whole * pue / 3600, pieces


def cut(begin, stop, shift):
    """[begin, stop) in pieces that each lie in one hour of intensity after moving them back by `shift` seconds."""
    while begin < stop:
        boundary = ((begin - shift) // HOUR + 1) * HOUR + shift
        yield begin, min(boundary, stop)
        begin = boundary


def baseline_start(job):
    """The first rule that there is something for; an annotation that does not parse leaves the run unplaced."""
    if job["baseline_start"]:
        return "annotation", instant_of(job["baseline_start"])
    if job["workload"].startswith("CronJob/"):
        if job["scheduled_timestamp"]:
            return "schedule", instant_of(job["scheduled_timestamp"])
        return "schedule", last_tick(job["schedule"], job["schedule_time_zone"], job["created"])
    if job["was_suspended"] or job["started"] - job["created"] > 60:
        return "creation", job["created"]
    return "own-start", job["started"]


def instant_of(text):
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return int(parsed.timestamp()) if parsed.tzinfo else None


def last_tick(schedule, time_zone, created):
    """The last tick at or before creation of a schedule that names a minute and an hour of every day."""
    minute, hour, *every_day = schedule.split()
    assert every_day == ["*", "*", "*"], f"the sample's schedules without a timestamp are daily, not {schedule}"
    zone = ZoneInfo(time_zone)
    day = datetime.fromtimestamp(created, zone).date()
    while True:
        tick = int(datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=zone).timestamp())
        if tick <= created:
            return tick
        day -= timedelta(days=1)


def pue_of_zone(zone, own, settings):
    """PUE(home): of the cluster with that zone, the run's own first, else of where it ran."""
    for name in [own, *sorted(settings["clusters"])]:
        if settings["clusters"][name]["grid_zone"] == zone:
            return Fraction(settings["clusters"][name]["pue"])
    return Fraction(settings["clusters"][own]["pue"])


def effect(runs, wanted):
    """Sums over placed runs, losses counted."""
    placed = [run for run in runs if not run.get("_unplaced")]
    avoided = [run["avoided_ugco2e"] for run in placed]
    return {
        "runs": len(placed),
        "shifted_runs": sum(run["_is_shifted"] for run in placed),
        "gained_runs": sum(value > 0 for value in avoided),
        "actual_ugco2e": sum(run["actual_ugco2e"] for run in placed),
        "counterfactual_ugco2e": sum(run["counterfactual_ugco2e"] for run in placed),
        "avoided_ugco2e": sum(avoided),
        "gains_ugco2e": sum(value for value in avoided if value > 0),
        "losses_ugco2e": sum(value for value in avoided if value < 0),
        "_tolerance_ug": sum(run["_tolerance_ug"] for run in placed),
        **(windowed(placed) if wanted.get("bounds") else {}),
    }


# --- beside the counterfactual (§7, bounds and cost) --------------------------------------------------------------------------------


def beside(run, work, counterfactual, job, settings, grids, step_s):
    """Bounds, the start at creation, and costs: whatever of them is wanted."""
    wanted, found = settings.get("beside", {}), {}
    rule = rule_of(job, settings)
    if wanted.get("bounds"):
        found["class"], found["class_basis"] = class_of(job, rule)
        if rule:
            found["max_delay_seconds"], found["window_basis"] = rule["max_delay_s"], "policy"
        intensity_at = {zone: grid.at for zone, grid in grids.items()}
        known = rule and bounds(run["counterfactual_ugco2e"], work, rule, intensity_at, step_s)
        found.update(known or dict.fromkeys(("best_ugco2e", "worst_ugco2e", "mean_ugco2e", "best_start", "best_zone", "candidates")))
        found.update(found.pop("_best", {}))
    if wanted.get("alternatives"):
        at_creation = work.at(job["created"], work.home, grids[work.home].at)
        value = None if at_creation is None else run["counterfactual_ugco2e"] + rounded(at_creation - counterfactual)
        found["alternatives"] = {"at_creation_ugco2e": value, "_tolerance_ug": run["_tolerance_ug"] + 1}
    if wanted.get("cost"):
        found["cost"] = cost(work, rule, settings["prices"], step_s)
    return found


def rule_of(job, settings):
    """The first table of the configuration that matches; an empty list matches everything."""
    kind, name = job["workload"].split("/", 1)
    for rule in settings.get("deferrable", []):
        matches = [any(fnmatch.fnmatchcase(job["namespace"], pattern) for pattern in rule["namespaces"]) or not rule["namespaces"],
                   kind in rule["kinds"] or not rule["kinds"],
                   any(fnmatch.fnmatchcase(name, pattern) for pattern in rule["names"]) or not rule["names"]]
        if all(matches):
            return rule
    return None


def class_of(job, rule):
    """§8: a label wins over the configuration; work that is a Job serves nobody."""
    if job["is_carbon_aware"]:
        return "deferrable", "label"
    return ("deferrable", "policy") if rule else ("unclassified", "none")


def candidates(work, rule, value_at, step_s):
    """What the work comes to at each start of the grid in each allowed zone, None where one is not known: {(start, zone): value}."""
    zones = {*(rule["zones"] or [work.zone]), work.home}
    starts = range(work.baseline, work.baseline + rule["max_delay_s"] + 1, step_s)
    values = {(start, zone): work.at(start, zone, value_at[zone]) if zone in value_at else None for start in starts for zone in zones}
    return None if None in values.values() else values


def bounds(counterfactual, work, rule, value_at, step_s, unit="ugco2e"):
    """The counterfactual, and what its best, worst and mean candidate differ from the baseline, rounded once."""
    values = candidates(work, rule, value_at, step_s)
    if values is None:
        return None
    at_baseline = values[work.baseline, work.home]
    differs = {key: value - at_baseline for key, value in values.items()}
    best = min(differs.values())
    found = {
        f"best_{unit}": counterfactual + rounded(best),
        f"worst_{unit}": counterfactual + rounded(max(differs.values())),
        f"mean_{unit}": counterfactual + rounded(sum(differs.values()) / len(differs)),
    }
    if unit == "ugco2e":
        found["candidates"] = len(differs)
        # Where several come within a microgram of each other any of them may be named.
        close = [key for key, value in differs.items() if value - best < 1]
        found["_best"] = {"best_start": text_of(close[0][0]), "best_zone": close[0][1]} if len(close) == 1 else {}
    return found


def cost(work, rule, prices, step_s):
    """The same energy at prices of zone and hour, in micro-EUR; None where a price of either side is not known."""
    value_at = {zone: lambda instant, by_hour=by_hour: by_hour.get(instant // HOUR * HOUR) for zone, by_hour in prices.items()}
    if work.zone not in value_at or work.home not in value_at:
        return None
    actual, counterfactual = work.at(work.start, work.zone, value_at[work.zone]), work.at(work.baseline, work.home, value_at[work.home])
    if actual is None or counterfactual is None:
        return None
    found = {
        "actual_micro_eur": rounded(actual),
        "counterfactual_micro_eur": rounded(counterfactual),
        "saved_micro_eur": rounded(counterfactual) - rounded(actual),
        **dict.fromkeys(("best_micro_eur", "worst_micro_eur", "mean_micro_eur")),
        "_tolerance_micro_eur": 2,
    }
    if rule:
        found.update(bounds(rounded(counterfactual), work, rule, value_at, step_s, "micro_eur") or {})
    return found


def read_prices(settings):
    """EUR/kWh by zone and hour, as exact fractions: mJ / 3600 of it are micro-EUR, as mJ / 3600 of g/kWh are micrograms."""
    prices = defaultdict(dict)
    for name in settings.get("price_files", []):
        with Path(name).open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                prices[row["zone"]][instant_of(row["ts"])] = Fraction(row["price_eur_per_mwh"]) / 1000
    return prices


def windowed(runs):
    """Sums over the placed runs that have bounds, and what share of the possible was captured."""
    bounded = [run for run in runs if run.get("best_ugco2e") is not None]
    total = {f"{name}_ugco2e": sum(run[f"{name}_ugco2e"] for run in bounded)
             for name in ("actual", "counterfactual", "avoided", "best", "worst", "mean")}
    tolerance = sum(run["_tolerance_ug"] + 1 for run in bounded)
    possible = total["counterfactual_ugco2e"] - total["best_ugco2e"]
    share = float(Fraction(total["avoided_ugco2e"], possible)) if possible > 0 else None
    return {
        "captured_share": share,
        "_tolerance_captured_share": (tolerance + abs(share) * len(bounded)) / possible if possible > 0 else 0.0,
        "windowed": {"runs": len(bounded), **total, "_tolerance_ug": tolerance},
    }


def alternatives(runs):
    """The counterfactual under other baselines, beside the policy's own over the same runs."""
    placed = [run for run in runs if not run.get("_unplaced")]
    lists = {
        "at-creation": [(run, run["alternatives"]["at_creation_ugco2e"]) for run in placed if "alternatives" in run],
        "mean-of-window": [(run, run.get("mean_ugco2e")) for run in placed],
    }
    rows = []
    for baseline, values in lists.items():
        known = [(run, value) for run, value in values if value is not None]
        if known:
            actual, other = sum(run["actual_ugco2e"] for run, _ in known), sum(value for _, value in known)
            rows.append({
                "baseline": baseline,
                "runs": len(known),
                "actual_ugco2e": actual,
                "counterfactual_ugco2e": other,
                "avoided_ugco2e": other - actual,
                "policy_avoided_ugco2e": sum(run["avoided_ugco2e"] for run, _ in known),
                "_tolerance_ug": sum(run["_tolerance_ug"] + 1 for run, _ in known),
            })
    return rows


def costs(runs):
    """Sums of costs, and of the runs in which money and carbon disagree."""
    priced = [run for run in runs if run.get("cost")]
    saved = [run["cost"]["saved_micro_eur"] for run in priced]
    disagree = {
        "cleaner_and_dearer": [run for run in priced if run["avoided_ugco2e"] > 0 and run["cost"]["saved_micro_eur"] < 0],
        "cheaper_and_dirtier": [run for run in priced if run["avoided_ugco2e"] < 0 and run["cost"]["saved_micro_eur"] > 0],
    }
    return {
        "cost": {
            "runs": len(priced),
            "actual_micro_eur": sum(run["cost"]["actual_micro_eur"] for run in priced),
            "counterfactual_micro_eur": sum(run["cost"]["counterfactual_micro_eur"] for run in priced),
            "saved_micro_eur": sum(saved),
            "gains_micro_eur": sum(value for value in saved if value > 0),
            "losses_micro_eur": sum(value for value in saved if value < 0),
            "_tolerance_micro_eur": 2 * len(priced),
        },
        "disagreement": {
            which: {
                "runs": len(some),
                "avoided_ugco2e": sum(run["avoided_ugco2e"] for run in some),
                "saved_micro_eur": sum(run["cost"]["saved_micro_eur"] for run in some),
                "_tolerance_ug": sum(run["_tolerance_ug"] for run in some),
                "_tolerance_micro_eur": 2 * len(some),
            }
            for which, some in disagree.items()
        },
    }


# --- the report ---------------------------------------------------------------------------------------------------------------------


def report(truth, settings, period, grids):
    step_s, declared = truth["step_s"], settings["location_based"]
    everything, runs = [], []
    lists = {"clusters": [], "namespaces": [], "workloads": [], "hours": [], "reconciliation": []}
    for cluster in truth["clusters"]:
        name = cluster["cluster"]
        placement = settings["clusters"][name]["placement"]
        used = usage_by_node_step(cluster)
        tails_of = tails(cluster, used, settings["tails"])
        rows = ledger(cluster, settings, period, grids, step_s, used, tails_of)
        everything.append((placement, rows))
        runs += job_runs(cluster, settings, period, grids, step_s, tails_of)
        lists["clusters"].append({
            "cluster": name,
            "placement": placement,
            "nodes": len({row.node for row in rows}),
            "tier_share": tier_share(rows),
            **with_scopes([(placement, rows)], declared),
        })
        for namespace, group in grouped(rows, lambda row: row.namespace):
            keys = {"cluster": name, "namespace": namespace, "tier_share": tier_share(group)}
            lists["namespaces"].append({**keys, **with_scopes([(placement, group)], declared)})
        for (namespace, workload), group in grouped(rows, lambda row: (row.namespace, row.workload)):
            keys = {"cluster": name, "namespace": namespace, "workload": workload, "tier_share": tier_share(group)}
            lists["workloads"].append({**keys, **with_scopes([(placement, group)], declared)})
        lists["hours"] += hours(name, rows, step_s)
        lists["reconciliation"] += reconciliation(name, rows, step_s)
    wanted = settings.get("beside", {})
    by_cause = {cause: effect([run for run in runs if run.get("cause") == cause], wanted) for cause in ("carbon", "other", "none")}
    of_scope2 = [row for placement, rows in everything for row in rows if placement == "scope2"]
    return {
        "schema": "wattledger.report/1",
        "period": {
            "month": period.month,
            "from": text_of(period.start),
            "to": text_of(period.end),
            "time_zone": period.time_zone,
            "hours": (period.end - period.start) // HOUR,
        },
        "totals": {**with_scopes(everything, declared), "tail_mj": sum(row.tail for _, rows in everything for row in rows)},
        "tier_share": tier_share([row for _, rows in everything for row in rows]),
        "scope3": {
            "upstream_ugco2e": sum(row.upstream for row in of_scope2),
            "losses_ugco2e": None if all(row.losses is None for row in of_scope2) else sum(row.losses or 0 for row in of_scope2),
        },
        "quality": {"emissions_tier_share": emissions_tier_share([rows for _, rows in everything], step_s)},
        **lists,
        "job_runs": runs,
        "counterfactual": {
            "label": "Estimated effect of carbon-aware scheduling against a counterfactual (not part of reported emissions)",
            **effect(runs, wanted),
            "by_cause": by_cause,
            "unplaced_runs": sum(1 for run in runs if run.get("_unplaced")),
            **({"alternatives": alternatives(runs)} if wanted.get("alternatives") else {}),
            **(costs(runs) if wanted.get("cost") else {}),
        },
    }


if __name__ == "__main__":
    main()
