#!/usr/bin/env bash
# Makes intensity/, prices/, decisions/ and evidence/ of the sample month anew: generates the month, back-fills a real Prometheus with it, collects from that.
# Needs cargo, prometheus and promtool. Arguments go to the generator, for example --seed 7.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
month=2026-10
work=$(mktemp -d)
prometheus_pid=

clean_up() {
    if [[ -n $prometheus_pid ]]; then
        kill "$prometheus_pid" 2>/dev/null || true
        wait "$prometheus_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT

cd "$root"
cargo build --locked --bin wattledger --example generate-sample
target=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

"$target/debug/examples/generate-sample" --month "$month" --out "$work" "$@"

# The label cluster is on every series, so one Prometheus serves all three.
for file in "$work"/openmetrics/*.txt; do
    promtool tsdb create-blocks-from openmetrics --max-block-duration=768h --quiet "$file" "$work/tsdb"
    rm "$file"
done

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
: >"$work/prometheus.yml"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --storage.tsdb.retention.time=100y \
    --web.listen-address="127.0.0.1:$port" >"$work/prometheus.log" 2>&1 &
prometheus_pid=$!
for _ in $(seq 120); do
    if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/-/ready', timeout=2)" 2>/dev/null; then
        break
    fi
    if ! kill -0 "$prometheus_pid" 2>/dev/null; then
        cat "$work/prometheus.log" >&2
        exit 1
    fi
    sleep 0.5
done

# The copy stands beside the generated intensities, so that its relative paths mean the new files.
sed "s|http://127.0.0.1:9090|http://127.0.0.1:$port|" "$here/wattledger.toml" >"$work/wattledger.toml"
"$target/debug/wattledger" --config "$work/wattledger.toml" collect --month "$month"

[[ -d $work/evidence ]] || { echo "regenerate.sh: collect wrote no evidence; nothing was replaced" >&2; exit 1; }
for folder in evidence intensity prices decisions; do
    rm -rf "${here:?}/$folder"
    mv "$work/$folder" "$here/$folder"
done
du -sh "$here"
