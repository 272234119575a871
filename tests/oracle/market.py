"""Works out market-based Scope 2 of a month or a year by hand, from consumption by hour and a register of instruments.

In: on stdin, JSON with `period` (`2026-10` or `2026`), `time_zone`, `location_based` (`hourly`, `annual`), `hours` (`cluster`, `zone`, `hour`,
`facility_mj`, `hourly_ugco2e`, `annual_ugco2e` or null) of what is in Scope 2, `workloads` (`cluster`, `namespace`, `workload`, `facility_mj`,
`hourly_ugco2e`, `annual_ugco2e`), `instruments` (as configured; `volume_mj`; `generation`: pairs of hour and millijoules) and `residual` (zone to factor and nuclear share).
Out: on stdout, what `report.json` says that follows from them.

This is what an auditor would write after reading section 4 of the method and the Scope 2 Guidance: Python's standard library, whole numbers and
fractions, none of the product's code. Where the method prescribes doubles (energy meets its factor) there are doubles, operation for operation.
"""

import json
import math
import sys
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

HOUR = 3600
HIERARCHY = ["guarantee-of-origin", "ppa", "supplier-rate"]
RENEWABLE = {"wind", "solar", "hydro", "geothermal", "biomass"}


def span(period, time_zone):
    """A calendar month or year as seconds, [start, end)."""
    year, month = int(period[:4]), int(period[5:] or 0)
    following = (year + 1, 1) if month in (0, 12) else (year, month + 1)
    zone = ZoneInfo(time_zone)
    begin = lambda year, month: int(datetime(year, month, 1, tzinfo=zone).timestamp())
    return begin(year, month or 1), begin(*following)


def months_of(period):
    return [period] if len(period) > 4 else [f"{period}-{month:02}" for month in range(1, 13)]


def shared(whole, weights):
    """Largest remainder; of equal remainders the first wins."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    quotas = [Fraction(whole * weight, total) for weight in weights]
    parts = [math.floor(quota) for quota in quotas]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - quotas[i], i))
    for i in order[: whole - sum(parts)]:
        parts[i] += 1
    return parts


def emitted(energy_mj, factor):
    return math.floor(float(energy_mj) * factor / 3600.0 + 0.5)


def seconds_within(hour, start, end):
    return max(0, min((hour + 1) * HOUR, end) - max(hour * HOUR, start))


def number_of(row):
    """An hour's number since the epoch."""
    return int(datetime.fromisoformat(row["hour"].replace("Z", "+00:00")).timestamp()) // HOUR


class Case:
    def __init__(self, given):
        self.given = given
        self.period, self.time_zone = given["period"], given["time_zone"]
        self.start, self.end = span(self.period, self.time_zone)
        self.hours = sorted(given["hours"], key=lambda row: (number_of(row), row["cluster"]))
        self.hours = [row for row in self.hours if row["facility_mj"] > 0]

    # --- what of a volume may be used -----------------------------------------------------------------------------------------------

    def answers(self, instrument):
        """Quality criteria: all met, or nobody answered."""
        given = instrument.get("quality_criteria", {})
        return not given or all(given.get(str(number)) == "met" for number in range(1, 9))

    def is_of_period(self, instrument):
        start, end = span(instrument["period"], self.time_zone)
        return start < self.end and end > self.start

    def generation(self, instrument):
        """By hour, within its own period, never beyond the volume; without evidence spread evenly."""
        start, end = span(instrument["period"], self.time_zone)
        hours = range(start // HOUR, -(-end // HOUR))
        if instrument.get("generation"):
            given = dict(map(tuple, instrument["generation"]))
            energy = [given.get(hour, 0) * seconds_within(hour, start, end) // HOUR for hour in hours]
            if sum(energy) > instrument["volume_mj"]:
                energy = shared(instrument["volume_mj"], energy)
        else:
            energy = shared(instrument["volume_mj"], [seconds_within(hour, start, end) for hour in hours])
        result = {}
        for hour, mj in zip(hours, energy):
            inside = seconds_within(hour, max(start, self.start), min(end, self.end))
            if inside and mj:
                result[hour] = mj * inside // seconds_within(hour, start, end)
        return result

    def parts(self, instrument):
        """Pairs of (hours, volume)."""
        if instrument["matching"] == "hour":
            return [([hour], mj) for hour, mj in sorted(self.generation(instrument).items())]
        volume, own = instrument["volume_mj"], instrument["period"]
        if len(own) > 4:
            return [(self.within(own), volume)]
        if instrument["matching"] == "year" and len(self.period) == 4:
            return [(self.within(self.period), volume)]
        months = months_of(own)
        lengths = [end - start for start, end in (span(month, self.time_zone) for month in months)]
        return [
            (self.within(month), part) for month, part in zip(months, shared(volume, lengths)) if month in months_of(self.period)
        ]

    def within(self, period):
        """Hours with consumption that begin in a period; the first hour begins with the report, also where the report cuts it."""
        start, end = span(period, self.time_zone)
        return sorted({hour for hour in map(number_of, self.hours) if start <= max(hour * HOUR, self.start) < end})

    # --- covering -----------------------------------------------------------------------------------------------------------------------

    def reaches(self, instrument, row):
        clusters = instrument.get("clusters") or []
        return row["zone"] == instrument["zone"] and (not clusters or row["cluster"] in clusters)

    def cover(self, instrument, parts, left):
        """Takes from what is left; gives what each cluster got."""
        by_hour = {}
        for i, row in enumerate(self.hours):
            by_hour.setdefault(number_of(row), []).append(i)
        got = {}
        for hours, volume in parts:
            rows = [i for hour in hours for i in by_hour.get(hour, [])]
            rows = [i for i in rows if left[i] > 0 and self.reaches(instrument, self.hours[i])]
            amount = min(volume, sum(left[i] for i in rows))
            for i, part in zip(rows, shared(amount, [left[i] for i in rows])):
                left[i] -= part
                cluster = self.hours[i]["cluster"]
                got[cluster] = got.get(cluster, 0) + part
        return got

    def in_order(self):
        numbered = list(enumerate(self.given["instruments"]))
        return sorted(numbered, key=lambda pair: (HIERARCHY.index(pair[1]["kind"]), pair[0]))

    def rest(self, i, left):
        row = self.hours[i]
        if left == 0:
            return 0
        if row["zone"] in self.given["residual"]:
            return emitted(left, self.given["residual"][row["zone"]]["factor"])
        own = row["hourly_ugco2e"] if self.given["location_based"] == "hourly" else row["annual_ugco2e"]
        return None if own is None else math.floor(Fraction(own * left, row["facility_mj"]) + Fraction(1, 2))

    def report(self):
        left = [row["facility_mj"] for row in self.hours]
        statements = [None] * len(self.given["instruments"])
        covered = {}
        for number, instrument in self.in_order():
            is_used = self.answers(instrument) and self.is_of_period(instrument)
            is_used = is_used and any(self.reaches(instrument, row) for row in self.hours)
            parts = self.parts(instrument) if is_used else []
            got = self.cover(instrument, parts, left)
            emissions = {cluster: emitted(mj, instrument["factor_gco2e_per_kwh"]) for cluster, mj in got.items()}
            for cluster, ug in emissions.items():
                covered[cluster] = covered.get(cluster, 0) + ug
            statements[number] = {
                "available_mj": sum(volume for _, volume in parts),
                "applied_mj": sum(got.values()),
                "applied_ugco2e": sum(emissions.values()),
            }
        clusters = sorted({row["cluster"] for row in self.hours})
        rests = [self.rest(i, mj) for i, mj in enumerate(left)]
        market = {}
        for cluster in clusters:
            own = [rest for rest, row in zip(rests, self.hours) if row["cluster"] == cluster]
            market[cluster] = None if None in own else covered.get(cluster, 0) + sum(own)
        zones = {}
        for row, mj, rest in zip(self.hours, left, rests):
            zone = zones.setdefault(row["zone"], {"facility_mj": 0, "covered_mj": 0, "rest_mj": 0, "rest_ugco2e": 0})
            zone["facility_mj"] += row["facility_mj"]
            zone["covered_mj"] += row["facility_mj"] - mj
            zone["rest_mj"] += mj
            zone["rest_ugco2e"] = None if rest is None or zone["rest_ugco2e"] is None else zone["rest_ugco2e"] + rest
        total = sum(row["facility_mj"] for row in self.hours)
        matched, matched_ug = self.matched()
        return {
            "market": market,
            "total": None if None in market.values() else sum(market.values()),
            "instruments": statements,
            "zones": zones,
            "covered_share": sum(zone["covered_mj"] for zone in zones.values()) / total,
            "hourly_matched_share": matched / total,
            "hourly_matched_ugco2e": matched_ug,
            "mix": self.mix(statements, zones, total),
            "workloads": self.workloads(covered, rests),
        }

    def matched(self):
        """Per hour the lesser of generation and consumption; a volume of a year or a month is no evidence of an hour."""
        left = [row["facility_mj"] for row in self.hours]
        emissions = 0
        for _, instrument in self.in_order():
            if self.answers(instrument) and self.is_of_period(instrument) and instrument["matching"] == "hour":
                got = self.cover(instrument, self.parts(instrument), left)
                emissions += sum(emitted(mj, instrument["factor_gco2e_per_kwh"]) for mj in got.values())
        rests = [self.rest(i, mj) for i, mj in enumerate(left)]
        matched = sum(row["facility_mj"] for row in self.hours) - sum(left)
        return matched, None if None in rests else emissions + sum(rests)

    def mix(self, statements, zones, total):
        of = lambda wanted: sum(
            statement["applied_mj"]
            for statement, instrument in zip(statements, self.given["instruments"])
            if instrument.get("energy_source") in wanted
        )
        residual = self.given["residual"]
        shares = ((zone["rest_mj"], residual.get(name, {}).get("nuclear_share") or 0.0) for name, zone in zones.items())
        nuclear = of({"nuclear"}) + sum(math.floor(mj * share) for mj, share in shares)
        renewable = of(RENEWABLE)
        return {"total_mj": total, "renewable_mj": renewable, "nuclear_mj": nuclear, "fossil_mj": total - renewable - nuclear}

    def workloads(self, covered, rests):
        """What is covered by energy; the rest by what stands in for it: energy at a residual mix, else location-based emissions."""
        rows = []
        for cluster in sorted({row["cluster"] for row in self.hours}):
            own = sorted(
                (row for row in self.given["workloads"] if row["cluster"] == cluster),
                key=lambda row: (row["namespace"].encode(), row["workload"].encode()),
            )
            of_rest = [rest for rest, row in zip(rests, self.hours) if row["cluster"] == cluster]
            zone = next(row["zone"] for row in self.hours if row["cluster"] == cluster)
            declared = "hourly_ugco2e" if self.given["location_based"] == "hourly" else "annual_ugco2e"
            by_rest = "facility_mj" if zone in self.given["residual"] else declared
            parts = [None] * len(own)
            if None not in of_rest:
                of_covered = shared(covered.get(cluster, 0), [row["facility_mj"] for row in own])
                parts = [a + b for a, b in zip(of_covered, shared(sum(of_rest), [row[by_rest] for row in own]))]
            for row, part in zip(own, parts):
                rows.append({**{key: row[key] for key in ("cluster", "namespace", "workload")}, "scope2_market_based_ugco2e": part})
        return rows


if __name__ == "__main__":
    print(json.dumps(Case(json.load(sys.stdin)).report(), indent=1))
