"""Runs queries/accounting on DuckDB, over the inputs of some cluster-days, and prints for each day the SHA-256 of its ledger, its job_steps and its
step_requests.

usage: run_plan.py QUERIES_FOLDER DAY_FOLDER...   (a day folder holds one Parquet file an input table)

The files are run as they are: DuckDB knows nothing of wattledger.
"""

import hashlib
import pathlib
import sys

import duckdb

# By table: columns in their order, and how many of them, from the left, sort it.
TABLES = {
    "ledger": (
        "node_id, step, row_id, active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, facility_mj, "
        "operational_hourly_ugco2e, operational_annual_ugco2e, upstream_ugco2e, losses_ugco2e",
        3,
    ),
    "job_steps": ("job_id, step, site_id, active_mj, cpu_request_milli", 3),
    "step_requests": ("step, cpu_request_milli", 1),
}


def run_plan(queries: pathlib.Path, day: pathlib.Path) -> str:
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
    for table in sorted(day.glob("*.parquet")):
        connection.execute(f"CREATE TABLE {table.stem} AS SELECT * FROM read_parquet('{table}')")
    for line in (queries / "plan.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        table, file, *options = line.split()
        for option in options:
            connection.execute(f"CREATE OR REPLACE VIEW quotas AS SELECT * FROM {option.removeprefix('quotas=')}")
        connection.execute(f"CREATE TABLE {table} AS {(queries / file).read_text()}")
    return " ".join(sha256_of(connection, table) for table in TABLES)


def sha256_of(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    columns, key = TABLES[table]
    digest = hashlib.sha256()
    order = ", ".join(columns.split(", ")[:key])
    for row in connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall():
        digest.update(("|".join("" if value is None else str(value) for value in row) + "\n").encode())
    return digest.hexdigest()


if __name__ == "__main__":
    for folder in sys.argv[2:]:
        print(run_plan(pathlib.Path(sys.argv[1]), pathlib.Path(folder)))
