"""DuckDB's best SQL for the roll-up, over the same evidence files: the yardstick of the bench.

It does what the ledger does, in doubles and with plain rounding where the method has largest remainders: idle shared by CPU time, PUE, hourly and
annual emissions, sums by workload and hour, and the active energy of job pods. It is less work than the method (no remainders, no re-timing),
so a ratio to it flatters DuckDB. Node-step sums are joined on a packed integer key; threads and insertion order are set for speed.
"""

import pathlib
import sys

import duckdb

dir = pathlib.Path(sys.argv[1])
connection = duckdb.connect()
connection.execute("SET threads = 2; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
evidence = dir / "evidence"
connection.execute(
    f"CREATE TABLE intensity AS SELECT CAST(start_s // 3600 AS INT) AS hour, direct_gco2e_per_kwh AS g "
    f"FROM read_parquet('{evidence}/intensity/NL/*.parquet')"
)
connection.execute("CREATE TABLE hours (workload VARCHAR, hour INT, active HUGEINT, idle HUGEINT, facility HUGEINT, ug HUGEINT, annual HUGEINT)")
connection.execute("CREATE TABLE jobs (job_id INT, day VARCHAR, active HUGEINT, ug HUGEINT)")
for day in sorted((evidence / "bench").iterdir()):
    if not (day / "manifest.json").exists():
        continue
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE node AS
        SELECT CAST(n.node_id AS BIGINT) * 100000000 + n.step AS key, n.step * 300 // 3600 AS hour, i.g AS g, n.metered_mj, n.idle_mj, u.cpu_ms
        FROM read_parquet('{day}/node_steps.parquet') n
        JOIN intensity i ON i.hour = n.step * 300 // 3600
        LEFT JOIN (SELECT node_id, step, SUM(cpu_ms) AS cpu_ms FROM read_parquet('{day}/usage-*.parquet') GROUP BY node_id, step) u
          ON u.node_id = n.node_id AND u.step = n.step
        """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE pod_hour AS
        SELECT u.pod_id, n.hour, SUM(u.active_mj) AS active,
               SUM(CAST(floor(n.idle_mj * (u.cpu_ms / n.cpu_ms) + 0.5) AS BIGINT)) AS idle,
               SUM(CAST(floor((u.active_mj + n.idle_mj * (u.cpu_ms / n.cpu_ms)) * 1.2 + 0.5) AS BIGINT)) AS facility,
               SUM(CAST(floor((u.active_mj + n.idle_mj * (u.cpu_ms / n.cpu_ms)) * 1.2 * n.g / 3600 + 0.5) AS BIGINT)) AS ug,
               SUM(CAST(floor((u.active_mj + n.idle_mj * (u.cpu_ms / n.cpu_ms)) * 1.2 * 260.0 / 3600 + 0.5) AS BIGINT)) AS annual,
               SUM(CAST(floor(u.active_mj * 1.2 * n.g / 3600 + 0.5) AS BIGINT)) AS actual
        FROM read_parquet('{day}/usage-*.parquet') u
        JOIN node n ON n.key = CAST(u.node_id AS BIGINT) * 100000000 + u.step
        GROUP BY u.pod_id, n.hour
        """
    )
    connection.execute(
        f"""
        INSERT INTO hours SELECT p.workload, h.hour, SUM(active), SUM(idle), SUM(facility), SUM(ug), SUM(annual)
        FROM pod_hour h JOIN read_parquet('{day}/pods.parquet') p USING (pod_id) GROUP BY p.workload, h.hour
        """
    )
    connection.execute(
        f"""
        INSERT INTO jobs SELECT p.job_id, '{day.name}', SUM(active), SUM(actual)
        FROM pod_hour h JOIN read_parquet('{day}/pods.parquet') p USING (pod_id) WHERE p.job_id IS NOT NULL GROUP BY p.job_id
        """
    )
total = connection.execute("SELECT SUM(active) FROM hours").fetchone()[0]
connection.execute("SELECT workload, SUM(active), SUM(idle), SUM(facility), SUM(ug), SUM(annual) FROM hours GROUP BY workload").fetchall()
print("duckdb", total)
