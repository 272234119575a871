"""Works a sealed month out anew with DuckDB, which knows nothing of wattledger, and compares it with the seal.

usage: python3 run_plan.py MANIFEST [CLUSTER/DAY ...]

MANIFEST is the seal (evidence/closed/<month>/<edition>/manifest.json) of an unpacked bundle. Days that are named are run alone; else all of them.
Needs Python 3.9 and `pip install duckdb`. Ends with 0 where everything agrees, with 1 where anything differs.

For every cluster-day it
  1. holds the inputs against the evidence: node_steps and usage, row by row;
  2. runs method/plan.txt, that is the SQL files of the method as they are, over inputs/<cluster>/<day>/*.parquet;
  3. hashes the ledger that comes out and compares it with the hash in the seal;
  4. holds the hours of every workload against the rows of ledger/ledger.parquet, where the month was closed with it.
At the end it adds up the totals of the month and compares them with those in the seal, and the method's hash with the one that the seal names.
"""

import hashlib
import json
import pathlib
import sys

import duckdb

LEDGER = (
    "node_id, step, row_id, active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, facility_mj, "
    "operational_hourly_ugco2e, operational_annual_ugco2e, upstream_ugco2e, losses_ugco2e"
)
# Sums that the seal has as totals, and those that only rows of the hourly ledger have.
TOTALS = ("active_mj", "idle_mj", "system_mj", "gap_mj", "facility_mj", "operational_hourly_ugco2e")
HOURLY = TOTALS + ("allocated_mj", "modelled_mj", "operational_annual_ugco2e", "upstream_ugco2e", "losses_ugco2e")
NOBODYS = {-3: "(gap)", -2: "(idle)", -1: "(system)"}


def quoted(path: pathlib.Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def method_sha256(method: pathlib.Path) -> str:
    """As the seal names the method: the plan, then name and text of every query in the order of their names."""
    digest = hashlib.sha256((method / "plan.txt").read_bytes())
    for query in sorted(method.glob("*.sql")):
        digest.update(query.name.encode() + b"\0" + query.read_bytes() + b"\0")
    return digest.hexdigest()


def run_plan(method: pathlib.Path, inputs: pathlib.Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in sorted(inputs.glob("*.parquet")):
        connection.execute(f"CREATE TABLE {table.stem} AS SELECT * FROM read_parquet({quoted(table)})")
    for line in (method / "plan.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        table, file, *options = line.split()
        for option in options:
            connection.execute(f"CREATE OR REPLACE VIEW quotas AS SELECT * FROM {option.removeprefix('quotas=')}")
        connection.execute(f"CREATE TABLE {table} AS {(method / file).read_text()}")
    return connection


def ledger_sha256(connection: duckdb.DuckDBPyConnection) -> str:
    """Fields with `|` between them, nothing for a null, a line feed after each row; sorted by node, step and row."""
    digest = hashlib.sha256()
    rows = connection.execute(f"SELECT {LEDGER} FROM ledger ORDER BY node_id, step, row_id")
    while some := rows.fetchmany(10_000):
        for row in some:
            digest.update(("|".join("" if value is None else str(value) for value in row) + "\n").encode())
    return digest.hexdigest()


def is_of_evidence(connection: duckdb.DuckDBPyConnection, table: str, evidence: pathlib.Path) -> bool:
    """Whether an input holds exactly the rows of the evidence. Older evidence lacks columns that came later; those it has are compared."""
    files = sorted(evidence.glob(f"{table}.parquet")) + sorted(evidence.glob(f"{table}-*.parquet"))
    if not files:
        # A day without evidence: its nodes are known from the days around it, and all of it is a gap.
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    listed = ", ".join(quoted(file) for file in files)
    columns = ", ".join(row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet([{listed}])").fetchall())
    there, here = f"SELECT {columns} FROM read_parquet([{listed}])", f"SELECT {columns} FROM {table}"
    query = f"SELECT count(*) FROM (({there} EXCEPT ALL {here}) UNION ALL ({here} EXCEPT ALL {there}))"
    return connection.execute(query).fetchone() == (0,)


def hours(connection: duckdb.DuckDBPyConnection, evidence: pathlib.Path) -> dict:
    """What the method says of every workload and hour of the day, over all sites of the cluster, by the names in the evidence."""
    names = {workload: (name, name) for workload, name in NOBODYS.items()}
    if (evidence / "pods.parquet").exists():
        query = f"SELECT DISTINCT i.workload_id, e.namespace, e.workload FROM pods AS i JOIN read_parquet({quoted(evidence / 'pods.parquet')}) AS e USING (pod_id)"
        for workload, namespace, name in connection.execute(query).fetchall():
            if names.setdefault(workload, (namespace, name)) != (namespace, name):
                raise SystemExit(f"error: workload {workload} has two names")
    sums = ", ".join(f"sum({column})" for column in HOURLY)
    found = {}
    for workload, hour, *figures in connection.execute(f"SELECT workload_id, hour, {sums} FROM workload_hours GROUP BY workload_id, hour").fetchall():
        found[(*names[workload], hour)] = [None if figure is None else int(figure) for figure in figures]
    return found


def sealed_hours(ledger: pathlib.Path, cluster: str, day: str) -> dict:
    columns = ", ".join(HOURLY)
    query = (
        f"SELECT namespace, workload, epoch_ms(hour) // 3600000, {columns} FROM read_parquet({quoted(ledger)}) "
        f"WHERE cluster = ? AND epoch_ms(hour) // 86400000 = date_diff('day', DATE '1970-01-01', ?::DATE)"
    )
    rows = duckdb.execute(query, [cluster, day]).fetchall()
    return {(namespace, workload, hour): figures for namespace, workload, hour, *figures in rows}


def differences(found: dict, sealed: dict) -> list:
    """Rows that only one side has, and figures that are not the same. Where the ledger says unknown there is nothing to compare."""
    keys = [f"{key}: only one side has it" for key in sorted(found.keys() ^ sealed.keys())]
    for key in sorted(found.keys() & sealed.keys()):
        for column, here, there in zip(HOURLY, found[key], sealed[key]):
            if there is not None and here != there:
                keys.append(f"{key} {column}: {here}, the ledger has {there}")
    return keys


def main() -> int:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    manifest = pathlib.Path(sys.argv[1]).resolve()
    closed, bundle = manifest.parent, manifest.parents[4]
    seal = json.loads(manifest.read_text())
    ledger = closed / "ledger" / "ledger.parquet"
    wanted = sys.argv[2:]
    trouble = 0

    def check(what: str, agrees: bool) -> None:
        nonlocal trouble
        trouble += not agrees
        print(f"{'ok     ' if agrees else 'DIFFERS'}  {what}")

    check(f"the method is {seal['method']}", seal["method"].endswith(method_sha256(bundle / "method")))
    totals = dict.fromkeys(TOTALS, 0)
    for sealed in seal["ledger"]["days"]:
        name = f"{sealed['cluster']}/{sealed['day']}"
        if wanted and name not in wanted:
            continue
        evidence = bundle / "evidence" / sealed["cluster"] / sealed["day"]
        connection = run_plan(bundle / "method", bundle / "inputs" / sealed["cluster"] / sealed["day"])
        for table in ("node_steps", "usage"):
            check(f"{name}: {table} is that of the evidence", is_of_evidence(connection, table, evidence))
        sha256 = ledger_sha256(connection)
        check(f"{name}: ledger {sha256}", sha256 == sealed["sha256"])
        found = hours(connection, evidence)
        if ledger.exists():
            differ = differences(found, sealed_hours(ledger, sealed["cluster"], sealed["day"]))
            check(f"{name}: {len(found)} rows of the hourly ledger" + "".join(f"\n         {line}" for line in differ[:5]), not differ)
        for figures in found.values():
            for column, figure in zip(TOTALS, figures):
                totals[column] += figure
        connection.close()
    if not wanted:
        for column, total in totals.items():
            check(f"total {column} {total}", int(seal["totals"][column]) == total)
    kwh = totals["facility_mj"] // 3_600_000
    print(f"{kwh // 1000}.{kwh % 1000:03} kWh of facility energy, {totals['operational_hourly_ugco2e'] // 1_000_000_000} kg CO2e location-based, hourly factors")
    print("everything agrees" if not trouble else f"{trouble} differ")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
