"""Runs queries/accounting on DuckDB, over the inputs of some cluster-days, and prints the SHA-256 of each day's ledger.

usage: run_plan.py QUERIES_FOLDER DAY_FOLDER...   (a day folder holds one Parquet file an input table)

The files are run as they are: DuckDB knows nothing of wattledger.
"""

import hashlib
import pathlib
import sys

import duckdb

COLUMNS = (
    "node_id, step, row_id, active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, facility_mj, "
    "operational_hourly_ugco2e, operational_annual_ugco2e, upstream_ugco2e, losses_ugco2e"
)


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
    digest = hashlib.sha256()
    for row in connection.execute(f"SELECT {COLUMNS} FROM ledger ORDER BY node_id, step, row_id").fetchall():
        digest.update(("|".join("" if value is None else str(value) for value in row) + "\n").encode())
    return digest.hexdigest()


if __name__ == "__main__":
    for folder in sys.argv[2:]:
        print(run_plan(pathlib.Path(sys.argv[1]), pathlib.Path(folder)))
