#!/usr/bin/env bash
# Print the lines of Python by package of allcore: scripts/lines.sh [REVISION]
set -euo pipefail
cd "$(dirname "$0")/.."

git grep -c '' "${1:-HEAD}" -- 'allcore/*.py' | awk -F: '
  { split($2, part, "/"); name = part[3] == "" ? "top-level" : part[2]; lines[name] += $3; total += $3 }
  END { for (name in lines) print name, lines[name]; print "total", total }' | sort | column -t
