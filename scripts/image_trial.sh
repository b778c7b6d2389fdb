#!/usr/bin/env bash
# Start an image in namespaces of its own and print seconds as JSON; scripts/image.py calls it and sets
# ROOT, IMAGE_USER, IMAGE_FOLDER, IMAGE_ENVIRONMENT, IMAGE_COMMAND and IMAGE_HEALTH, in shell words.
# As in compose.yaml the file system is read-only but for /tmp and the home, and there are no capabilities.
set -euo pipefail

eval "settings=($IMAGE_ENVIRONMENT) command=($IMAGE_COMMAND) health=($IMAGE_HEALTH)"
ip link set lo up
account=$(grep "^$IMAGE_USER:" "$ROOT/etc/passwd")
uid=$(cut -d: -f3 <<<"$account") gid=$(cut -d: -f4 <<<"$account") home=$(cut -d: -f6 <<<"$account")
mount --bind "$ROOT" "$ROOT"
mount --bind "$ROOT$home" "$ROOT$home"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount -o remount,bind,ro "$ROOT"

inside=(
  chroot "$ROOT" setpriv --reuid "$uid" --regid "$gid" --clear-groups --bounding-set=-all --no-new-privs
  env -i HOME="$home" "${settings[@]}" sh -c 'cd "$0" && exec "$@"' "$IMAGE_FOLDER"
)
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }

log=$(mktemp)
began=$(now)
"${inside[@]}" "${command[@]}" >"$log" 2>&1 &
server=$!
until "${inside[@]}" "${health[@]}" >/dev/null 2>&1; do
  kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.2
done
start=$(since "$began")

"${inside[@]}" python -m allcore data synth "$home/trial" --cells 24 --subjects 8 >&2
cell=$(cd "$ROOT" && find ".$home/trial" -name '*.png' | sort | head -n 1)
began=$(now)
"${inside[@]}" python -m allcore predict "${cell#.}" --out /tmp/trial.csv >&2
predict=$(since "$began")
grep -qE ',(all|hem|refused),' "$ROOT/tmp/trial.csv" || { cat "$ROOT/tmp/trial.csv" >&2; exit 1; }
kill "$server"
wait "$server" || { echo "The server ended with status $?." >&2; exit 1; }
echo "{\"start\": $start, \"predict\": $predict}"
